/* SPDX-License-Identifier: MIT */
#include "daemon/engine/method_wait.h"

#include "daemon/engine/deploy.h"
#include "daemon/engine/fleet.h"
#include "daemon/log.h"
#include "lib/deployment.h"
#include "lib/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_ABOVE 20 /* certificates at once: "all" must say that it is meant */

/* ---- Renew ---- */

struct renew_options {
    bool named;
    bool all;
    bool force;
    bool wait;
};

/* Sorts the selection into those to be renewed and those that are left out, which are said at once. Returns
 * how many are to be renewed. */
static size_t choose(struct wait_call *w, struct certificate **v, size_t n, const struct renew_options *o)
{
    size_t chosen = 0;
    char text[512];

    for (size_t i = 0; i < n; i++) {
        struct certificate *c = v[i];
        struct wait_target *t;
        enum renewal_refusal refusal;

        if (c->config == NULL && !o->named)
            continue;
        t = wait_add(w, c);
        if (c->config == NULL) {
            wait_settle(w, t, "it is not in the configuration (any more), so acmed does not renew it",
                        "failed");
            continue;
        }
        if (c->issuance != NULL || c->queued) {
            chosen++; /* joined */
            continue;
        }
        refusal = renewal_request_check(&c->journal, o->named, o->force, engine_now(), text, sizeof text);
        if (refusal == RENEWAL_ALLOWED)
            chosen++;
        else
            wait_settle(w, t, text, refusal == RENEWAL_LEFT_OUT ? "skipped" : "failed");
    }
    return chosen;
}

static void request_all(struct wait_call *w, bool wait)
{
    for (size_t i = 0; i < w->n; i++) {
        struct wait_target *t = &w->v[i];
        bool joined = t->c->issuance != NULL || t->c->queued;

        if (t->outcome != NULL)
            continue;
        if (joined)
            wait_progress(w, t->c->name,
                          t->c->queued ? "joining those that wait already"
                                       : "joining the order that is under way",
                          NULL);
        if (certificate_request(t->c, wait ? NULL : wait_on_durable, w))
            w->unsaved += wait ? 0 : 1;
        else if (!wait)
            err_nomem(&w->lost, "the journal");
    }
}

static void too_many(struct peer *p, size_t count)
{
    char text[256];

    (void)snprintf(text, sizeof text, "this would renew %zu certificates at once; say --all if that is meant",
                   count);
    peer_error(p, VARLINK_CONTROL_INTERFACE ".TooMany",
               json_pack("{sI ss}", "count", (json_int_t)count, "text", text));
}

void method_renew(struct peer *p, const json_t *parameters)
{
    struct renew_options o = {.wait = true};
    struct certificate **v;
    struct wait_call *w;
    size_t chosen;
    size_t n;

    if (!method_bool(p, parameters, "all", &o.all) || !method_bool(p, parameters, "force", &o.force) ||
        !method_bool(p, parameters, "wait", &o.wait) || !method_selection(p, parameters, &v, &n, &o.named))
        return;
    w = wait_new(p, n);
    if (w == NULL) {
        free(v);
        return;
    }
    chosen = choose(w, v, n, &o);
    free(v);
    if (!o.named && !o.all && chosen > ASK_ABOVE) {
        too_many(p, chosen);
        return;
    }
    log_info(NULL, "control socket: %s asks to renew %zu certificate%s", peer_name(p), chosen,
             chosen == 1 ? "" : "s");
    wait_tell_settled(w);
    request_all(w, o.wait);
    wait_begin(w, o.wait);
}

/* ---- Deploy ---- */

static void deploy_again(struct wait_call *w, struct certificate *c, bool wait)
{
    struct wait_target *t = wait_add(w, c);

    if (c->config == NULL || !c->has_facts) {
        wait_settle(w, t,
                    c->config == NULL ? "it is not in the configuration (any more)"
                                      : "there is no certificate to deploy yet",
                    "failed");
        return;
    }
    log_info(c->name, "control socket: %s asks to deploy generation %u again", peer_name(w->peer),
             c->generation);
    deploy_cancel(c->deploy);
    c->deploy = NULL;
    deployment_restart(&c->journal.deployment, c->generation);
    if (!deploy_start(c, "deploy"))
        wait_progress(w, c->name, "out of memory", "failed");
    if (!wait && certificate_save(c, wait_on_durable, w))
        w->unsaved++;
}

void method_deploy(struct peer *p, const json_t *parameters)
{
    const char *name = NULL;
    struct certificate **v;
    struct wait_call *w;
    bool wait = true;
    size_t n;

    if (!method_string(p, parameters, "name", &name) || !method_bool(p, parameters, "wait", &wait) ||
        !method_named(p, name, &v, &n))
        return;
    w = wait_new(p, n);
    for (size_t i = 0; w != NULL && i < n; i++)
        deploy_again(w, v[i], wait);
    free(v);
    if (w != NULL)
        wait_begin(w, wait);
}
