/* SPDX-License-Identifier: MIT */
#include "daemon/engine/rehearsal_parts.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/rehearsals.h"
#include "daemon/engine/withdrawal.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "lib/advice.h"
#include "lib/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rehearsal_rest(struct rehearsal *r, bool resting)
{
    if (r->resting == resting)
        return;
    r->resting = resting;
    authority_rest(r->authority, resting);
    fleet_reconsider(r->g->fleet);
}

void rehearsal_wait_for_key(struct rehearsal *r, bool waits)
{
    rehearsal_rest(r, waits);
    if (r->keyless == waits)
        return;
    r->keyless = waits;
    rehearsals_wait_for_key(r->g->rehearsals, waits);
}

static void free_all(struct rehearsal *r)
{
    rehearsal_wait_for_key(r, false);
    rehearsals_remove(r->g->rehearsals, r);
    r->c->rehearsal = NULL;
    authority_wait_cancel(r->authority, &r->ready);
    post_cancel(r->post);
    link_forget(r->g->keeper, r->request);
    if (r->solver != NULL) {
        solver_free(r->solver);
        withdraw(r->g->withdrawals, r->c);
    }
    loop_delay_free(r->delay);
    order_free(r->order);
    free(r);
}

void rehearsal_cancel(struct rehearsal *r)
{
    if (r != NULL)
        free_all(r);
}

bool rehearsal_is_under_way(const struct rehearsal *r)
{
    return r != NULL && r->under_way;
}

/* ---- the end ---- */

static void on_key_forgotten(void *arg, const struct ipc_msg *m, const struct err *e)
{
    (void)arg;
    (void)m;
    if (e != NULL)
        log_debug(NULL, "the key of a rehearsal is forgotten with the next one: %s", e->text);
}

static void succeed(struct rehearsal *r)
{
    struct certificate *c = r->c;
    struct feed *feed = r->g->feed;
    const char *ca = authority_ca(r->authority)->name;
    const size_t n = c->config->domains.n;
    char text[512];

    (void)snprintf(
        text, sizeof text,
        "rehearsed at CA %s: %s validated, a certificate was issued and is as it should be; nothing "
        "is installed",
        ca, n == 1 ? "the name is" : "all names are");
    free_all(r);
    log_notice(c->name, "%s", text);
    feed_event(feed, c->name, "rehearsed", NULL, "%s", text);
    feed_rehearsal(feed, c->name, "done", "%s", text);
    certificate_rehearsed(c, NULL);
    feed_changed(feed, c->name);
}

static void fail(struct rehearsal *r, const struct err *e)
{
    struct certificate *c = r->c;
    struct feed *feed = r->g->feed;
    const char *ca = authority_ca(r->authority)->name;
    struct err why = *e;
    char advice[ADVICE_MAX];
    const char *gap = "";

    if (advice_for(why.text, c->config->challenge, advice))
        gap = why.text[0] != '\0' && why.text[strlen(why.text) - 1] == '.' ? " " : ". ";
    free_all(r);
    err_wrap(&why, "the rehearsal at CA %s failed", ca);
    log_warning(c->name, "%s", why.text);
    feed_event(feed, c->name, "rehearsal-failed", NULL, "%s", why.text);
    feed_rehearsal(feed, c->name, "failed", "%s%s%s", why.text, gap, advice);
    certificate_rehearsed(c, &why);
    feed_changed(feed, c->name);
}

/* scope: what the failure was about; without one it says nothing. */
static void end(struct rehearsal *r, const struct err *e, enum gate_scope scope)
{
    struct gate *gate = authority_gate(r->authority);
    const struct strv *names = &r->c->config->domains;
    struct engine *g = r->g;

    rehearsal_wait_for_key(r, false);
    (void)gate_ended(gate, names, e, scope, random_jitter(), engine_now());
    if (e != NULL)
        gate_give_back(gate, names, LEDGER_COUNTED);
    (void)link_request(g->keeper, on_key_forgotten, g, IPC_REHEARSE_END, r->c->name);
    if (e == NULL)
        succeed(r);
    else
        fail(r, e);
    fleet_reconsider(g->fleet);
}

/* ---- the flow ---- */

static void trace(void *arg, enum order_state from, enum order_state to)
{
    const struct rehearsal *r = arg;

    log_debug(r->c->name, "rehearsal: %s -> %s", order_state_to_str(from), order_state_to_str(to));
}

static void tell(const struct rehearsal *r)
{
    enum order_state state = order_state(r->order);
    char text[512];

    if (state == ORDER_STATE_INSTALL) {
        feed_rehearsal(r->g->feed, r->c->name, NULL, "checking the certificate");
    } else if (state == ORDER_STATE_NEW_ORDER || state == ORDER_STATE_POLL || state == ORDER_STATE_FINALIZE) {
        order_describe(r->order, text, sizeof text);
        feed_rehearsal(r->g->feed, r->c->name, NULL, "%s", text);
    }
}

/* True: all begins again, with an account that is registered anew. */
static bool begin_again(struct rehearsal *r, const struct order_action *a)
{
    if (a->account == ORDER_ACCOUNT_IN_DOUBT)
        authority_account_doubted(r->authority);
    if (a->account != ORDER_ACCOUNT_LOST || r->again)
        return false;
    r->again = true;
    authority_account_lost(r->authority);
    order_free(r->order);
    r->order = NULL;
    authority_wait(r->authority, &r->ready);
    return true;
}

static enum gate_scope scope_of(const struct rehearsal *r, const struct order_action *a)
{
    if (a->account == ORDER_ACCOUNT_HELD)
        return GATE_SCOPE_ACCOUNT;
    return order_url(r->order) == NULL ? GATE_SCOPE_NEW_ORDER : GATE_SCOPE_ORDER;
}

void rehearsal_step(struct rehearsal *r, const struct order_event *event)
{
    enum order_state before = order_state(r->order);
    struct order_action a = order_step(r->order, event, loop_wall_ms());
    struct err e;
    bool ok = true;

    if (order_state(r->order) != before && a.kind != ORDER_DO_FAIL)
        tell(r);
    r->saved = a.kind == ORDER_DO_SAVE;
    switch (a.kind) {
    case ORDER_DO_SAVE: /* a restart forgets rehearsals */
        loop_delay_start(r->delay, 0);
        break;
    case ORDER_DO_POST:
        ok = rehearsal_post(r, &a, &e);
        break;
    case ORDER_DO_WAIT:
        rehearsal_rest(r, !a.again && a.at_ms - loop_wall_ms() >= PLACES_LONG_WAIT_MS);
        loop_delay_start(r->delay, a.at_ms - loop_wall_ms());
        break;
    case ORDER_DO_PRESENT:
        ok = rehearsal_present(r, &e);
        break;
    case ORDER_DO_INSTALL:
        ok = rehearsal_check(r, &a, &e);
        break;
    case ORDER_DO_SUCCEED:
        end(r, NULL, GATE_SCOPE_ORDER);
        return;
    case ORDER_DO_FAIL:
        if (!begin_again(r, &a))
            end(r, a.error, scope_of(r, &a));
        return;
    }
    if (!ok)
        rehearsal_step(r, &(struct order_event){.kind = ORDER_EV_ERROR, .error = &e});
}

static void on_delay(void *arg)
{
    struct rehearsal *r = arg;

    rehearsal_step(r, &(struct order_event){.kind = r->saved ? ORDER_EV_DONE : ORDER_EV_TIMER});
}

static void on_ready(void *arg, const struct err *e)
{
    struct rehearsal *r = arg;
    const struct config_certificate *config = r->c->config;
    const struct acme_directory *directory = authority_directory(r->authority);
    struct err own;

    if (e != NULL) {
        own = *e;
        end(r, &own, GATE_SCOPE_ACCOUNT);
        return;
    }
    fleet_reconsider(r->g->fleet); /* others wait to see whether the CA can be had */
    r->profile = acme_directory_check_profile(directory, config->profile, NULL);
    if (!r->profile)
        feed_rehearsal(r->g->feed, r->c->name, NULL,
                       "there is no profile %s here: it is rehearsed with the CA's default", config->profile);
    r->order = order_new(directory, &config->domains, config->challenge, NULL, trace, r);
    if (r->order == NULL) {
        err_nomem(&own, "an order");
        end(r, &own, GATE_SCOPE_ORDER);
        return;
    }
    rehearsal_step(r, &(struct order_event){.kind = ORDER_EV_START});
}

struct rehearsal *rehearsal_new(struct certificate *c, struct authority *a)
{
    struct rehearsal *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    *r = (struct rehearsal){.c = c, .g = c->engine, .authority = a};
    r->ready = (struct authority_wait){.on_ready = on_ready, .arg = r};
    r->delay = loop_delay_new(r->g->loop, on_delay, r);
    if (r->delay == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

/* ---- its turn ---- */

static const char waits_for_order[] = "the certificate itself is being ordered";
static const char waits_for_place[] = "as many orders are under way as max_orders allows";

/* Why it cannot begin, though the CA might take it; NULL: it can. */
static const char *held_here(const struct rehearsal *r)
{
    if (r->c->issuance != NULL)
        return waits_for_order;
    if (key_type_is_slow(r->c->config->key) &&
        rehearsals_keyless(r->g->rehearsals) >= r->g->config->max_orders)
        return waits_for_place; /* enough wait for keys that take long to make */
    return authority_has_place(r->authority, r->g->config) ? NULL : waits_for_place;
}

static struct gate_answer ask(const struct rehearsal *r)
{
    return authority_ask(r->authority, &r->c->config->domains, LEDGER_COUNTED, engine_now());
}

static void tell_held(struct rehearsal *r, const char *why)
{
    if (r->told != why)
        feed_rehearsal(r->g->feed, r->c->name, NULL, "waiting: %s", why);
    r->told = why;
}

static void tell_gate(struct rehearsal *r, struct gate_answer answer)
{
    char text[ERR_TEXT_MAX + 128];
    char until[32];

    if (r->told_cause == answer.cause)
        return;
    r->told_cause = answer.cause;
    r->told = NULL;
    authority_describe_wait(r->authority, answer, text, sizeof text);
    renewal_time_to_str(answer.until, until, sizeof until);
    feed_rehearsal(r->g->feed, r->c->name, NULL, "waiting: %s%s%s", text, answer.until != 0 ? "; until " : "",
                   answer.until != 0 ? until : "");
    feed_changed(r->g->feed, r->c->name);
}

static void begin(struct rehearsal *r)
{
    const char *ca = authority_ca(r->authority)->name;

    r->under_way = true;
    gate_started(authority_gate(r->authority), &r->c->config->domains, LEDGER_COUNTED, engine_now());
    log_info(r->c->name, "rehearsing the order at CA %s", ca);
    feed_rehearsal(r->g->feed, r->c->name, NULL, "rehearsing at CA %s", ca);
    feed_changed(r->g->feed, r->c->name);
    authority_wait(r->authority, &r->ready);
}

int64_t rehearsal_try(struct rehearsal *r)
{
    const char *why = held_here(r);
    struct gate_answer answer;

    if (why != NULL) {
        tell_held(r, why);
        return 0;
    }
    answer = ask(r);
    if (answer.go)
        begin(r);
    else
        tell_gate(r, answer);
    return answer.go ? 0 : answer.until;
}

void rehearsal_nudge(const struct rehearsal *r)
{
    gate_nudge(authority_gate(r->authority), engine_now());
}

void rehearsal_describe(const struct rehearsal *r, char *out, size_t size)
{
    const char *ca = authority_ca(r->authority)->name;
    char until[32], text[ERR_TEXT_MAX + 128];
    struct gate_answer answer;

    if (r->under_way || held_here(r) != NULL || (answer = ask(r)).go) {
        (void)snprintf(out, size, "rehearse the order at CA %s%s", ca,
                       r->under_way ? "" : ", when there is a place");
        return;
    }
    authority_describe_wait(r->authority, answer, text, sizeof text);
    renewal_time_to_str(answer.until, until, sizeof until);
    (void)snprintf(out, size, "rehearse the order at CA %s%s%s (%s)", ca,
                   answer.until != 0 ? ", not before " : ", later", answer.until != 0 ? until : "", text);
}
