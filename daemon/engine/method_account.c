/* SPDX-License-Identifier: MIT */
#include "daemon/engine/methods.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/fleet.h"
#include "daemon/log.h"
#include "lib/act.h"
#include "lib/challenge.h"

#include <stdlib.h>
#include <string.h>

/* A call about accounts: what was asked for is done first, then each account is described by the keeper. */
struct account_call {
    struct peer *peer;
    const struct config_ca *ca; /* NULL: all in use */
    enum account_event_kind act;
    struct authority *authority; /* of what is asked for */
    struct authority_wait ready;
    size_t next; /* which CA is described next */
    const struct config_ca *described;
    uint32_t request;
    json_t *accounts;
};

static void end_call(void *arg)
{
    struct account_call *c = arg;

    if (c->authority != NULL) {
        authority_wait_cancel(c->authority, &c->ready);
        authority_act_forget(c->authority, c);
    }
    link_forget(peer_engine(c->peer)->keeper, c->request);
    json_decref(c->accounts);
    free(c);
}

static bool is_used(const struct config *config, const struct config_ca *ca)
{
    for (size_t i = 0; i < config->n_certificates; i++)
        for (size_t k = 0; k < config->certificates[i].n_cas; k++)
            if (config->certificates[i].cas[k] == ca)
                return true;
    return false;
}

/* alarm: the authority's. */
static const char *state_of(const struct ipc_msg *m, const char *alarm)
{
    if ((m->field[2].u & IPC_ACCOUNT_DEACTIVATED) != 0)
        return "deactivated";
    if (alarm != NULL)
        return "ended";
    if ((m->field[2].u & IPC_ACCOUNT_HAS_NEXT) != 0)
        return "key-change";
    return m->field[0].len > 0 ? "registered" : "unregistered";
}

static void describe_next(struct account_call *c);

static void on_described(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct account_call *c = arg;
    const struct engine *g = peer_engine(c->peer);
    const struct config_ca *ca = c->described;
    const struct authority *authority = fleet_authority(g->fleet, ca);
    const char *alarm = authority_alarm(authority);
    const struct err *why = NULL;
    char label[CHALLENGE_LABEL_MAX];
    const char *url;
    struct err own;

    c->request = 0;
    if (m == NULL || m->type != IPC_ACCOUNT) {
        err_set(&own, ERR_CLASS_INTERNAL, "%s", e != NULL ? e->text : "no answer of the keeper");
        method_refuse(c->peer, &own);
        return;
    }
    (void)authority_state(authority, &why);
    if (alarm == NULL && why != NULL)
        alarm = why->text;
    url = m->field[0].len > 0 ? m->field[0].s : NULL;
    (void)json_array_append_new(
        c->accounts,
        json_pack("{ss ss ss? ss ss? ss ss? ss ss ss?}", "ca", ca->name, "directory", ca->directory, "url",
                  url, "state", state_of(m, authority_alarm(authority)), "contact",
                  config_ca_contact(g->config, ca), "thumbprint", m->field[1].s, "dns_label",
                  url != NULL && challenge_label(url, label) ? label : NULL, "key_type", m->field[3].s,
                  "account_key", key_type_to_str(ca->account_key), "error", alarm));
    describe_next(c);
}

static void describe_next(struct account_call *c)
{
    const struct engine *g = peer_engine(c->peer);
    struct err e;

    while (c->next < g->config->n_cas) {
        const struct config_ca *ca = &g->config->cas[c->next++];

        if (c->ca != NULL ? ca != c->ca : !is_used(g->config, ca))
            continue;
        c->described = ca;
        c->request = link_request(g->keeper, on_described, c, IPC_ACCOUNT_LOAD, ca->name);
        if (c->request == 0) {
            err_nomem(&e, "a request to the keeper");
            method_refuse(c->peer, &e);
        }
        return;
    }
    peer_reply(c->peer, json_pack("{sO}", "accounts", c->accounts), false);
}

static void unknown_ca(struct peer *p, const char *name)
{
    const struct config *config = peer_engine(p)->config;
    json_t *known = json_array();

    for (size_t i = 0; i < config->n_cas; i++)
        if (is_used(config, &config->cas[i]))
            (void)json_array_append_new(known, json_string(config->cas[i].name));
    peer_error(p, VARLINK_CONTROL_INTERFACE ".NoSuchCa", json_pack("{ss so}", "ca", name, "known", known));
}

/* NULL: the peer has its answer. */
static struct account_call *begin(struct peer *p, const json_t *parameters, bool required)
{
    const struct config *config = peer_engine(p)->config;
    const struct config_ca *ca = NULL;
    struct account_call *c;
    const char *name = NULL;

    if (!method_string(p, parameters, "ca", &name))
        return NULL;
    if (name != NULL)
        ca = config_find_ca(config, name);
    if ((name != NULL || required) && (ca == NULL || !is_used(config, ca))) {
        unknown_ca(p, name != NULL ? name : "");
        return NULL;
    }
    c = calloc(1, sizeof *c);
    if (c == NULL) {
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return NULL;
    }
    c->peer = p;
    c->ca = ca;
    c->accounts = json_array();
    peer_continue(p, NULL, end_call, c);
    return c;
}

void method_accounts(struct peer *p, const json_t *parameters)
{
    struct account_call *c = begin(p, parameters, false);

    if (c != NULL)
        describe_next(c);
}

/* ---- what is done to one ---- */

/* A person who sends the contact may have done before what the CA wanted of them. */
static void succeed(struct account_call *c)
{
    const struct fleet *f = peer_engine(c->peer)->fleet;

    if (c->act == ACCOUNT_EV_UPDATE) {
        gate_nudge(authority_gate(c->authority), engine_now());
        fleet_reconsider(peer_engine(c->peer)->fleet);
    } else if (c->act == ACCOUNT_EV_DEACTIVATE) {
        for (size_t i = 0; i < fleet_count(f); i++)
            if (fleet_at(f, i)->ca == c->ca)
                feed_event(peer_engine(c->peer)->feed, fleet_at(f, i)->name, "account", NULL,
                           "the account with the CA %s was deactivated, as %s asked", c->ca->name,
                           peer_name(c->peer));
        fleet_changed(f, c->ca);
    }
    describe_next(c);
}

static void on_acted(void *arg, const struct err *e)
{
    struct account_call *c = arg;

    if (e != NULL)
        method_refuse(c->peer, e);
    else
        succeed(c);
}

/* An order's challenges are answered with the key that was there when it began. */
static bool is_busy(const struct account_call *c)
{
    const struct fleet *f = peer_engine(c->peer)->fleet;

    for (unsigned i = 0; i < fleet_in_flight(f); i++)
        if (fleet_in_flight_at(f, i)->ca == c->ca)
            return true;
    return false;
}

/* What answered a challenge is found again by the key it was made with. */
static const struct certificate *find_unremoved(const struct account_call *c)
{
    const struct fleet *f = peer_engine(c->peer)->fleet;

    for (size_t i = 0; i < fleet_count(f); i++)
        if (journal_has_published(&fleet_at(f, i)->journal, c->ca->name))
            return fleet_at(f, i);
    return NULL;
}

/* What has to come to its end before. */
static bool is_free(const struct account_call *c, struct err *e)
{
    const struct certificate *unremoved = c->act == ACCOUNT_EV_ROLLOVER ? find_unremoved(c) : NULL;

    if (is_busy(c))
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "orders at the CA %s are under way: try again when they are done", c->ca->name);
    return unremoved == NULL ||
           err_set(e, ERR_CLASS_TRANSIENT,
                   "what answered a challenge for %s is still being removed, for which the key is needed "
                   "that it was "
                   "made with: try again when it is gone. If it cannot be removed (the log says why), take "
                   "dns_hook "
                   "or webroot out of [certificate %s] and reload: then it is left where it is",
                   unremoved->name, unremoved->name);
}

static void log_outcome(const struct account_call *c)
{
    const char *ca = c->ca->name;
    const char *who = peer_name(c->peer);

    if (c->act == ACCOUNT_EV_DEACTIVATE)
        log_warning(NULL, "CA %s: the account is being deactivated, as %s asked", ca, who);
    else
        log_notice(NULL, "CA %s: %s, as %s asked", ca,
                   c->act == ACCOUNT_EV_ROLLOVER ? "the account's key is being changed"
                                                 : "the account's contact is sent",
                   who);
}

static void on_ready(void *arg, const struct err *e)
{
    struct account_call *c = arg;
    struct err own;

    if (e == NULL && !is_free(c, &own))
        e = &own;
    if (e == NULL && !authority_act(c->authority, c->act, on_acted, c)) {
        err_set(&own, ERR_CLASS_TRANSIENT,
                "something else is being done to the account with the CA %s: try again", c->ca->name);
        e = &own;
    }
    if (e != NULL)
        method_refuse(c->peer, e);
    else
        log_outcome(c);
}

static void act(struct account_call *c)
{
    c->authority = fleet_authority(peer_engine(c->peer)->fleet, c->ca);
    c->ready.on_ready = on_ready;
    c->ready.arg = c;
    authority_wait(c->authority, &c->ready);
}

static void on_granted(void *arg, uint64_t generation, const struct err *e)
{
    struct account_call *c = arg;

    (void)generation;
    if (e != NULL)
        method_refuse(c->peer, e);
    else
        act(c);
}

static void granted_act(struct peer *p, const json_t *parameters, enum account_event_kind kind)
{
    struct account_call *c = begin(p, parameters, true);
    struct err e;

    if (c == NULL)
        return;
    c->act = kind;
    if (peer_grant(p, on_granted))
        return;
    err_set(&e, ERR_CLASS_PERMANENT, "%s", method_no_grant);
    method_refuse(p, &e);
}

void method_account_update(struct peer *p, const json_t *parameters)
{
    struct account_call *c = begin(p, parameters, true);

    if (c == NULL)
        return;
    c->act = ACCOUNT_EV_UPDATE;
    act(c);
}

void method_account_rollover(struct peer *p, const json_t *parameters)
{
    granted_act(p, parameters, ACCOUNT_EV_ROLLOVER);
}

void method_account_deactivate(struct peer *p, const json_t *parameters)
{
    granted_act(p, parameters, ACCOUNT_EV_DEACTIVATE);
}
