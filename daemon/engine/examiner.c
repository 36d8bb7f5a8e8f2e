/* SPDX-License-Identifier: MIT */
#include "daemon/engine/examiner.h"

#include "daemon/engine/deploy.h"
#include "daemon/engine/fleet.h"
#include "daemon/log.h"
#include "lib/deployment.h"

#include <stdlib.h>

#define AFTER_START_MS 5000 /* the start itself opens no key, and callers and due orders go first */

struct examiner {
    struct engine *g;
    struct loop_delay *soon;
    size_t cursor;         /* in the fleet: who is asked about next, if it is to be examined */
    size_t n;              /* to be examined */
    struct certificate *c; /* being examined; NULL: none */
    uint32_t request;
};

static void examine_all(void *arg);

struct examiner *examiner_new(struct engine *g)
{
    struct examiner *x = calloc(1, sizeof *x);

    if (x == NULL)
        return NULL;
    x->g = g;
    x->soon = loop_delay_new(g->loop, examine_all, x);
    if (x->soon == NULL) {
        free(x);
        return NULL;
    }
    return x;
}

void examiner_free(struct examiner *x)
{
    if (x == NULL)
        return;
    link_forget(x->g->keeper, x->request);
    loop_delay_free(x->soon);
    free(x);
}

/* ---- what came of it ---- */

static void is_sound(struct certificate *c)
{
    if (c->journal.damaged_generation == 0)
        return;
    log_notice(c->name, "the files of generation %u are whole again; it is not renewed for that",
               c->generation);
    c->journal.damaged_generation = 0;
    (void)certificate_save(c, NULL, NULL);
    certificate_plan(c);
}

/* What uses the files may have read them in the meantime, and has to again. */
static void is_repaired(struct certificate *c, const char *what)
{
    feed_event(c->engine->feed, c->name, "repaired", NULL, "generation %u was damaged: %s", c->generation,
               what);
    (void)certificate_load_live(c);
    is_sound(c);
    if (c->deploy != NULL)
        return;
    log_notice(c->name, "generation %u is deployed again: what uses its files may have read the damaged one",
               c->generation);
    deployment_restart(&c->journal.deployment, c->generation);
    if (!deploy_start(c, "deploy"))
        log_error(c->name, "out of memory: the deployment begins after the next start");
}

static void is_damaged(struct certificate *c, const char *what)
{
    char when[32];

    if (c->journal.damaged_generation == c->generation)
        return;
    c->journal.damaged_generation = c->generation;
    (void)certificate_save(c, NULL, NULL);
    feed_event(c->engine->feed, c->name, "damaged", NULL, "generation %u: %s", c->generation, what);
    certificate_plan(c);
    renewal_time_to_str(c->plan.at, when, sizeof when);
    log_error(c->name, "the files of the live certificate, certs/%s/%u, are damaged: %s; it is renewed %s%s",
              c->name, c->generation, what, c->plan.at > engine_now() ? "at " : "at once",
              c->plan.at > engine_now() ? when : "");
}

static void next(struct examiner *x);

static void on_examined(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct examiner *x = arg;
    struct certificate *c = x->c;

    x->request = 0;
    x->c = NULL;
    if (m == NULL || m->type != IPC_EXAMINED) {
        log_warning(c->name, "whether the files of the live certificate are whole is not known: %s",
                    e != NULL ? e->text : "no answer of the keeper");
    } else if (m->field[0].u == c->generation) { /* else another one has taken its place since */
        if (m->field[1].u == IPC_HEALTH_SOUND)
            is_sound(c);
        else if (m->field[1].u == IPC_HEALTH_REPAIRED)
            is_repaired(c, m->field[2].s);
        else
            is_damaged(c, m->field[2].s);
    }
    next(x);
}

/* ---- one after the other ---- */

static void next(struct examiner *x)
{
    struct certificate *c;

    if (x->request != 0 || x->n == 0 || x->g->stopping)
        return;
    do {
        c = fleet_at(x->g->fleet, x->cursor);
        x->cursor = (x->cursor + 1) % fleet_count(x->g->fleet);
    } while (!c->to_be_examined);
    c->to_be_examined = false;
    x->n--;
    x->c = c;
    x->request = link_request(x->g->keeper, on_examined, x, IPC_EXAMINE, c->name);
    if (x->request == 0)
        log_warning(c->name,
                    "out of memory: whether the files of the live certificate are whole is looked at "
                    "after the next start");
}

static void add(struct examiner *x, struct certificate *c)
{
    if (c->to_be_examined || c->config == NULL || !c->has_facts)
        return;
    c->to_be_examined = true;
    x->n++;
}

void examiner_add(struct examiner *x, struct certificate *c)
{
    add(x, c);
    next(x);
}

static void examine_all(void *arg)
{
    struct examiner *x = arg;

    for (size_t i = 0; i < fleet_count(x->g->fleet); i++)
        add(x, fleet_at(x->g->fleet, i));
    next(x);
}

void examiner_start(struct examiner *x)
{
    loop_delay_start(x->soon, AFTER_START_MS);
}
