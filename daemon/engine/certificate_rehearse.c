/* SPDX-License-Identifier: MIT */
/* `rehearse = yes`: new names are proven at a CA for trials before they are ordered. A rehearsal that failed
 * is an attempt that failed: it has the same back-off, and status tells of it in the same way; but it is none
 * at the CA that is to issue. */

#include "daemon/engine/certificate.h"

#include "daemon/engine/rehearsals.h"
#include "daemon/log.h"
#include "daemon/random.h"

static void fail(struct certificate *c, const struct err *cause)
{
    struct journal *j = &c->journal;
    int64_t now = engine_now();
    struct err e = *cause;
    char next[32];

    j->not_before =
        now + renewal_backoff(&e, j->attempts, c->has_facts ? &c->facts : NULL, random_jitter(), now);
    /* Which CA is out of reach, or limits its orders, is not the one that is to issue. */
    if (e.class == ERR_CLASS_NETWORK || e.class == ERR_CLASS_RATE_LIMITED)
        e.class = ERR_CLASS_TRANSIENT;
    journal_error_set(&j->error, &e, now);
    (void)certificate_save(c, NULL, NULL);
    certificate_plan(c);
    renewal_time_to_str(c->plan.at, next, sizeof next);
    log_error(c->name, "not ordered, because %s; tried again at %s%s", e.text, next,
              c->has_facts ? "; the certificate in use stays" : "");
}

static void on_counted(void *arg, const struct err *e)
{
    struct certificate *c = arg;
    struct err own;

    if (e == NULL && rehearsals_add(c->engine->rehearsals, c))
        return;
    c->rehearses = false;
    if (e != NULL)
        own = *e;
    else
        err_nomem(&own, "a rehearsal");
    fail(c, &own);
}

void certificate_rehearse(struct certificate *c)
{
    struct err e;

    c->rehearses = true;
    timer_cancel(c->engine->timers, &c->timer);
    certificate_count_attempt(c);
    log_info(c->name, "the order is rehearsed at CA %s before it is placed (rehearse = yes)",
             config_rehearsal_ca(c->config)->name);
    if (!certificate_save(c, on_counted, c)) {
        c->rehearses = false;
        err_nomem(&e, "the journal");
        fail(c, &e);
    }
}

void certificate_rehearsed(struct certificate *c, const struct err *e)
{
    struct journal *j = &c->journal;
    bool automatic = c->rehearses;
    bool awaited = rehearsal_is_due(c->config, c->has_facts ? &c->facts : NULL, j, &c->plan, engine_now());

    c->rehearses = false;
    if (!c->config->rehearse)
        return;
    if (e != NULL) {
        if (automatic && c->issuance == NULL && !c->queued)
            fail(c, e);
        return;
    }
    if (!rehearsal_note(j, c->config))
        log_error(c->name, "out of memory: the rehearsal is repeated before the order is placed");
    if (awaited) { /* the order may go, however often a rehearsal has failed before */
        j->attempts = 0;
        j->not_before = 0;
        journal_error_clear(&j->error);
    }
    (void)certificate_save(c, NULL, NULL);
    certificate_plan(c);
}
