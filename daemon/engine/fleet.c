/* SPDX-License-Identifier: MIT */
#include "daemon/engine/fleet_parts.h"

#include "lib/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACE_LIFE 86400 /* as in the gate itself (lib/pace.h) */

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

/* ---- what the journals know ---- */

/* The CA has ended the account: also what is valid concerns that. */
static void recall_alarm(const struct fleet *f, struct authority *a)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct journal_alarm *alarm = &f->v[i]->journal.alarm;

        if (alarm->at != 0 && strcmp(alarm->directory, authority_ca(a)->directory) == 0)
            authority_recall_alarm(a, alarm->text);
    }
}

/* The last that was noted, if that is not long ago. */
static void recall_pace(const struct fleet *f, const struct authority *a, int64_t now)
{
    const struct journal_pace *last = NULL;

    for (size_t i = 0; i < f->n; i++) {
        const struct journal_pace *p = &f->v[i]->journal.pace;

        if (p->at > now - PACE_LIFE && p->at <= now && (last == NULL || p->at > last->at) &&
            strcmp(p->directory, authority_ca(a)->directory) == 0)
            last = p;
    }
    if (last != NULL)
        gate_recall_pace(authority_gate(a), last->ms, last->at);
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
    recall_pace(f, a, now);
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
    f->flying = calloc(config->n_certificates + 1, sizeof(struct certificate *));
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
        f->start_soon = loop_delay_new(g->loop, fleet_start_next, f);
        f->gate_opens = (struct timer){.on_due = fleet_start_next, .arg = f};
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
