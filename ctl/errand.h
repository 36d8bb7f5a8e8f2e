/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_ERRAND_H
#define ACMED_CTL_ERRAND_H

/* A renewal or deployment that was asked for: its progress shown, its outcomes collected, whatever happens to
 * the daemon in between. */

#include "ctl/ctl.h"
#include "ctl/fleet.h"

#include <stddef.h>

enum outcome { OUTCOME_OPEN, OUTCOME_DONE, OUTCOME_SKIPPED, OUTCOME_FAILED, OUTCOME_UNKNOWN };

struct errand_entry {
    char *name; /* owned, as text */
    char *text;
    enum outcome outcome;
};

struct errand {
    struct ctl *c;
    bool deploy;         /* a deployment; else a renewal */
    bool shown;          /* a line of progress was printed */
    int64_t started;     /* Unix seconds */
    struct fleet before; /* what Status said before the call */
    struct errand_entry *v;
    size_t n;
};

void errand_clear(struct errand *a);

/* Takes a reply of type (progress: []Progress): shows each line, keeps each outcome. The last reply repeats
 * the outcomes: errand_finish() tells them. */
void errand_progress(struct errand *a, const json_t *parameters, bool last);

/* A line of progress found out by acmectl itself, shown and kept like the daemon's. */
void errand_note(struct errand *a, const char *name, enum outcome outcome, const char *text);

/* OUTCOME_OPEN: none yet. */
enum outcome errand_outcome(const struct errand *a, const char *name);

/* Certificates that the call is about, by what is known of them from before it. */
bool errand_concerns(const struct errand *a, const struct status_certificate *s);

/* What a certificate's present state says about the errand: *text (size bytes) explains. OUTCOME_OPEN: under
 * way; OUTCOME_UNKNOWN: nothing seems to have been begun. Pure. */
enum outcome errand_judge(const struct errand *a, const struct status_certificate *s, char *text,
                          size_t size);

/* A line per certificate, and the exit status that they make together. */
enum ctl_exit errand_finish(struct errand *a);

/* After the connection was lost: waits for the daemon, then watches until every outcome is known. */
enum ctl_exit follow_errand(struct errand *a);

#endif
