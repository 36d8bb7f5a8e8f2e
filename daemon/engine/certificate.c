/* SPDX-License-Identifier: MIT */
#include "daemon/engine/certificate.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/clock.h"
#include "daemon/engine/deploy.h"
#include "daemon/engine/fleet.h"
#include "daemon/engine/issuance.h"
#include "daemon/engine/rehearsal.h"
#include "daemon/engine/revocation.h"
#include "daemon/engine/rollback.h"
#include "daemon/engine/withdrawal.h"
#include "daemon/log.h"
#include "lib/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CLOCK_RETRY_S 60 /* while the clock is not sane */

bool certificate_save(struct certificate *c, void (*on_durable)(void *arg, const struct err *e), void *arg)
{
    char *text = journal_to_json(&c->journal);

    if (text != NULL && writer_put(c->engine->writer, c->name, text, on_durable, arg))
        return true;
    log_error(c->name, "out of memory: the journal is not written; it is with the next change");
    return false;
}

struct certificate *certificate_new(struct engine *g, const char *name,
                                    const struct config_certificate *config)
{
    struct certificate *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    *c = (struct certificate){.engine = g, .config = config};
    c->timer.arg = c;
    journal_init(&c->journal);
    c->name = strdup(name);
    if (c->name == NULL) {
        certificate_free(c);
        return NULL;
    }
    certificate_load(c);
    if (config != NULL)
        certificate_choose_ca(c);
    return c;
}

void certificate_free(struct certificate *c)
{
    if (c == NULL)
        return;
    writer_forget(c->engine->writer, c);
    rollback_cancel(c->rollback);
    revocation_cancel(c->revocation);
    issuance_cancel(c->issuance);
    rehearsal_cancel(c->rehearsal);
    withdraw_forget(c->engine->withdrawals, c);
    deploy_cancel(c->deploy);
    timer_cancel(c->engine->timers, &c->timer);
    cert_facts_clear(&c->facts);
    journal_clear(&c->journal);
    free(c->name);
    free(c);
}

/* ---- what comes next ---- */

static void on_due(void *arg)
{
    certificate_plan(arg);
}

/* An attempt that neither succeeded nor failed was cut off by a stop: it goes on at once, unless that happens
 * again and again. */
static bool was_interrupted(const struct certificate *c)
{
    const struct journal *j = &c->journal;

    return j->attempt_at != 0 && j->error.at < j->attempt_at && j->attempts > 0 && j->attempts <= 3 &&
           j->attempt_at <= engine_now() && !c->engine->serving;
}

static void warn_cap(const struct certificate *c)
{
    if (c->plan.capped)
        log_warning(
            c->name,
            "renew_before is more than half of this certificate's lifetime of %lld days; it is renewed "
            "at half of it",
            (long long)((c->facts.not_after - c->facts.not_before) / 86400));
}

void certificate_plan(struct certificate *c)
{
    struct engine *g = c->engine;
    int64_t now = engine_now();
    bool capped = c->plan.capped;

    if (c->rehearses && !c->journal.issued_by_force_pending)
        return;
    if (c->config == NULL || c->issuance != NULL || c->queued || c->rollback != NULL || g->stopping)
        return;
    certificate_choose_ca(c);
    c->plan = renewal_plan(c->config, c->has_facts ? &c->facts : NULL, &c->journal,
                           c->journal.issued_by_force_pending,
                           renewal_seed(c->name, c->has_facts ? &c->facts : NULL), now);
    if (!capped)
        warn_cap(c);
    if (!renewal_clock_sane(now)) {
        log_warning(c->name,
                    "the system's clock is not set (it is before this program was built); nothing is ordered "
                    "until it is");
        c->plan.at = now + CLOCK_RETRY_S;
        c->plan.held = true;
    }
    if (c->plan.at <= now && !c->journal.issued_by_force_pending && !clock_is_believed(g)) {
        c->plan.at = now + CLOCK_RETRY_S;
        c->plan.held = true;
    }
    c->timer.on_due = on_due;
    if (c->plan.at <= now &&
        rehearsal_is_due(c->config, c->has_facts ? &c->facts : NULL, &c->journal, &c->plan, now))
        certificate_rehearse(c);
    else if (c->plan.at <= now)
        fleet_queue(g->fleet, c);
    else if (!timer_set(g->timers, &c->timer, c->plan.at))
        log_error(c->name,
                  "out of memory: no timer is set for the next renewal; reload acmed when memory is free");
    feed_changed(g->feed, c->name);
}

static void on_copies(void *arg, const struct ipc_msg *m, const struct err *e)
{
    const struct certificate *c = arg;

    (void)m;
    if (e != NULL)
        log_error(c->name,
                  "the configured copies could not be brought up to date: %s; tried again at the next start "
                  "or reload",
                  e->text);
}

void certificate_start(struct certificate *c, bool reloaded)
{
    struct journal *j = &c->journal;

    if (c->config == NULL)
        return;
    if (c->issuance == NULL && c->journal.order_url == NULL)
        withdraw(c->engine->withdrawals, c);
    /* An attempt or a deployment may be under way: somebody asked as soon as there was a socket. */
    if (c->issuance == NULL && (was_interrupted(c) || (reloaded && (j->error.class == ERR_CLASS_PERMANENT ||
                                                                    j->error.class == ERR_CLASS_CONFIG))))
        j->not_before = 0;
    if (c->has_facts && c->deploy == NULL && j->deployment.generation == c->generation) {
        if (j->deployment.step != DEPLOYMENT_DONE) {
            if (!deploy_start(c, c->generation == 1 ? "issued" : "renewed"))
                log_error(c->name, "out of memory: the deployment of the last generation is not resumed; "
                                   "`acmectl deploy` does it");
        } else if (c->config->n_copies > 0) {
            (void)link_request(c->engine->keeper, on_copies, c, IPC_COPY, c->name);
        }
    }
    certificate_plan(c);
}

bool certificate_request(struct certificate *c, void (*on_durable)(void *arg, const struct err *e), void *arg)
{
    bool saved;

    c->journal.issued_by_force_pending = true;
    saved = certificate_save(c, on_durable, arg);
    timer_cancel(c->engine->timers, &c->timer);
    gate_nudge(authority_gate(fleet_authority(c->engine->fleet, c->ca)), engine_now());
    fleet_reconsider(c->engine->fleet);
    c->told = GATE_CAUSE_NONE;
    if (c->issuance == NULL)
        feed_event(c->engine->feed, c->name, "requested", NULL, "a renewal was requested");
    certificate_plan(c);
    return saved;
}
