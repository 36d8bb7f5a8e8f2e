/* SPDX-License-Identifier: MIT */
#include "daemon/engine/method_wait.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/revocation.h"
#include "daemon/engine/rollback.h"
#include "daemon/log.h"
#include "lib/act.h"

#include <stdio.h>
#include <stdlib.h>

void method_refuse(struct peer *p, const struct err *e)
{
    peer_error(p, VARLINK_CONTROL_INTERFACE ".Refused",
               json_pack("{ss ss}", "class", err_class_to_str(e->class), "text", e->text));
}

/* The certificate that is meant. NULL with e: there is none, or more than one. */
static struct certificate *find_subject(const struct engine *g, const char *name, struct err *e)
{
    struct certificate *c = fleet_find(g->fleet, name);
    const struct config_certificate *config;

    if (c != NULL && c->config == NULL)
        return c;
    config = config_find_one(g->config, name, e);
    return config != NULL ? fleet_find(g->fleet, config->name) : NULL;
}

/* What the call asks for, of a configured certificate that nothing else is being done to. NULL: the peer has
 * its answer. */
static struct certificate *begin(struct peer *p, const char *method, const json_t *parameters,
                                 struct act *act)
{
    const char *parameter;
    struct certificate *c;
    struct err e;

    if (!act_parse(act, method, parameters, &parameter)) {
        peer_error(p, VARLINK_INVALID_PARAMETER, json_pack("{ss}", "parameter", parameter));
        return NULL;
    }
    c = find_subject(peer_engine(p), act->subject, &e);
    if (c == NULL && fleet_find(peer_engine(p)->fleet, act->subject) == NULL) {
        method_unknown_certificate(p, act->subject);
        return NULL;
    }
    if (c == NULL) {
        method_refuse(p, &e);
        return NULL;
    }
    if (c->config == NULL) {
        err_set(
            &e, ERR_CLASS_CONFIG,
            "%s is not in the configuration (any more): put its section back first, so that acmed knows the "
            "CA and the names",
            c->name);
    } else if (c->revocation != NULL || c->rollback != NULL || c->asking != NULL) {
        err_set(&e, ERR_CLASS_TRANSIENT, "a revocation or rollback of %s is under way already", c->name);
    } else if (act->kind == ACT_ROLLBACK && (c->issuance != NULL || c->queued)) {
        err_set(&e, ERR_CLASS_TRANSIENT,
                "a renewal of %s is under way (or waits for its CA) and would replace the generation again; "
                "roll back when it is done",
                c->name);
    } else {
        return c;
    }
    method_refuse(p, &e);
    return NULL;
}

const char method_no_grant[] =
    "the call must come in one message of its own, on a connection that has no other call before it";

/* One at a time for each certificate: the permit of the second would take the place of the first one's. */
static void ask_grant(struct peer *p, struct certificate *c,
                      void (*on_grant)(void *arg, uint64_t generation, const struct err *e))
{
    struct err e;

    c->asking = p;
    if (peer_grant(p, on_grant))
        return;
    c->asking = NULL;
    err_set(&e, ERR_CLASS_PERMANENT, "%s", method_no_grant);
    method_refuse(p, &e);
}

/* ---- Rollback ---- */

static void on_rollback_granted(void *arg, uint64_t generation, const struct err *e)
{
    struct wait_call *w = arg;
    struct certificate *c = w->v[0].c;
    struct err own;

    c->asking = NULL;
    if (e == NULL && (c->issuance != NULL || c->queued || c->rollback != NULL)) {
        err_set(&own, ERR_CLASS_TRANSIENT, "a renewal of %s has begun meanwhile", c->name);
        e = &own;
    } else if (e == NULL && !rollback_start(c, (unsigned)generation, peer_name(w->peer))) {
        err_nomem(&own, "a rollback");
        e = &own;
    }
    if (e != NULL)
        method_refuse(w->peer, e);
    else
        wait_begin(w, w->wait);
}

void method_rollback(struct peer *p, const json_t *parameters)
{
    struct wait_call *w;
    struct act act;
    bool wait = true;
    struct certificate *c = begin(p, VARLINK_CONTROL_INTERFACE ".Rollback", parameters, &act);

    if (c == NULL || !method_bool(p, parameters, "wait", &wait))
        return;
    w = wait_new(p, 1);
    if (w == NULL)
        return;
    w->wait = wait;
    (void)wait_add(w, c);
    ask_grant(p, c, on_rollback_granted);
}

/* ---- Revoke ---- */

struct revoke_call {
    struct peer *peer;
    struct certificate *c;
    struct act act;
    bool going; /* c->revocation is ours */
};

static void end_revoke(void *arg)
{
    struct revoke_call *r = arg;

    if (r->going)
        revocation_forget(r->c->revocation);
    if (r->c->asking == r->peer)
        r->c->asking = NULL;
    free(r);
}

static const char *next_of(const struct revoke_call *r)
{
    if (r->act.generation != r->c->generation)
        return r->act.reason == ACT_REASON_KEY_COMPROMISE
                   ? "the live generation stays as it is; the key of the revoked one is never used again"
                   : "the live generation stays as it is";
    return r->act.reason == ACT_REASON_KEY_COMPROMISE
               ? "a new certificate with a new key is ordered at once and takes its place"
               : "it was the live one: a new certificate is ordered at once and takes its place (to have "
                 "none, "
                 "remove the section from the configuration and reload)";
}

static void on_revoked(void *arg, const struct revocation_outcome *outcome, const struct err *e)
{
    struct revoke_call *r = arg;
    struct err own;

    r->going = false;
    if (e == NULL) {
        peer_reply(r->peer,
                   json_pack("{sI ss ss ss sb ss}", "generation", (json_int_t)r->act.generation, "name",
                             r->c->name, "reason", act_reason_to_str(r->act.reason), "by",
                             outcome->by_certificate ? "certificate" : "account", "already", outcome->already,
                             "next", next_of(r)),
                   false);
        return;
    }
    own = *e;
    if (r->act.reason == ACT_REASON_KEY_COMPROMISE && r->act.generation == r->c->generation)
        (void)err_wrap(&own,
                       "the CA has not %s it, but its key is given up all the same: a new certificate "
                       "with a new key is ordered at once; repeat the command until it is revoked",
                       outcome->unanswered ? "said that it has revoked" : "revoked");
    else if (outcome->unanswered)
        (void)err_wrap(
            &own,
            "generation %u of %s may or may not be revoked, no answer came from the CA: repeat the "
            "command, which tells and does what is still to be done",
            (unsigned)r->act.generation, r->c->name);
    else
        (void)err_wrap(&own, "generation %u of %s is not revoked", (unsigned)r->act.generation, r->c->name);
    method_refuse(r->peer, &own);
}

static void on_revoke_granted(void *arg, uint64_t generation, const struct err *e)
{
    const struct revocation_outcome none = {0};
    struct revoke_call *r = arg;
    struct err own;

    r->c->asking = NULL;
    if (e == NULL) {
        r->act.generation = generation;
        r->going = revocation_start(r->c, &r->act, on_revoked, r, &own);
        if (!r->going)
            on_revoked(r, &none, &own);
        return;
    }
    method_refuse(r->peer, e);
}

void method_revoke(struct peer *p, const json_t *parameters)
{
    struct act act;
    struct certificate *c = begin(p, VARLINK_CONTROL_INTERFACE ".Revoke", parameters, &act);
    struct revoke_call *r = c != NULL ? calloc(1, sizeof *r) : NULL;

    if (r == NULL) {
        if (c != NULL)
            peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return;
    }
    *r = (struct revoke_call){.peer = p, .c = c, .act = act};
    peer_continue(p, NULL, end_revoke, r);
    ask_grant(p, c, on_revoke_granted);
}
