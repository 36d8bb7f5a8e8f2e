/* SPDX-License-Identifier: MIT */
#include "daemon/engine/methods.h"

#include "daemon/engine/deploy.h"
#include "daemon/engine/fleet.h"
#include "daemon/log.h"
#include "lib/deployment.h"
#include "lib/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_ABOVE 20 /* certificates at once: "all" must say that it is meant */

/* One certificate that a call waits for. */
struct target {
    struct certificate *c;
    int64_t at;
    char *text;          /* of the outcome; owned */
    const char *outcome; /* NULL: not known yet; else a string constant */
};

/* Renew and Deploy wait in the same way. */
struct wait_call {
    struct peer *peer;
    struct target *v;
    size_t n;
    size_t open;     /* without an outcome */
    size_t unsaved;  /* requests that are not durable yet */
    struct err lost; /* why one could not be made durable */
    bool started;
    bool wait; /* for the outcomes, not only until the requests are durable */
    struct feed_listener listener;
};

static json_t *progress(const struct target *t, const char *text, const char *outcome)
{
    return json_pack("{sI ss ss ss?}", "at", (json_int_t)engine_now(), "name", t->c->name, "text", text,
                     "outcome", outcome);
}

/* The last reply: every certificate with its outcome. */
static void finish(struct wait_call *w)
{
    bool is_lost = w->lost.class != ERR_CLASS_NONE;
    char under_way[ERR_TEXT_MAX + 128] = "under way";
    json_t *list = json_array();

    if (is_lost)
        (void)snprintf(
            under_way, sizeof under_way,
            "under way, but a restart of acmed would forget it: the request could not be written: %s",
            w->lost.text);
    for (size_t i = 0; i < w->n; i++) {
        const struct target *t = &w->v[i];

        (void)json_array_append_new(list, progress(t, t->text != NULL ? t->text : under_way,
                                                   t->outcome == NULL && is_lost ? "failed" : t->outcome));
    }
    peer_reply(w->peer, json_pack("{so}", "progress", list), false);
}

/* Who does not wait for the outcomes is answered when a restart would not forget what was asked for. */
static void finish_if_over(struct wait_call *w)
{
    if (w->started && (w->wait ? w->open == 0 : w->unsaved == 0))
        finish(w);
}

static void on_durable(void *arg, const struct err *e)
{
    struct wait_call *w = arg;

    w->unsaved--;
    if (e != NULL)
        w->lost = *e;
    finish_if_over(w);
}

static const char *constant_outcome(const char *outcome)
{
    return strcmp(outcome, "done") == 0 ? "done" : strcmp(outcome, "skipped") == 0 ? "skipped" : "failed";
}

static void set_outcome(struct wait_call *w, struct target *t, const char *text, const char *outcome)
{
    t->outcome = constant_outcome(outcome);
    t->text = strdup(text);
    w->open--;
}

static void on_progress(void *arg, const char *name, const char *text, const char *outcome)
{
    struct wait_call *w = arg;

    for (size_t i = 0; i < w->n; i++) {
        struct target *t = &w->v[i];

        if (t->outcome != NULL || strcmp(t->c->name, name) != 0)
            continue;
        /* What an older deployment comes to is not the end while an order is still under way. */
        if (outcome != NULL && (t->c->issuance != NULL || t->c->queued))
            outcome = NULL;
        if (outcome != NULL)
            set_outcome(w, t, text, outcome);
        if (peer_wants_more(w->peer))
            peer_reply(w->peer, json_pack("{s[o]}", "progress", progress(t, text, outcome)), true);
        break;
    }
    finish_if_over(w);
}

static void end_wait(void *arg)
{
    struct wait_call *w = arg;

    writer_forget(peer_engine(w->peer)->writer, w);
    feed_leave(peer_engine(w->peer)->feed, &w->listener);
    for (size_t i = 0; i < w->n; i++)
        free(w->v[i].text);
    free(w->v);
    free(w);
}

static struct wait_call *wait_new(struct peer *p, size_t n)
{
    struct wait_call *w = calloc(1, sizeof *w);

    if (w != NULL)
        w->v = calloc(n + 1, sizeof *w->v);
    if (w == NULL || w->v == NULL) {
        free(w);
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return NULL;
    }
    w->peer = p;
    w->listener = (struct feed_listener){.on_progress = on_progress, .arg = w};
    feed_join(peer_engine(p)->feed, &w->listener);
    peer_continue(p, NULL, end_wait, w);
    return w;
}

/* Everything is under way. */
static void wait_begin(struct wait_call *w, bool wait)
{
    w->started = true;
    w->wait = wait;
    finish_if_over(w);
}

/* ---- Renew ---- */

struct renew_options {
    bool named;
    bool all;
    bool force;
    bool wait;
};

static struct target *add_target(struct wait_call *w, struct certificate *c)
{
    struct target *t = &w->v[w->n++];

    t->c = c;
    w->open++;
    return t;
}

/* Sorts the selection into those to be renewed and those that are left out, which are said at once. Returns
 * how many are to be renewed. */
static size_t choose(struct wait_call *w, struct certificate **v, size_t n, const struct renew_options *o)
{
    size_t chosen = 0;
    char text[512];

    for (size_t i = 0; i < n; i++) {
        struct certificate *c = v[i];
        struct target *t;
        enum renewal_refusal refusal;

        if (c->config == NULL && !o->named)
            continue;
        t = add_target(w, c);
        if (c->config == NULL) {
            set_outcome(w, t, "it is not in the configuration (any more), so acmed does not renew it",
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
            set_outcome(w, t, text, refusal == RENEWAL_LEFT_OUT ? "skipped" : "failed");
    }
    return chosen;
}

static void tell_settled(struct wait_call *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].outcome != NULL && peer_wants_more(w->peer))
            peer_reply(w->peer,
                       json_pack("{s[o]}", "progress", progress(&w->v[i], w->v[i].text, w->v[i].outcome)),
                       true);
}

static void request_all(struct wait_call *w, bool wait)
{
    for (size_t i = 0; i < w->n; i++) {
        struct target *t = &w->v[i];
        bool joined = t->c->issuance != NULL || t->c->queued;

        if (t->outcome != NULL)
            continue;
        if (joined)
            on_progress(w, t->c->name,
                        t->c->queued ? "joining those that wait already"
                                     : "joining the order that is under way",
                        NULL);
        if (certificate_request(t->c, wait ? NULL : on_durable, w))
            w->unsaved += wait ? 0 : 1;
        else if (!wait)
            err_nomem(&w->lost, "the journal");
    }
}

static void too_many(struct peer *p, size_t count)
{
    char text[256];

    (void)snprintf(text, sizeof text,
                   "this would renew %zu certificates at once; --all says that it is meant", count);
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
    tell_settled(w);
    request_all(w, o.wait);
    wait_begin(w, o.wait);
}

/* ---- Deploy ---- */

void method_deploy(struct peer *p, const json_t *parameters)
{
    const char *name = NULL;
    struct certificate *c;
    struct wait_call *w;
    bool wait = true;

    if (!method_string(p, parameters, "name", &name) || !method_bool(p, parameters, "wait", &wait))
        return;
    c = name != NULL ? fleet_find(peer_engine(p)->fleet, name) : NULL;
    if (c == NULL) {
        method_unknown_certificate(p, name != NULL ? name : "");
        return;
    }
    w = wait_new(p, 1);
    if (w == NULL)
        return;
    if (c->config == NULL || !c->has_facts) {
        set_outcome(w, add_target(w, c),
                    c->config == NULL ? "it is not in the configuration (any more)"
                                      : "there is no certificate to deploy yet",
                    "failed");
        wait_begin(w, wait);
        return;
    }
    log_info(c->name, "control socket: %s asks to deploy generation %u again", peer_name(p), c->generation);
    (void)add_target(w, c);
    deploy_cancel(c->deploy);
    c->deploy = NULL;
    deployment_restart(&c->journal.deployment, c->generation);
    if (!deploy_start(c, "deploy"))
        on_progress(w, c->name, "out of memory", "failed");
    if (!wait && certificate_save(c, on_durable, w))
        w->unsaved++;
    wait_begin(w, wait);
}
