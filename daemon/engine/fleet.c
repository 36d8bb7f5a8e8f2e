/* SPDX-License-Identifier: MIT */
#include "daemon/engine/fleet.h"

#include "daemon/engine/rehearsal.h"
#include "daemon/engine/rehearsals.h"
#include "daemon/engine/reloads.h"
#include "daemon/engine/standby.h"
#include "daemon/log.h"
#include "lib/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EQUALS_S (6 * 3600) /* certificates whose time is up so close together are equally urgent */

struct name_owner {
    const char *name; /* borrowed from the configuration */
    struct certificate *certificate;
};

/* As many as have a place; fewer than max_orders rest when one more of those that may begins, and all that
 * have a place may rest after that; whoever goes on again does so beyond the places. */
#define FLYING_MAX(max_orders) (3 * (size_t)(max_orders))

struct fleet {
    struct engine *engine;
    struct certificate **v; /* owned, each owned; in name order */
    size_t n;
    struct name_owner *names; /* in name order, for the responder */
    size_t n_names;
    struct authority **authorities;
    size_t n_authorities;
    struct certificate **queue; /* has room for all */
    size_t n_queue;
    const struct certificate **flying; /* FLYING_MAX of them at most */
    unsigned in_flight;
    unsigned resting;              /* of those in flight */
    struct loop_delay *start_soon; /* orders begin in a turn of their own */
    struct timer gate_opens;       /* when a closed gate is to be asked again */
};

static int compare_certificates(const void *a, const void *b)
{
    return strcmp((*(struct certificate *const *)a)->name, (*(struct certificate *const *)b)->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name_owner *)a)->name, ((const struct name_owner *)b)->name);
}

struct certificate *fleet_find(const struct fleet *f, const char *name)
{
    size_t low = 0;
    size_t high = f->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(f->v[middle]->name, name);

        if (order == 0)
            return f->v[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

size_t fleet_count(const struct fleet *f)
{
    return f->n;
}

struct certificate *fleet_at(const struct fleet *f, size_t i)
{
    return f->v[i];
}

static bool has_live(const struct fleet *f, const char *ident)
{
    const struct name_owner key = {.name = ident};
    const struct name_owner *found =
        f->n_names > 0 ? bsearch(&key, f->names, f->n_names, sizeof *f->names, compare_names) : NULL;

    /* A name may stand in several certificates: any live one will do. */
    if (found == NULL)
        return false;
    while (found > f->names && strcmp(found[-1].name, ident) == 0)
        found--;
    for (; found < f->names + f->n_names && strcmp(found->name, ident) == 0; found++)
        if (found->certificate->has_facts && found->certificate->facts.not_after > engine_now())
            return true;
    return false;
}

bool fleet_is_live(const struct fleet *f, const char *host)
{
    const char *parent = strchr(host, '.');
    char wildcard[IDENT_MAX + 1];

    if (has_live(f, host))
        return true;
    if (parent == NULL || strlen(parent) + 1 > IDENT_MAX)
        return false;
    (void)snprintf(wildcard, sizeof wildcard, "*%s", parent);
    return ident_covers(wildcard, host) && has_live(f, wildcard);
}

/* ---- CAs ---- */

struct authority *fleet_authority(struct fleet *f, const struct config_ca *ca)
{
    for (size_t i = 0; i < f->n_authorities; i++)
        if (authority_ca(f->authorities[i]) == ca)
            return f->authorities[i];
    return NULL;
}

size_t fleet_authority_count(const struct fleet *f)
{
    return f->n_authorities;
}

struct authority *fleet_authority_at(const struct fleet *f, size_t i)
{
    return f->authorities[i];
}

static bool add_authority(struct fleet *f, const struct config_ca *ca)
{
    struct authority **v;
    struct authority *a;

    if (fleet_authority(f, ca) != NULL)
        return true;
    v = realloc(f->authorities, (f->n_authorities + 1) * sizeof *v);
    if (v == NULL)
        return false;
    f->authorities = v;
    a = authority_new(f->engine->loop, f->engine->client, f->engine->keeper, ca);
    if (a == NULL)
        return false;
    f->authorities[f->n_authorities++] = a;
    return true;
}

static bool add_authorities(struct fleet *f, const struct config_certificate *c)
{
    for (size_t i = 0; i < c->n_cas; i++)
        if (!add_authority(f, c->cas[i]))
            return false;
    return true;
}

/* ---- who orders now ---- */

bool fleet_is_more_urgent(const struct certificate *a, const struct certificate *b)
{
    int64_t a_at = a->has_facts ? renewal_deadline(&a->facts, &a->journal) : 0;
    int64_t b_at = b->has_facts ? renewal_deadline(&b->facts, &b->journal) : 0;

    if (a->has_facts != b->has_facts)
        return a->has_facts;
    if (a_at / EQUALS_S == b_at / EQUALS_S && certificate_exemption(a) != certificate_exemption(b))
        return certificate_exemption(a) > certificate_exemption(b);
    return a_at < b_at;
}

bool fleet_has_place(const struct fleet *f)
{
    return f->in_flight - f->resting + rehearsals_under_way(f->engine->rehearsals) <
           f->engine->config->max_orders;
}

static void take_off(struct fleet *f, size_t i, struct authority *a)
{
    struct certificate *c = f->queue[i];

    memmove(f->queue + i, f->queue + i + 1, (--f->n_queue - i) * sizeof(struct certificate *));
    c->queued = false;
    f->flying[f->in_flight++] = c;
    certificate_attempt(c, a);
}

/* Enough orders wait for keys that take long to make; more of them would only wait at the CA. */
static bool is_overtaken(const struct fleet *f, const struct certificate *c)
{
    return key_type_is_slow(c->config->key) && f->resting >= f->engine->config->max_orders;
}

/* Begins what may begin, in order of urgency; the rest waits for a place, for a gate, or for a moment in the
 * CA's limits. */
static void start_next(void *arg)
{
    struct fleet *f = arg;
    const struct authority *held = NULL; /* the last CA found to take no order at all */
    struct gate_answer answer = {0};
    int64_t now = engine_now();
    int64_t again = 0;
    int64_t leave_at;
    size_t i = 0;

    while (fleet_has_place(f) && i < f->n_queue && !f->engine->stopping) {
        struct certificate *c = f->queue[i];
        struct authority *a = fleet_authority(f, c->ca);

        if (rehearsal_is_under_way(c->rehearsal) || is_overtaken(f, c)) {
            i++; /* begins when that has ended */
            continue;
        }
        if (a != held)
            answer = authority_ask(a, &c->config->domains, certificate_exemption(c), now);
        if (answer.go) {
            take_off(f, i, a);
            continue;
        }
        if (certificate_leave_gate(c, a, answer, &leave_at))
            continue; /* to the gate of another CA */
        if (leave_at < CA_CHOICE_NEVER && (again == 0 || leave_at < again))
            again = leave_at;
        held = gate_holds_all(answer.cause) ? a : NULL;
        if (answer.until != 0 && (again == 0 || answer.until < again))
            again = answer.until;
        certificate_tell_wait(c, answer);
        i++;
    }
    leave_at = rehearsals_go_on(f->engine->rehearsals);
    if (leave_at != 0 && (again == 0 || leave_at < again))
        again = leave_at;
    if (f->in_flight == 0 && f->n_queue == 0)
        standby_idle(f->engine->standby);
    if (again != 0 && !timer_set(f->engine->timers, &f->gate_opens, again))
        log_error(NULL, "out of memory: waiting orders begin when the next one ends");
}

void fleet_queue(struct fleet *f, struct certificate *c)
{
    size_t low = 0;
    size_t high = f->n_queue;

    if (c->queued)
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (fleet_is_more_urgent(c, f->queue[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    memmove(f->queue + low + 1, f->queue + low, (f->n_queue++ - low) * sizeof(struct certificate *));
    f->queue[low] = c;
    c->queued = true;
    loop_delay_start(f->start_soon, 0);
}

void fleet_rest(struct fleet *f, struct certificate *c, bool resting)
{
    if (c->resting == resting)
        return;
    c->resting = resting;
    if (resting)
        f->resting++;
    else
        f->resting--;
    loop_delay_start(f->start_soon, 0);
}

void fleet_done(struct fleet *f, struct certificate *c)
{
    unsigned i = 0;

    fleet_rest(f, c, false);
    while (i + 1 < f->in_flight && f->flying[i] != c)
        i++;
    f->flying[i] = f->flying[--f->in_flight];
    if (f->in_flight == 0 && f->engine->stopping)
        loop_delay_start(f->engine->grace, 0);
    reloads_reconsider(f->engine->reloads);
    loop_delay_start(f->start_soon, 0);
}

void fleet_changed(const struct fleet *f, const struct config_ca *ca)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i]->ca == ca)
            feed_changed(f->engine->feed, f->v[i]->name);
}

void fleet_reconsider(struct fleet *f)
{
    loop_delay_start(f->start_soon, 0);
}

const struct certificate *fleet_in_flight_at(const struct fleet *f, unsigned i)
{
    return f->flying[i];
}

unsigned fleet_in_flight(const struct fleet *f)
{
    return f->in_flight;
}

unsigned fleet_waiting(const struct fleet *f)
{
    return (unsigned)f->n_queue;
}

unsigned fleet_waiting_for(const struct fleet *f, const struct authority *a)
{
    unsigned n = 0;

    for (size_t i = 0; i < f->n_queue; i++)
        n += f->queue[i]->ca == authority_ca(a) ? 1 : 0;
    return n;
}

/* The CA has ended the account: also what is valid concerns that. */
static void recall_alarm(const struct fleet *f, struct authority *a)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct journal_alarm *alarm = &f->v[i]->journal.alarm;

        if (alarm->at != 0 && strcmp(alarm->directory, authority_ca(a)->directory) == 0)
            authority_recall_alarm(a, alarm->text);
    }
}

/* What the journals know of a CA: what counts against its limits, and whether the last word was trouble.
 * past: room for CERTIFICATE_PAST_MAX a certificate. */
static void recall(const struct fleet *f, const struct authority *a, struct gate_past *past, int64_t now)
{
    struct gate *gate = authority_gate(a);
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++) {
        const struct certificate *c = f->v[i];
        const struct journal_error *e = &c->journal.error;

        if (c->config == NULL || c->ca != authority_ca(a))
            continue;
        n += certificate_recall(c, past + n);
        if (e->at > now - 86400 && (e->class == ERR_CLASS_NETWORK || e->class == ERR_CLASS_RATE_LIMITED))
            gate_suspect(gate);
    }
    gate_remember(gate, past, n, now);
}

void fleet_start(struct fleet *f, bool reloaded)
{
    struct gate_past *past = calloc(CERTIFICATE_PAST_MAX * f->n + 1, sizeof *past);

    for (size_t i = 0; past != NULL && i < f->n_authorities; i++)
        recall(f, f->authorities[i], past, engine_now());
    for (size_t i = 0; i < f->n_authorities; i++)
        recall_alarm(f, f->authorities[i]);
    free(past);
    for (size_t i = 0; i < f->n; i++)
        certificate_start(f->v[i], reloaded);
    fleet_reconsider(f);
}

void fleet_replan(struct fleet *f)
{
    for (size_t i = 0; i < f->n; i++)
        certificate_plan(f->v[i]);
}

/* ---- loading ---- */

static bool add_certificate(struct fleet *f, const char *name, const struct config_certificate *config)
{
    struct certificate *c = certificate_new(f->engine, name, config);

    if (c == NULL)
        return false;
    f->v[f->n++] = c;
    return true;
}

static bool index_names(struct fleet *f)
{
    size_t total = 0;

    for (size_t i = 0; i < f->n; i++)
        total += f->v[i]->config != NULL ? f->v[i]->config->domains.n : 0;
    f->names = calloc(total + 1, sizeof *f->names);
    if (f->names == NULL)
        return false;
    for (size_t i = 0; i < f->n; i++) {
        const struct config_certificate *config = f->v[i]->config;

        for (size_t d = 0; config != NULL && d < config->domains.n; d++)
            f->names[f->n_names++] = (struct name_owner){config->domains.v[d], f->v[i]};
    }
    qsort(f->names, f->n_names, sizeof *f->names, compare_names);
    return true;
}

static bool load(struct fleet *f, struct err *e)
{
    const struct config *config = f->engine->config;
    struct strv live = {0};
    bool ok = live_list(&f->engine->live, &live, e);

    if (!ok)
        return false;
    f->v = calloc(config->n_certificates + live.n + 1, sizeof(struct certificate *));
    f->queue = calloc(config->n_certificates + 1, sizeof(struct certificate *));
    f->flying = calloc(FLYING_MAX(config->max_orders), sizeof(struct certificate *));
    ok = f->v != NULL && f->queue != NULL && f->flying != NULL;
    for (size_t i = 0; ok && i < config->n_certificates; i++)
        ok = add_authorities(f, &config->certificates[i]) &&
             add_certificate(f, config->certificates[i].name, &config->certificates[i]);
    for (size_t i = 0; ok && i < live.n; i++)
        if (config_find(config, live.v[i]) == NULL)
            ok = add_certificate(f, live.v[i], NULL);
    strv_clear(&live);
    if (!ok)
        return err_nomem(e, "the certificates");
    qsort(f->v, f->n, sizeof(struct certificate *), compare_certificates);
    return index_names(f) || err_nomem(e, "the index of names");
}

struct fleet *fleet_new(struct engine *g, struct err *e)
{
    struct fleet *f = calloc(1, sizeof *f);

    if (f != NULL) {
        f->engine = g;
        f->start_soon = loop_delay_new(g->loop, start_next, f);
        f->gate_opens = (struct timer){.on_due = start_next, .arg = f};
    }
    if (f == NULL || f->start_soon == NULL) {
        err_nomem(e, "the certificates");
        fleet_free(f);
        return NULL;
    }
    if (!load(f, e)) {
        fleet_free(f);
        return NULL;
    }
    return f;
}

void fleet_free(struct fleet *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n; i++)
        certificate_free(f->v[i]);
    for (size_t i = 0; i < f->n_authorities; i++)
        authority_free(f->authorities[i]);
    loop_delay_free(f->start_soon);
    timer_cancel(f->engine->timers, &f->gate_opens);
    free(f->v);
    free(f->names);
    free(f->authorities);
    free(f->queue);
    free(f->flying);
    free(f);
}
