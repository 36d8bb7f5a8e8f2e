/* SPDX-License-Identifier: MIT */
#include "daemon/engine/deploy.h"

#include "daemon/engine/examiner.h"
#include "daemon/engine/fleet.h"
#include "daemon/engine/reloads.h"
#include "daemon/engine/verify.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "lib/deployment.h"
#include "lib/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct deploy {
    struct certificate *c;
    struct engine *g;
    const char *event;               /* a string constant */
    struct deployment_action action; /* under way */
    struct link *link;               /* where request was sent */
    uint32_t request;
    struct reload_wait reload;
    struct verification *verification;
    struct timer timer;
    char *output; /* captured, of the step that ended; owned */
};

static void step(struct deploy *d, const struct deployment_event *event);

static struct journal_deployment *record(struct deploy *d)
{
    return &d->c->journal.deployment;
}

static void clear(struct deploy *d)
{
    writer_forget(d->g->writer, d);
    if (d->link != NULL)
        link_forget(d->link, d->request);
    reload_cancel(d->g->reloads, &d->reload);
    verify_cancel(d->verification);
    timer_cancel(d->g->timers, &d->timer);
    free(d->output);
    free(d);
}

void deploy_cancel(struct deploy *d)
{
    if (d != NULL)
        clear(d);
}

bool deploy_is_waiting(const struct deploy *d)
{
    return d->action.kind == DEPLOYMENT_DO_WAIT;
}

/* ---- outcomes of a step ---- */

static void succeeded(struct deploy *d, const char *note)
{
    const struct deployment_event event = {.kind = DEPLOYMENT_EV_OK, .note = note};

    log_info(d->c->name, "generation %u: %s done%s%s", record(d)->generation,
             deployment_step_to_str(d->action.step), note != NULL ? ": " : "", note != NULL ? note : "");
    step(d, &event);
}

static void failed(struct deploy *d, const struct err *e)
{
    const struct deployment_event event = {.kind = DEPLOYMENT_EV_FAILED, .error = e};
    struct certificate *c = d->c;

    step(d, &event);
    examiner_add(c->engine->examiner, c); /* it may be the files' fault */
}

static void on_copied(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct deploy *d = arg;

    d->request = 0;
    if (m != NULL)
        succeeded(d, NULL);
    else
        failed(d, e);
}

/* A hook or a reload, which the supervisor ran. */
static void on_acted(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct deploy *d = arg;
    struct err own;

    d->request = 0;
    if (m == NULL || m->type != IPC_DEPLOYED) {
        if (e == NULL)
            err_set(&own, ERR_CLASS_INTERNAL, "no answer of the supervisor");
        failed(d, e != NULL ? e : &own);
        return;
    }
    free(d->output);
    d->output = m->field[3].len > 0 ? strdup(m->field[3].s) : NULL;
    if (m->field[0].u != 0) {
        succeeded(d, m->field[2].len > 0 ? m->field[2].s : NULL);
        return;
    }
    err_set(&own, ERR_CLASS_TRANSIENT, "%s", m->field[2].s);
    failed(d, &own);
}

static void on_verified(void *arg, const char *note, const struct err *e)
{
    const struct deployment_event unseen = {.kind = DEPLOYMENT_EV_OK, .note = note, .unseen = true};
    struct deploy *d = arg;

    d->verification = NULL;
    if (e != NULL) {
        failed(d, e);
        return;
    }
    if (note != NULL) {
        log_notice(d->c->name, "generation %u: %s", record(d)->generation, note);
        step(d, &unseen);
        return;
    }
    feed_event(d->g->feed, d->c->name, "verified", NULL, "%s:%u serves generation %u",
               d->c->config->verify_host, (unsigned)d->c->config->verify_port, record(d)->generation);
    succeeded(d, NULL);
}

/* ---- the machine's actions ---- */

/* The section's other lineage whose live leaf this is. */
static const char *find_sibling(void *arg, const uint8_t sha256[32])
{
    const struct deploy *d = arg;
    const struct fleet *f = d->g->fleet;

    for (size_t i = 0; i < fleet_count(f); i++) {
        const struct certificate *c = fleet_at(f, i);

        if (c != d->c && c->config != NULL && c->has_facts &&
            strcmp(c->config->section, d->c->config->section) == 0 &&
            memcmp(c->facts.sha256, sha256, sizeof c->facts.sha256) == 0)
            return c->name;
    }
    return NULL;
}

static enum client_offer offer_for(const struct config_certificate *c)
{
    if (c->n_keys < 2)
        return CLIENT_OFFER_ANY;
    return c->key == KEY_TYPE_ECDSA_P256 || c->key == KEY_TYPE_ECDSA_P384 ? CLIENT_OFFER_ECDSA
                                                                          : CLIENT_OFFER_RSA;
}

static bool verify(struct deploy *d, struct err *e)
{
    const struct config_certificate *config = d->c->config;
    struct verify_target target = {.host = config->verify_host,
                                   .port = config->verify_port,
                                   .offer = offer_for(config),
                                   .sibling = find_sibling};
    char name[IDENT_MAX + 1];

    feed_progress(d->g->feed, d->c->name, NULL, "looking at what %s:%u serves", config->verify_host,
                  (unsigned)config->verify_port);
    if (!ident_server_name(&config->domains, config->verify_host, name))
        (void)snprintf(name, sizeof name, "%s", config->domains.v[0]);
    target.name = name;
    memcpy(target.sha256, d->c->facts.sha256, sizeof target.sha256);
    d->verification = verify_start(d->g->loop, d->g->client, &target, on_verified, d);
    return d->verification != NULL || err_nomem(e, "a verification");
}

static bool run_step(struct deploy *d, struct err *e)
{
    struct certificate *c = d->c;
    const char *name = deployment_step_to_str(d->action.step);

    switch (d->action.step) {
    case DEPLOYMENT_COPY:
        d->link = d->g->keeper;
        d->request = link_request(d->link, on_copied, d, IPC_COPY, c->name);
        return d->request != 0 || err_nomem(e, "a request to the keeper");
    case DEPLOYMENT_RELOAD:
        reload_wait(d->g->reloads, &d->reload, strcmp(d->event, "deploy") == 0 || record(d)->attempts > 0);
        return true;
    case DEPLOYMENT_HOOK:
        feed_progress(d->g->feed, c->name, NULL, "running the hook");
        d->link = d->g->supervisor;
        d->request = link_request(d->link, on_acted, d, IPC_DEPLOY, c->name, (uint64_t)record(d)->generation,
                                  name, d->event);
        return d->request != 0 || err_nomem(e, "a request to the supervisor");
    case DEPLOYMENT_VERIFY:
        return verify(d, e);
    case DEPLOYMENT_DONE:
        break;
    }
    return err_set(e, ERR_CLASS_INTERNAL, "no such deployment step");
}

/* The record is durable before the step runs: after a kill it runs again rather than never (L4). */
static void on_saved(void *arg, const struct err *e)
{
    struct deploy *d = arg;
    struct err own;

    if (e != NULL)
        log_warning(d->c->name, "the deploy record could not be written, the deployment goes on: %s",
                    e->text);
    if (!run_step(d, &own))
        failed(d, &own);
}

static void on_marked(void *arg, const struct ipc_msg *m, const struct err *e)
{
    const struct certificate *c = arg;

    (void)m;
    if (e != NULL)
        log_warning(c->name, "the keeper could not note which generation is deployed: %s; it notes the next",
                    e->text);
}

static void finish(struct deploy *d)
{
    struct certificate *c = d->c;

    /* The keeper never removes what was last known to be deployed. */
    (void)link_request(d->g->keeper, on_marked, c, IPC_MARK_SERVED, c->name, (uint64_t)record(d)->generation);
    (void)certificate_save(c, NULL, NULL);
    log_notice(c->name, "generation %u is deployed%s%s%s", record(d)->generation,
               record(d)->served_at != 0 ? " and served" : "", record(d)->note != NULL ? "; " : "",
               record(d)->note != NULL ? record(d)->note : "");
    feed_event(d->g->feed, c->name, "deployed", d->output, "generation %u is deployed%s%s",
               record(d)->generation, record(d)->note != NULL ? "; " : "",
               record(d)->note != NULL ? record(d)->note : "");
    feed_progress(d->g->feed, c->name, "done", "generation %u is %s", record(d)->generation,
                  record(d)->served_at != 0 ? "deployed and served" : "deployed");
    c->deploy = NULL;
    clear(d);
    feed_changed(c->engine->feed, c->name);
}

static void wait_for_retry(struct deploy *d, const struct deployment_event *event)
{
    struct certificate *c = d->c;
    int64_t in = d->action.at - engine_now();
    const char *name = deployment_step_to_str(d->action.step);

    (void)certificate_save(c, NULL, NULL);
    if (!timer_set(d->g->timers, &d->timer, d->action.at))
        log_error(c->name, "out of memory: the deployment is tried again after the next start");
    if (event->kind != DEPLOYMENT_EV_FAILED)
        return;
    log_warning(c->name,
                "generation %u is issued but not deployed: %s; %s is tried again in %lld s (attempt %u), "
                "no new certificate is ordered for this",
                record(d)->generation, event->error->text, name, (long long)(in > 0 ? in : 0),
                record(d)->attempts + 1);
    feed_event(d->g->feed, c->name, "deploy-failed", d->output, "%s", event->error->text);
    feed_progress(d->g->feed, c->name, "failed",
                  "issued as generation %u, but not deployed: %s; tried again in %lld s",
                  record(d)->generation, event->error->text, (long long)(in > 0 ? in : 0));
}

static void step(struct deploy *d, const struct deployment_event *event)
{
    enum deployment_step before = record(d)->step;
    struct certificate *c = d->c; /* a step that is over at once may be the last: d is gone then */

    d->action = deployment_step(record(d), d->c->config, event, random_jitter(), engine_now());
    if (before != record(d)->step)
        log_debug(d->c->name, "deployment: %s -> %s", deployment_step_to_str(before),
                  deployment_step_to_str(record(d)->step));
    switch (d->action.kind) {
    case DEPLOYMENT_DO_RUN:
        if (!certificate_save(d->c, on_saved, d))
            on_saved(d, NULL);
        break;
    case DEPLOYMENT_DO_WAIT:
        wait_for_retry(d, event);
        break;
    case DEPLOYMENT_DO_DONE:
        finish(d);
        return;
    }
    feed_changed(c->engine->feed, c->name);
}

static void on_due(void *arg)
{
    const struct deployment_event event = {.kind = DEPLOYMENT_EV_TIMER};

    step(arg, &event);
}

bool deploy_start(struct certificate *c, const char *event)
{
    const struct deployment_event start = {.kind = DEPLOYMENT_EV_START};
    struct deploy *d = calloc(1, sizeof *d);

    if (d == NULL)
        return false;
    *d = (struct deploy){.c = c, .g = c->engine, .event = event};
    d->timer = (struct timer){.pause = RENEWAL_DEPLOY_BACKOFF_MAX, .on_due = on_due, .arg = d};
    d->reload = (struct reload_wait){.c = c, .event = event, .on_done = on_acted, .arg = d};
    c->deploy = d;
    step(d, &start);
    return true;
}
