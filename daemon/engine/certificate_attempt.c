/* SPDX-License-Identifier: MIT */
#include "daemon/engine/certificate.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/deploy.h"
#include "daemon/engine/fleet.h"
#include "daemon/engine/issuance.h"
#include "daemon/engine/renewal_info.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "lib/ari.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum ledger_exemption certificate_exemption(const struct certificate *c)
{
    if (c->journal.order_url != NULL)
        return LEDGER_RESUMED;
    if (c->has_facts && c->plan.reason != RENEWAL_NAMES && c->plan.reason != RENEWAL_MISSING &&
        journal_is_issued_by(&c->journal, c->ca->directory))
        return certificate_is_ari_renewal(c) ? LEDGER_ARI : LEDGER_RENEWAL;
    return LEDGER_COUNTED;
}

void certificate_validation_failed(struct certificate *c, struct authority *a, const struct strv *names)
{
    for (size_t i = 0; i < names->n; i++)
        gate_validation_failed(authority_gate(a), names->v[i], engine_now());
    if (names->n > 0)
        journal_validation_failed(&c->journal, engine_now());
}

bool certificate_is_ari_renewal(const struct certificate *c)
{
    return c->config != NULL && c->has_facts && ari_in_window(&c->journal.ari, &c->facts, engine_now()) &&
           ari_replaces(&c->journal, &c->facts, c->ca->directory);
}

/* How the order counts against the CA's limits: in the gate now, and in the journal for the time after a
 * restart. */
static void count(struct certificate *c, const struct authority *a)
{
    c->exemption = certificate_exemption(c);
    journal_paced(&c->journal, authority_ca(a)->directory, gate_pace_ms(authority_gate(a)), engine_now());
    if (c->exemption == LEDGER_COUNTED)
        journal_counted(&c->journal, engine_now());
}

void certificate_orders_anew(struct certificate *c, struct authority *a)
{
    journal_drop_order(&c->journal);
    if (c->exemption != LEDGER_RESUMED)
        return;
    count(c, a);
    gate_placed_anew(authority_gate(a), &c->config->domains, c->exemption, engine_now());
}

void certificate_count_attempt(struct certificate *c)
{
    struct journal *j = &c->journal;
    struct err pending;

    err_set(&pending, ERR_CLASS_TRANSIENT, "interrupted");
    if (j->attempts < UINT_MAX)
        j->attempts++;
    j->attempt_at = engine_now();
    j->not_before = j->attempt_at + renewal_backoff(&pending, j->attempts, c->has_facts ? &c->facts : NULL,
                                                    random_jitter(), j->attempt_at);
}

void certificate_attempt(struct certificate *c, struct authority *a)
{
    struct journal *j = &c->journal;
    char reason[RENEWAL_DESCRIPTION_MAX];
    struct err e;

    count(c, a);
    gate_started(authority_gate(a), &c->config->domains, c->exemption, engine_now());
    timer_cancel(c->engine->timers, &c->timer);
    certificate_count_attempt(c);
    renewal_describe(c->plan.reason, j, reason, sizeof reason);
    log_info(c->name, "ordering at CA %s: %s%s", c->ca->name, reason,
             j->attempts > 1 ? " (not the first attempt)" : "");
    feed_event(c->engine->feed, c->name, "started", NULL, "ordering at CA %s: %s", c->ca->name, reason);
    feed_progress(c->engine->feed, c->name, NULL, "ordering at CA %s: %s", c->ca->name, reason);
    c->issuance = issuance_start(c, a);
    if (c->issuance == NULL) {
        err_nomem(&e, "an issuance");
        certificate_failed(c, a, &e, false, GATE_SCOPE_ORDER);
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

    (void)gate_ended(gate, &c->config->domains, NULL, GATE_SCOPE_ORDER, random_jitter(), now);
    if (was_closed && gate_describe(gate, now, text, sizeof text, &until) == GATE_CAUSE_NONE)
        log_notice(NULL, "CA %s takes orders again; %u wait for it", authority_ca(a)->name,
                   authority_queued(a));
}

static void log_issued(const struct certificate *c)
{
    int64_t now = engine_now();
    int64_t left = c->facts.not_after - now;
    bool in_days = left >= 2 * 86400;
    char expiry[32], next[32];

    renewal_time_to_str(c->facts.not_after, expiry, sizeof expiry);
    renewal_time_to_str(c->plan.at, next, sizeof next);
    log_notice(c->name, "generation %u is issued by %s, valid for %lld %s until %s%s%s", c->generation,
               c->facts.issuer != NULL ? c->facts.issuer : "the CA",
               (long long)(left / (in_days ? 86400 : 3600)), in_days ? "days" : "hours", expiry,
               c->plan.at > now ? "; next renewal at " : "", c->plan.at > now ? next : "");
}

void certificate_issued(struct certificate *c, struct authority *a, unsigned generation, const char *chain)
{
    struct engine *g = c->engine;
    bool first = !c->has_facts;
    bool is_readable;

    journal_issued(&c->journal, generation, chain, engine_now());
    is_readable = certificate_load_live(c);
    if (is_readable && ari_begin(&c->journal.ari, &c->facts, random_choice(), engine_now(), NULL))
        renewal_info_changed(g->renewal_info, c);
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
    bool planned = c->plan.reason == RENEWAL_LIFETIME || c->plan.reason == RENEWAL_ARI;
    const char *what = planned && c->plan.renew_at > engine_now() ? "the next renewal is due" : "tried again";

    if (in < 2 * 3600)
        (void)snprintf(text, size, "%s in %lld min", what, (long long)((in + 59) / 60));
    else if (in < 3 * 86400)
        (void)snprintf(text, size, "%s in %lld h", what, (long long)(in / 3600));
    else
        (void)snprintf(text, size, "%s in %lld days", what, (long long)(in / 86400));
}

/* A restart does not make the CA take the account again. All that are had from there are concerned. */
static void note_alarm(struct certificate *c, const struct authority *a, int64_t now)
{
    const char *alarm = authority_alarm(a);
    struct journal *j = &c->journal;

    if (alarm != NULL && (j->alarm.text == NULL || strcmp(j->alarm.text, alarm) != 0))
        fleet_changed(c->engine->fleet, authority_ca(a));
    if (alarm != NULL && !journal_alarm_set(j, authority_ca(a)->directory, alarm, now))
        log_error(NULL, "out of memory: that CA %s has ended the account is forgotten at the next start",
                  authority_ca(a)->name);
}

void certificate_failed(struct certificate *c, struct authority *a, const struct err *cause, bool forget,
                        enum gate_scope scope)
{
    struct journal *j = &c->journal;
    struct engine *g = c->engine;
    uint32_t jitter = random_jitter();
    int64_t now = engine_now();
    bool waits = gate_ended(authority_gate(a), &c->config->domains, cause, scope, jitter, now);
    const struct ca_trouble trouble = {.class = cause->class, .opens_at = cause->retry_at};
    struct err e = *cause;
    char next[256];
    int64_t at;
    bool moved;

    if (scope == GATE_SCOPE_ACCOUNT)
        err_wrap(&e, "CA %s", authority_ca(a)->name);
    note_alarm(c, a, now);
    journal_error_set(&j->error, &e, now);
    if (forget)
        journal_drop_order(j);
    if (!journal_has_order(j))
        gate_give_back(authority_gate(a), &c->config->domains, c->exemption);
    moved = certificate_move(c, &trouble, e.text, &at);
    j->issued_by_force_pending = j->issued_by_force_pending && moved;
    if (moved) {
        j->attempts = 0;
        j->not_before = 0;
        (void)snprintf(next, sizeof next, "CA %s is asked instead", c->ca->name);
    } else if (waits) {
        certificate_wait_at_gate(c, a, now, next, sizeof next);
    } else {
        j->not_before = now + renewal_backoff(&e, j->attempts, c->has_facts ? &c->facts : NULL, jitter, now);
        certificate_plan(c);
        next_try(c, next, sizeof next);
    }
    (void)certificate_save(c, NULL, NULL);
    log_error(c->name, "not %s: %s; %s%s", c->has_facts ? "renewed" : "issued", e.text, next,
              c->has_facts ? "; the certificate in use stays" : "");
    feed_event(g->feed, c->name, "failed", NULL, "%s", e.text);
    feed_progress(g->feed, c->name, moved ? NULL : "failed", "%s; %s", e.text, next);
    fleet_done(g->fleet, c);
    if (waits || moved) /* after the outcome is told: from here on it waits again */
        certificate_plan(c);
}
