/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DEPLOYMENT_H
#define ACMED_DEPLOYMENT_H

/* From a new generation on disk to the server that presents it, as a state machine over the deploy
 * record of the journal (L4): copy -> reload -> hook -> verify -> done; a failed step is tried again with
 * back-off, and a verification that sees the old leaf starts again at reload (a reload may "succeed" and
 * change nothing). Never a reason for a new issuance. */

#include "lib/config.h"
#include "lib/err.h"
#include "lib/journal.h"

enum deployment_action_kind {
    DEPLOYMENT_DO_RUN,  /* save the record, run .step, come back with OK or FAILED */
    DEPLOYMENT_DO_WAIT, /* save the record, come back with TIMER at .at (Unix seconds) */
    DEPLOYMENT_DO_DONE  /* save the record; nothing more to do */
};

struct deployment_action {
    enum deployment_action_kind kind;
    enum deployment_step step;
    int64_t at;
};

enum deployment_event_kind {
    DEPLOYMENT_EV_START,
    DEPLOYMENT_EV_OK,
    DEPLOYMENT_EV_FAILED,
    DEPLOYMENT_EV_TIMER
};

struct deployment_event {
    enum deployment_event_kind kind;
    const struct err *error; /* FAILED */
    const char *note;        /* OK: what the administrator should know, or NULL; copied into the record */
    bool unseen;             /* OK, of a verification: what the server presents to others cannot be told */
};

/* Attempts and error are cleared when a step succeeds; where verify is configured only when the new leaf was
 * seen, so that the back-off grows although each reload in between "succeeds". A note stays until the next
 * deployment.
 *
 * jitter as in renewal_backoff(). START skips steps the configuration has nothing for, and obeys
 * record->not_before. */
struct deployment_action deployment_step(struct journal_deployment *record,
                                         const struct config_certificate *c,
                                         const struct deployment_event *event, uint32_t jitter, int64_t now);

/* What `deploy` on request, and a new generation, begin with: everything from COPY on, at once, for this
 * generation. */
void deployment_restart(struct journal_deployment *record, unsigned generation);

/* "copy", "reload", "hook", "verify", "done". */
const char *deployment_step_to_str(enum deployment_step step);
bool deployment_step_from_str(const char *s, enum deployment_step *step);

#endif
