/* SPDX-License-Identifier: MIT */
#include "daemon/engine/rollback.h"

#include "daemon/engine/deploy.h"
#include "daemon/log.h"
#include "lib/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rollback {
    struct certificate *c;
    unsigned generation;
    unsigned from;
    char who[32];
    uint32_t request;
};

void rollback_cancel(struct rollback *r)
{
    if (r == NULL)
        return;
    writer_forget(r->c->engine->writer, r);
    link_forget(r->c->engine->keeper, r->request);
    r->c->rollback = NULL;
    free(r);
}

/* What was live still is: it is deployed once more, because how far it had come is not known any more. */
static void fail(struct rollback *r, const struct err *e)
{
    struct certificate *c = r->c;

    log_error(c->name, "not rolled back to generation %u: %s; generation %u stays live", r->generation,
              e->text, c->generation);
    feed_progress(c->engine->feed, c->name, "failed", "not rolled back: %s", e->text);
    deployment_restart(&c->journal.deployment, c->generation);
    rollback_cancel(r);
    if (!deploy_start(c, "deploy"))
        log_error(c->name, "out of memory: the deployment goes on after the next start");
    certificate_plan(c);
}

static void succeed(struct rollback *r)
{
    struct certificate *c = r->c;
    unsigned from = r->from;
    unsigned generation = r->generation;
    char next[32];

    log_notice(c->name, "generation %u is live again instead of %u, as %s asked", generation, from, r->who);
    feed_event(c->engine->feed, c->name, "rolled-back", NULL, "generation %u is live again instead of %u",
               generation, from);
    rollback_cancel(r);
    if (!certificate_load_live(c))
        log_error(c->name,
                  "generation %u is live but cannot be read back; it is read again at the next start",
                  generation);
    deploy_cancel(c->deploy); /* somebody may have asked for one meanwhile */
    c->deploy = NULL;
    if (c->journal.deployment.generation != c->generation)
        deployment_restart(&c->journal.deployment, c->generation);
    certificate_plan(c);
    renewal_time_to_str(c->plan.at, next, sizeof next);
    feed_progress(c->engine->feed, c->name, NULL,
                  "generation %u is live again; the next renewal, at %s, replaces it", generation, next);
    if (!deploy_start(c, "deploy"))
        log_error(c->name, "out of memory: the deployment begins after the next start");
}

static void on_flipped(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct rollback *r = arg;
    struct err own;

    r->request = 0;
    if (m != NULL && m->type == IPC_INSTALLED && m->field[0].u == r->generation) {
        succeed(r);
        return;
    }
    if (m != NULL) {
        err_set(&own, ERR_CLASS_INTERNAL, "the keeper's answer makes no sense");
        e = &own;
    }
    fail(r, e);
}

static void on_durable(void *arg, const struct err *e)
{
    struct rollback *r = arg;
    struct certificate *c = r->c;
    struct err own;

    if (e == NULL) {
        r->request =
            link_request(c->engine->keeper, on_flipped, r, IPC_ROLLBACK, c->name, (uint64_t)r->generation);
        if (r->request != 0)
            return;
        err_nomem(&own, "a request to the keeper");
        e = &own;
    }
    fail(r, e);
}

bool rollback_start(struct certificate *c, unsigned generation, const char *who)
{
    struct rollback *r = calloc(1, sizeof *r);

    if (r == NULL)
        return false;
    *r = (struct rollback){.c = c, .generation = generation, .from = c->generation};
    (void)snprintf(r->who, sizeof r->who, "%s", who);
    c->rollback = r;
    timer_cancel(c->engine->timers, &c->timer);
    deploy_cancel(c->deploy);
    c->deploy = NULL;
    journal_drop_order(&c->journal);   /* its certificate would take the place of this one at once */
    c->journal.damaged_generation = 0; /* that was another one */
    deployment_restart(&c->journal.deployment, generation);
    if (certificate_save(c, on_durable, r))
        return true;
    deployment_restart(&c->journal.deployment, c->generation);
    rollback_cancel(r);
    certificate_plan(c);
    return false;
}
