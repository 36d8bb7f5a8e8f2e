/* SPDX-License-Identifier: MIT */
#include "daemon/engine/reloads.h"

#include "daemon/engine/fleet.h"

#include <stdlib.h>
#include <string.h>

/* What is remembered of a unit: when it was asked for and when it was reloaded; monotonic ms. */
struct unit {
    struct unit *next;
    const char *name; /* borrowed from the configuration */
    bool wanted;      /* first and last are of those that wait */
    bool at_once;
    int64_t first;
    int64_t last;
    bool was_reloaded;
    int64_t reloaded;
    int64_t due; /* while it is wanted; see judge() */
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

    for (unsigned i = 0; i < fleet_in_flight(f); i++)
        if (strv_contains(&fleet_in_flight_at(f, i)->config->reload, unit))
            return true;
    return false;
}

static int64_t unit_due(const struct reloads *r, const struct unit *u)
{
    int64_t latest = u->first + RELOAD_LATEST_MS;
    int64_t due = u->last + RELOAD_SETTLE_MS;

    if (u->at_once)
        due = u->first;
    else if (due > latest || is_being_ordered_for(r, u->name))
        due = latest;
    if (u->was_reloaded && due < u->reloaded + RELOAD_APART_MS)
        due = u->reloaded + RELOAD_APART_MS;
    return due;
}

/* Once for all that wait: there may be a thousand of them. */
static void judge(struct reloads *r)
{
    for (struct unit *u = r->units; u != NULL; u = u->next)
        u->due = unit_due(r, u);
}

/* When all units of this certificate may be reloaded. */
static int64_t wait_due(struct reloads *r, const struct reload_wait *w)
{
    const struct strv *units = &w->c->config->reload;
    int64_t due = INT64_MIN;

    for (size_t i = 0; i < units->n; i++) {
        const struct unit *u = find_unit(r, units->v[i]);

        if (u != NULL && u->due > due)
            due = u->due;
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
        u->was_reloaded = true;
        u->wanted = u->at_once = false;
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
    int64_t next = INT64_MAX;

    judge(r);
    while (*p != NULL) {
        struct reload_wait *w = *p;
        int64_t at = wait_due(r, w);

        if (at <= now) {
            *p = w->next;
            w->next = due;
            due = w;
            continue;
        }
        next = at < next ? at : next;
        p = &w->next;
    }
    while (due != NULL) {
        struct reload_wait *w = due;

        due = w->next;
        w->waiting = false;
        run(r, w);
    }
    if (next != INT64_MAX)
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
        if (!u->wanted)
            u->first = now;
        u->last = now;
        u->wanted = true;
        u->at_once = u->at_once || at_once;
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
