/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/refusal.h"

#include "daemon/log.h"
#include "daemon/log_limit.h"

#include <time.h>

static struct log_limit kinds[REFUSAL_COUNT]; /* of the process, as its log is */

static void tell_unsaid(enum refusal kind, unsigned unsaid)
{
    static const char *const what[REFUSAL_COUNT] = {"grants", "deployment steps", "DNS records"};

    if (unsaid > 0)
        log_warning(NULL, "the engine was refused %u more %s, which were not logged one by one", unsaid,
                    what[kind]);
}

void refusal_log(enum refusal kind, const char *lineage, const char *what, const char *why)
{
    const struct log_limit_rule rule = {REFUSAL_SPAN_S, REFUSAL_MAX, SIZE_MAX};
    struct timespec t = {0};
    unsigned unsaid;
    bool admitted;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    admitted = log_limit_admit(&kinds[kind], rule, 0, t.tv_sec, &unsaid);
    tell_unsaid(kind, unsaid);
    if (admitted)
        log_warning(lineage, "%s: %s", what, why);
}

void refusal_settle(void)
{
    for (unsigned kind = 0; kind < REFUSAL_COUNT; kind++) {
        tell_unsaid((enum refusal)kind, kinds[kind].dropped);
        kinds[kind] = (struct log_limit){0};
    }
}
