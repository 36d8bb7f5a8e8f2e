/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/refusal.h"

#include "daemon/log.h"

#include <time.h>

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

void refusal_log(const char *lineage, const char *what, const char *why)
{
    static struct refusals refusals; /* of the process, as its log is */
    struct timespec t = {0};
    unsigned unsaid;
    bool admitted;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    admitted = refusals_admit(&refusals, t.tv_sec, &unsaid);
    if (unsaid > 0)
        log_warning(NULL, "%u more things that the engine asked for were refused; they are not logged",
                    unsaid);
    if (admitted)
        log_warning(lineage, "%s: %s", what, why);
}
