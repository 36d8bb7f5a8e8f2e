/* SPDX-License-Identifier: MIT */
#include "lib/deployment.h"

#include "lib/renewal.h"
#include "lib/utf8.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const step_names[] = {
    [DEPLOYMENT_COPY] = "copy",     [DEPLOYMENT_RELOAD] = "reload", [DEPLOYMENT_HOOK] = "hook",
    [DEPLOYMENT_VERIFY] = "verify", [DEPLOYMENT_DONE] = "done",
};
static_assert(sizeof step_names / sizeof step_names[0] == DEPLOYMENT_DONE + 1, "every step has a name");

const char *deployment_step_to_str(enum deployment_step step)
{
    return (unsigned)step <= DEPLOYMENT_DONE ? step_names[step] : "unknown";
}

bool deployment_step_from_str(const char *s, enum deployment_step *step)
{
    for (unsigned i = 0; i <= DEPLOYMENT_DONE; i++) {
        if (strcmp(s, step_names[i]) == 0) {
            *step = (enum deployment_step)i;
            return true;
        }
    }
    return false;
}

void deployment_restart(struct journal_deployment *record, unsigned generation)
{
    record_clear(&journal_deployment_record, record);
    record->generation = generation;
    record->step = DEPLOYMENT_COPY;
}

static bool configured(const struct config_certificate *c, enum deployment_step step)
{
    switch (step) {
    case DEPLOYMENT_COPY:
        return c->n_copies > 0;
    case DEPLOYMENT_RELOAD:
        return c->reload.n > 0;
    case DEPLOYMENT_HOOK:
        return c->hook.n > 0;
    case DEPLOYMENT_VERIFY:
        return c->verify_host != NULL;
    case DEPLOYMENT_DONE:
        break;
    }
    return true;
}

static void forget_failures(struct journal_deployment *record)
{
    record->attempts = 0;
    record->not_before = 0;
    journal_error_clear(&record->error);
}

/* The action for record->step, after skipping what is not configured. */
static struct deployment_action proceed(struct journal_deployment *record, const struct config_certificate *c,
                                        int64_t now)
{
    while (!configured(c, record->step))
        record->step++;
    if (record->step == DEPLOYMENT_DONE) {
        if (record->done_at == 0)
            record->done_at = now;
        forget_failures(record);
        return (struct deployment_action){DEPLOYMENT_DO_DONE, DEPLOYMENT_DONE, 0};
    }
    /* A time further away than any back-off was written under another clock. */
    if (record->not_before > now && record->not_before - now <= RENEWAL_DEPLOY_BACKOFF_MAX)
        return (struct deployment_action){DEPLOYMENT_DO_WAIT, record->step, record->not_before};
    return (struct deployment_action){DEPLOYMENT_DO_RUN, record->step, 0};
}

static void succeeded(struct journal_deployment *record, const struct config_certificate *c,
                      const struct deployment_event *event, int64_t now)
{
    const char *note = event->note;

    if (note != NULL) {
        free(record->note);
        record->note = strndup(note, utf8_cut(note, JOURNAL_NOTE_MAX));
    }
    record->not_before = 0;
    if (record->step == DEPLOYMENT_VERIFY)
        record->served_at = event->unseen ? 0 : now;
    if (record->step == DEPLOYMENT_VERIFY || !configured(c, DEPLOYMENT_VERIFY))
        forget_failures(record);
    if (record->step != DEPLOYMENT_DONE)
        record->step++;
}

static void failed(struct journal_deployment *record, const struct config_certificate *c,
                   const struct err *error, uint32_t jitter, int64_t now)
{
    if (record->attempts < UINT_MAX)
        record->attempts++;
    record->not_before = now + renewal_deploy_backoff(record->attempts, jitter);
    journal_error_set(&record->error, error, now);
    if (record->step != DEPLOYMENT_VERIFY)
        return;
    /* What is served is still the old leaf: whatever was to make the server read the files did not. */
    if (configured(c, DEPLOYMENT_RELOAD))
        record->step = DEPLOYMENT_RELOAD;
    else if (configured(c, DEPLOYMENT_HOOK))
        record->step = DEPLOYMENT_HOOK;
}

struct deployment_action deployment_step(struct journal_deployment *record,
                                         const struct config_certificate *c,
                                         const struct deployment_event *event, uint32_t jitter, int64_t now)
{
    if (record->generation == 0)
        return (struct deployment_action){DEPLOYMENT_DO_DONE, DEPLOYMENT_DONE, 0};
    if (event->kind == DEPLOYMENT_EV_OK)
        succeeded(record, c, event, now);
    else if (event->kind == DEPLOYMENT_EV_FAILED && record->step != DEPLOYMENT_DONE)
        failed(record, c, event->error, jitter, now);
    return proceed(record, c, now);
}
