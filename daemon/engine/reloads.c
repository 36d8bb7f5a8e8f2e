/* SPDX-License-Identifier: MIT */
#include "daemon/engine/reloads.h"

#include "daemon/engine/fleet.h"

#include <stdlib.h>
#include <string.h>

/* What is remembered of a unit: when it was asked for and when it was reloaded. */
struct unit {
    struct unit *next;
    const char *name; /* borrowed from the configuration */
    int64_t first;    /* monotonic ms, of those that wait; 0: none does */
    int64_t last;
    int64_t reloaded; /* 0: not yet */
};

struct reloads {
    struct engine *engine;
    struct unit *units;
    struct reload_wait *waiting;
    struct loop_delay *delay;
};

static struct unit *find_unit(struct reloads *r, const char *name)
{
    struct unit *u = r->units;

    while (u != NULL && strcmp(u->name, name) != 0)
        u = u->next;
    if (u == NULL && (u = calloc(1, sizeof *u)) != NULL) {
        *u = (struct unit){.next = r->units, .name = name};
        r->units = u;
    }
    return u;
}

static bool is_being_ordered_for(const struct reloads *r, const char *unit)
{
    const struct fleet *f = r->engine->fleet;

    if (fleet_in_flight(f) == 0)
        return false;
    for (size_t i = 0; i < fleet_count(f); i++)
        if (fleet_at(f, i)->issuance != NULL && strv_contains(&fleet_at(f, i)->config->reload, unit))
            return true;
    return false;
}

static int64_t unit_due(const struct reloads *r, const struct unit *u)
{
    int64_t due = is_being_ordered_for(r, u->name) ? u->first + RELOAD_LATEST_MS : u->last + RELOAD_SETTLE_MS;

    if (due > u->first + RELOAD_LATEST_MS)
        due = u->first + RELOAD_LATEST_MS;
    if (u->reloaded != 0 && due < u->reloaded + RELOAD_APART_MS)
        due = u->reloaded + RELOAD_APART_MS;
    return due;
}

/* When all units of this certificate may be reloaded. */
static int64_t wait_due(struct reloads *r, const struct reload_wait *w)
{
    const struct strv *units = &w->c->config->reload;
    int64_t due = 0;

    for (size_t i = 0; i < units->n; i++) {
        const struct unit *u = find_unit(r, units->v[i]);
        int64_t unit = u != NULL ? unit_due(r, u) : 0;

        due = unit > due ? unit : due;
    }
    return due;
}

static void unlink_wait(struct reloads *r, struct reload_wait *w)
{
    struct reload_wait **p = &r->waiting;

    while (*p != NULL && *p != w)
        p = &(*p)->next;
    if (*p == w)
        *p = w->next;
    w->waiting = false;
}

static void on_reloaded(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct reload_wait *w = arg;

    w->request = 0;
    w->on_done(w->arg, m, e);
}

/* Requests that are sent in one turn share one run of each unit in the supervisor. */
static void run(struct reloads *r, struct reload_wait *w)
{
    const struct strv *units = &w->c->config->reload;
    struct err e;

    for (size_t i = 0; i < units->n; i++) {
        struct unit *u = find_unit(r, units->v[i]);

        if (u == NULL)
            continue;
        u->reloaded = loop_monotonic_ms();
        u->first = 0;
    }
    w->request = link_request(r->engine->supervisor, on_reloaded, w, IPC_DEPLOY, w->c->name,
                              (uint64_t)w->c->journal.deployment.generation, "reload", w->event);
    if (w->request == 0) {
        err_nomem(&e, "a request to the supervisor");
        w->on_done(w->arg, NULL, &e);
    }
}

/* All are judged before any runs: running one moves the unit's next time. */
static void run_due(void *arg)
{
    struct reloads *r = arg;
    int64_t now = loop_monotonic_ms();
    struct reload_wait *due = NULL;
    struct reload_wait **p = &r->waiting;
    int64_t next = 0;

    while (*p != NULL) {
        struct reload_wait *w = *p;
        int64_t at = wait_due(r, w);

        if (at <= now) {
            *p = w->next;
            w->next = due;
            due = w;
            continue;
        }
        next = next == 0 || at < next ? at : next;
        p = &w->next;
    }
    while (due != NULL) {
        struct reload_wait *w = due;

        due = w->next;
        w->waiting = false;
        run(r, w);
    }
    if (next != 0)
        loop_delay_start(r->delay, next - now);
}

void reload_wait(struct reloads *r, struct reload_wait *w, bool at_once)
{
    const struct strv *units = &w->c->config->reload;
    int64_t now = loop_monotonic_ms();

    w->next = r->waiting;
    w->waiting = true;
    r->waiting = w;
    for (size_t i = 0; i < units->n; i++) {
        struct unit *u = find_unit(r, units->v[i]);

        if (u == NULL)
            continue;
        if (u->first == 0)
            u->first = at_once ? now - RELOAD_LATEST_MS : now;
        u->last = at_once ? now - RELOAD_SETTLE_MS : now;
    }
    loop_delay_start(r->delay, 0);
}

void reload_cancel(struct reloads *r, struct reload_wait *w)
{
    if (w->waiting)
        unlink_wait(r, w);
    link_forget(r->engine->supervisor, w->request);
    w->request = 0;
}

void reloads_reconsider(struct reloads *r)
{
    if (r->waiting != NULL)
        loop_delay_start(r->delay, 0);
}

struct reloads *reloads_new(struct engine *g)
{
    struct reloads *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->engine = g;
    r->delay = loop_delay_new(g->loop, run_due, r);
    if (r->delay == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

void reloads_free(struct reloads *r)
{
    if (r == NULL)
        return;
    while (r->units != NULL) {
        struct unit *u = r->units;

        r->units = u->next;
        free(u);
    }
    loop_delay_free(r->delay);
    free(r);
}
