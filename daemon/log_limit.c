/* SPDX-License-Identifier: MIT */
#include "daemon/log_limit.h"

struct log_limit_rule log_limit_of_child(bool debug)
{
    unsigned factor = debug ? LOG_LIMIT_DEBUG : 1;

    return (struct log_limit_rule){LOG_LIMIT_SPAN_S, LOG_LIMIT_RECORDS * factor,
                                   LOG_LIMIT_BYTES * (size_t)factor};
}

bool log_limit_admit(struct log_limit *l, struct log_limit_rule rule, size_t bytes, int64_t now,
                     unsigned *lost)
{
    *lost = 0;
    if (l->records == 0 || now - l->began >= rule.span_s) {
        *lost = l->dropped;
        *l = (struct log_limit){.began = now};
    }
    if (l->records >= rule.records || l->bytes + bytes > rule.bytes) {
        l->dropped++;
        return false;
    }
    l->records++;
    l->bytes += bytes;
    return true;
}
