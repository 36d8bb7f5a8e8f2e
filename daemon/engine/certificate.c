/* SPDX-License-Identifier: MIT */
#include "daemon/engine/certificate.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/clock.h"
#include "daemon/engine/deploy.h"
#include "daemon/engine/fleet.h"
#include "daemon/engine/issuance.h"
#include "daemon/log.h"
#include "lib/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CLOCK_RETRY_S 60 /* while the clock is not sane */

static uint32_t draw_jitter(void)
{
    uint32_t r = 0;

    (void)!getrandom(&r, sizeof r, GRND_NONBLOCK);
    return r;
}

bool certificate_save(struct certificate *c, void (*on_durable)(void *arg, const struct err *e), void *arg)
{
    char *text = journal_to_json(&c->journal);

    if (text != NULL && writer_put(c->engine->writer, c->name, text, on_durable, arg))
        return true;
    log_error(c->name, "out of memory: the journal is not written; it is with the next change");
    return false;
}

/* ---- what is on disk ---- */

static bool load_live(struct certificate *c)
{
    struct cert_facts facts = {0};
    unsigned generation = 0;
    struct err e;

    if (!live_load(&c->engine->live, c->name, &generation, &facts, &e)) {
        if (e.class != ERR_CLASS_NONE)
            log_error(c->name, "%s", e.text);
        return false;
    }
    cert_facts_clear(&c->facts);
    c->facts = facts;
    c->has_facts = true;
    c->generation = generation;
    return true;
}

static void load_journal(struct certificate *c)
{
    struct err e;
    size_t len = 0;
    char *text = state_files_load(&c->engine->files, c->name, &len, &e);

    if (text == NULL) {
        if (e.class != ERR_CLASS_NONE)
            log_error(c->name, "%s", e.text);
        return;
    }
    if (!journal_from_json(&c->journal, text, len, &e)) {
        log_error(c->name,
                  "the journal state/%s.json cannot be used: %s; it is kept as %s.json.bad, and acmed goes "
                  "on from the "
                  "certificate on disk",
                  c->name, e.text, c->name);
        state_files_quarantine(&c->engine->files, c->name);
    }
    free(text);
}

/* Between the flip of live/ and the journal's note of it the process may have been killed; or somebody else
 * made the link point elsewhere; or the journal is gone. live/ is the truth. */
static void reconcile(struct certificate *c)
{
    struct journal *j = &c->journal;

    if (!c->has_facts || c->generation == j->issued_generation)
        return;
    if (journal_has_order(j) && c->generation > j->issued_generation &&
        c->facts.not_after > j->order_created) {
        log_notice(c->name, "generation %u was installed just before the last stop; it is deployed now",
                   c->generation);
        journal_issued(j, c->generation, engine_now());
        return;
    }
    if (j->deployment.generation != c->generation) {
        log_notice(c->name, "generation %u is live and taken over as it is", c->generation);
        j->issued_generation = c->generation;
        deployment_restart(&j->deployment, c->generation);
        j->deployment.step = DEPLOYMENT_DONE;
    }
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
    (void)load_live(c);
    if (config != NULL) {
        load_journal(c);
        reconcile(c);
    }
    return c;
}

void certificate_free(struct certificate *c)
{
    if (c == NULL)
        return;
    issuance_cancel(c->issuance);
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

    if (c->config == NULL || c->issuance != NULL || c->queued || g->stopping)
        return;
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
    if (c->plan.at <= now)
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

void certificate_request(struct certificate *c)
{
    c->journal.issued_by_force_pending = true;
    (void)certificate_save(c, NULL, NULL); /* a restart does not forget it */
    timer_cancel(c->engine->timers, &c->timer);
    gate_nudge(authority_gate(fleet_authority(c->engine->fleet, c->config->ca)), engine_now());
    fleet_reconsider(c->engine->fleet);
    c->told = GATE_CAUSE_NONE;
    if (c->issuance == NULL)
        feed_event(c->engine->feed, c->name, "requested", NULL, "a renewal was requested");
    certificate_plan(c);
}

/* ---- the attempt ---- */

bool certificate_is_exempt(const struct certificate *c)
{
    return c->journal.order_url != NULL ||
           (c->has_facts && c->plan.reason != RENEWAL_NAMES && c->plan.reason != RENEWAL_MISSING);
}

void certificate_attempt(struct certificate *c, struct authority *a)
{
    struct journal *j = &c->journal;
    struct err pending;

    gate_started(authority_gate(a), &c->config->domains, certificate_is_exempt(c), engine_now());
    timer_cancel(c->engine->timers, &c->timer);
    j->attempts++;
    j->attempt_at = engine_now();
    err_set(&pending, ERR_CLASS_TRANSIENT, "interrupted");
    j->not_before = j->attempt_at + renewal_backoff(&pending, j->attempts, c->has_facts ? &c->facts : NULL,
                                                    draw_jitter(), j->attempt_at);
    log_info(c->name, "ordering at CA %s: %s%s", c->config->ca->name, renewal_reason_to_str(c->plan.reason),
             j->attempts > 1 ? " (not the first attempt)" : "");
    feed_event(c->engine->feed, c->name, "started", NULL, "ordering at CA %s: %s", c->config->ca->name,
               renewal_reason_to_str(c->plan.reason));
    feed_progress(c->engine->feed, c->name, NULL, "ordering at CA %s: %s", c->config->ca->name,
                  renewal_reason_to_str(c->plan.reason));
    c->issuance = issuance_start(c, a);
    if (c->issuance == NULL) {
        err_nomem(&pending, "an issuance");
        certificate_failed(c, a, &pending, false, GATE_SCOPE_ORDER);
    }
    feed_changed(c->engine->feed, c->name);
}

/* Tells the gate, and the log when the CA had been away. */
static void end_well(const struct certificate *c, struct authority *a)
{
    struct gate *gate = authority_gate(a);
    char text[ERR_TEXT_MAX + 64];
    int64_t now = engine_now();
    int64_t until;
    bool was_closed = gate_describe(gate, now, text, sizeof text, &until) != GATE_CAUSE_NONE;

    (void)gate_ended(gate, &c->config->domains, NULL, GATE_SCOPE_ORDER, draw_jitter(), now);
    if (was_closed && gate_describe(gate, now, text, sizeof text, &until) == GATE_CAUSE_NONE)
        log_notice(NULL, "CA %s takes orders again; %u wait for it", authority_ca(a)->name,
                   fleet_waiting_for(c->engine->fleet, a));
}

static void log_issued(const struct certificate *c)
{
    int64_t now = engine_now();
    char expiry[32], next[32];

    renewal_time_to_str(c->facts.not_after, expiry, sizeof expiry);
    renewal_time_to_str(c->plan.at, next, sizeof next);
    log_notice(c->name, "generation %u is issued by %s, valid for %lld days until %s%s%s", c->generation,
               c->facts.issuer != NULL ? c->facts.issuer : "the CA",
               (long long)((c->facts.not_after - now) / 86400), expiry,
               c->plan.at > now ? "; next renewal at " : "", c->plan.at > now ? next : "");
}

void certificate_issued(struct certificate *c, struct authority *a, unsigned generation)
{
    struct engine *g = c->engine;
    bool first = !c->has_facts;
    bool is_readable;

    journal_issued(&c->journal, generation, engine_now());
    is_readable = load_live(c);
    certificate_plan(c);
    if (is_readable)
        log_issued(c);
    else
        log_error(c->name,
                  "generation %u was installed but cannot be read back; it is deployed all the same, and "
                  "read again at the next start or reload",
                  generation);
    feed_event(g->feed, c->name, "issued", NULL, "generation %u, serial %s", generation,
               c->facts.serial != NULL ? c->facts.serial : "unknown");
    feed_progress(g->feed, c->name, NULL, "issued: generation %u", generation);
    deploy_cancel(c->deploy);
    c->deploy = NULL;
    if (!deploy_start(c, first ? "issued" : "renewed"))
        log_error(c->name, "out of memory: the deployment begins after the next start");
    end_well(c, a);
    fleet_done(g->fleet, c);
}

/* What acmed does next about a failed attempt, and when. */
static void next_try(const struct certificate *c, char *text, size_t size)
{
    int64_t in = c->plan.at - engine_now();
    const char *what = c->plan.reason == RENEWAL_LIFETIME && c->plan.renew_at > engine_now()
                           ? "the next renewal is due"
                           : "tried again";

    if (in < 2 * 3600)
        (void)snprintf(text, size, "%s in %lld min", what, (long long)((in + 59) / 60));
    else if (in < 3 * 86400)
        (void)snprintf(text, size, "%s in %lld h", what, (long long)(in / 3600));
    else
        (void)snprintf(text, size, "%s in %lld days", what, (long long)(in / 86400));
}

/* What is the matter of the CA's gate is not held against the certificate: it waits there, at no cost. */
static void wait_at_gate(struct certificate *c, const struct authority *a, int64_t now, char *next,
                         size_t size)
{
    struct journal *j = &c->journal;
    struct gate_answer answer =
        gate_ask(authority_gate(a), &c->config->domains, certificate_is_exempt(c), now);
    int64_t in = answer.until - now;

    j->not_before = 0;
    j->attempts -= j->attempts > 0 ? 1 : 0;
    if (in <= 0)
        (void)snprintf(next, size, "it goes on when CA %s can be had again", authority_ca(a)->name);
    else
        (void)snprintf(next, size, "CA %s is asked again in %lld %s, %u more waiting", authority_ca(a)->name,
                       (long long)(in < 120 ? in : (in + 59) / 60), in < 120 ? "s" : "min",
                       fleet_waiting_for(c->engine->fleet, a));
}

void certificate_failed(struct certificate *c, struct authority *a, const struct err *cause, bool forget,
                        enum gate_scope scope)
{
    struct journal *j = &c->journal;
    struct engine *g = c->engine;
    uint32_t jitter = draw_jitter();
    int64_t now = engine_now();
    bool waits = gate_ended(authority_gate(a), &c->config->domains, cause, scope, jitter, now);
    struct err e = *cause;
    char next[256];

    if (scope == GATE_SCOPE_ACCOUNT)
        err_wrap(&e, "CA %s", authority_ca(a)->name);
    journal_error_set(&j->error, &e, now);
    j->issued_by_force_pending = false;
    if (forget)
        journal_drop_order(j);
    if (waits) {
        wait_at_gate(c, a, now, next, sizeof next);
    } else {
        j->not_before = now + renewal_backoff(&e, j->attempts, c->has_facts ? &c->facts : NULL, jitter, now);
        certificate_plan(c);
        next_try(c, next, sizeof next);
    }
    (void)certificate_save(c, NULL, NULL);
    log_error(c->name, "not %s: %s; %s%s", c->has_facts ? "renewed" : "issued", e.text, next,
              c->has_facts ? "; the certificate in use stays" : "");
    feed_event(g->feed, c->name, "failed", NULL, "%s", e.text);
    feed_progress(g->feed, c->name, "failed", "%s; %s", e.text, next);
    fleet_done(g->fleet, c);
    if (waits) /* after the outcome is told: from here on it waits again */
        certificate_plan(c);
}

/* ---- what it waits for ---- */

void certificate_describe_wait(const struct certificate *c, struct gate_answer answer, char *text,
                               size_t size)
{
    const struct gate *gate = authority_gate(fleet_authority(c->engine->fleet, c->config->ca));
    const char *ca = c->config->ca->name;
    char why[ERR_TEXT_MAX + 64];
    int64_t until;

    if (answer.cause == GATE_CAUSE_LIMIT)
        (void)snprintf(text, size,
                       "CA %s allows a limited number of new orders, and they are used up for now", ca);
    else if (answer.cause == GATE_CAUSE_DOMAIN)
        (void)snprintf(text, size, "CA %s takes no more orders for this domain for now", ca);
    else if (gate_describe(gate, engine_now(), why, sizeof why, &until) != GATE_CAUSE_NONE)
        (void)snprintf(text, size, "CA %s %s", ca, why);
    else
        (void)snprintf(text, size, "one order goes first, to see whether CA %s takes any", ca);
}

void certificate_tell_wait(struct certificate *c, struct gate_answer answer)
{
    char text[ERR_TEXT_MAX + 128];
    char until[32];

    if (!c->journal.issued_by_force_pending || c->told == answer.cause)
        return;
    c->told = answer.cause;
    certificate_describe_wait(c, answer, text, sizeof text);
    renewal_time_to_str(answer.until, until, sizeof until);
    feed_progress(c->engine->feed, c->name, NULL, "waiting: %s%s%s", text,
                  answer.until != 0 ? "; until " : "", answer.until != 0 ? until : "");
}
