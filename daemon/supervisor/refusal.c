/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/refusal.h"

#include "daemon/log.h"

#include <time.h>

static struct refusals kinds[REFUSAL_COUNT]; /* of the process, as its log is */

bool refusals_admit(struct refusals *r, int64_t now, unsigned *unsaid)
{
    *unsaid = 0;
    if (r->said == 0 || now - r->began >= REFUSAL_SPAN_S) {
        *unsaid = r->unsaid;
        *r = (struct refusals){.began = now};
    }
    if (r->said == REFUSAL_MAX) {
        r->unsaid++;
        return false;
    }
    r->said++;
    return true;
}

static void tell_unsaid(enum refusal kind, unsigned unsaid)
{
    static const char *const what[REFUSAL_COUNT] = {"grants", "deployment steps", "DNS records"};

    if (unsaid > 0)
        log_warning(NULL, "the engine was refused %u more %s, which were not logged one by one", unsaid,
                    what[kind]);
}

void refusal_log(enum refusal kind, const char *lineage, const char *what, const char *why)
{
    struct timespec t = {0};
    unsigned unsaid;
    bool admitted;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    admitted = refusals_admit(&kinds[kind], t.tv_sec, &unsaid);
    tell_unsaid(kind, unsaid);
    if (admitted)
        log_warning(lineage, "%s: %s", what, why);
}

void refusal_settle(void)
{
    for (unsigned kind = 0; kind < REFUSAL_COUNT; kind++) {
        tell_unsaid((enum refusal)kind, kinds[kind].unsaid);
        kinds[kind] = (struct refusals){0};
    }
}
