/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_REFUSAL_H
#define ACMED_SUPERVISOR_REFUSAL_H

/* What the engine asks for and must not have is logged. One that was taken over asks without end: it must not
 * fill the journal through the supervisor's own records either, nor hide one kind of refusal among others. */

#define REFUSAL_MAX    50 /* records of a kind in a span; the first after it says how many were left out */
#define REFUSAL_SPAN_S 60

enum refusal {
    REFUSAL_GRANT,  /* of what a person should have asked for */
    REFUSAL_STEP,   /* of a deployment */
    REFUSAL_RECORD, /* in the DNS */
    REFUSAL_COUNT
};

/* Logs "WHAT: WHY", unless there were too many of the kind. lineage: NULL when it is about none. */
void refusal_log(enum refusal kind, const char *lineage, const char *what, const char *why);
/* The engine has ended: says how many were not logged. */
void refusal_settle(void);

#endif
