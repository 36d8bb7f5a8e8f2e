/* SPDX-License-Identifier: MIT */
#include "daemon/log_limit.h"

bool log_limit_admit(struct log_limit *l, size_t bytes, bool debug, int64_t now, unsigned *lost)
{
    unsigned factor = debug ? LOG_LIMIT_DEBUG : 1;

    *lost = 0;
    if (l->records == 0 || now - l->began >= LOG_LIMIT_SPAN_S) {
        *lost = l->dropped;
        *l = (struct log_limit){.began = now};
    }
    if (l->records >= LOG_LIMIT_RECORDS * factor || l->bytes + bytes > LOG_LIMIT_BYTES * (size_t)factor) {
        l->dropped++;
        return false;
    }
    l->records++;
    l->bytes += bytes;
    return true;
}
