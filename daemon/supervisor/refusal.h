/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_REFUSAL_H
#define ACMED_SUPERVISOR_REFUSAL_H

/* What the engine asks for and must not have is logged. One that was taken over asks without end: it must not
 * fill the journal through the supervisor's own records either. */

#include <stdbool.h>
#include <stdint.h>

#define REFUSAL_MAX    50 /* records in a span; the first after it says how many were left out */
#define REFUSAL_SPAN_S 60

/* Zeroed: nothing was refused yet. */
struct refusals {
    int64_t began; /* the span */
    unsigned said;
    unsigned unsaid;
};

/* Whether one more is logged at `now` (seconds of a clock that never goes back). *unsaid: how many were not
 * in the span that this one ends. */
bool refusals_admit(struct refusals *r, int64_t now, unsigned *unsaid);

/* Logs "WHAT: WHY", unless there were too many. lineage: NULL when it is about none. */
void refusal_log(const char *lineage, const char *what, const char *why);

#endif
