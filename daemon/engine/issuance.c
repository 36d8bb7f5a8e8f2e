/* SPDX-License-Identifier: MIT */
#include "daemon/engine/issuance.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/issuance_parts.h"
#include "daemon/engine/withdrawal.h"
#include "daemon/log.h"
#include "lib/ari.h"
#include "lib/places.h"

#include <stdlib.h>
#include <string.h>

static void trace(void *arg, enum order_state from, enum order_state to)
{
    const struct issuance *i = arg;

    log_debug(i->c->name, "order: %s -> %s", order_state_to_str(from), order_state_to_str(to));
}

void issuance_step_done(struct issuance *i)
{
    const struct order_event event = {.kind = ORDER_EV_DONE};

    issuance_step(i, &event);
}

void issuance_step_error(struct issuance *i, const struct err *e)
{
    const struct order_event event = {.kind = ORDER_EV_ERROR, .error = e};

    issuance_step(i, &event);
}

void issuance_rest(struct issuance *i, bool resting)
{
    if (i->resting == resting)
        return;
    i->resting = resting;
    authority_rest(i->authority, resting);
    fleet_reconsider(i->g->fleet);
}

void issuance_wait_for_key(struct issuance *i, bool waits)
{
    issuance_rest(i, waits);
    if (i->keyless == waits)
        return;
    i->keyless = waits;
    fleet_wait_for_key(i->g->fleet, waits);
}

static void free_all(struct issuance *i)
{
    issuance_wait_for_key(i, false);
    writer_forget(i->g->writer, i);
    authority_wait_cancel(i->authority, &i->ready);
    post_cancel(i->post);
    link_forget(i->g->keeper, i->request);
    solver_free(i->solver);
    withdraw(i->g->withdrawals, i->c);
    loop_delay_free(i->delay);
    order_free(i->order);
    free(i->chain);
    free(i);
}

void issuance_cancel(struct issuance *i)
{
    if (i != NULL)
        free_all(i);
}

void issuance_describe(const struct issuance *i, char *out, size_t size)
{
    if (i->order != NULL)
        order_describe(i->order, out, size);
    else
        (void)snprintf(out, size, "connecting to CA %s", authority_ca(i->authority)->name);
}

static bool begin_order(struct issuance *i, const char *url);

/* An order whose validation failed while no acmed was there to answer it says nothing about the names: it is
 * placed again at once, but only once. */
static bool replace_resumed(struct issuance *i, const struct order_action *a)
{
    if (!i->resumed || !a->forget || a->account == ORDER_ACCOUNT_LOST ||
        a->error->class != ERR_CLASS_TRANSIENT)
        return false;
    log_info(i->c->name, "the order that was resumed is dead, a new one is placed: %s", a->error->text);
    certificate_orders_anew(i->c, i->authority);
    order_free(i->order);
    i->order = NULL;
    return begin_order(i, NULL);
}

/* The account is good: the order was refused for a reason of its own. Otherwise all others would be, too. */
static void on_account_checked(void *arg, const struct err *e)
{
    struct issuance *i = arg;
    struct authority *authority = i->authority;
    struct certificate *c = i->c;
    enum gate_scope scope = e != NULL ? GATE_SCOPE_ACCOUNT : i->scope;
    struct err own = e != NULL ? *e : *i->refusal;
    bool forget = i->forget;

    free_all(i);
    c->issuance = NULL;
    certificate_failed(c, authority, &own, forget, scope);
}

static void check_account(struct issuance *i, const struct order_action *a, enum gate_scope scope)
{
    i->refusal = a->error;
    i->forget = a->forget;
    i->scope = scope;
    i->ready.on_ready = on_account_checked;
    authority_account_doubted(i->authority);
    authority_wait(i->authority, &i->ready);
}

static enum gate_scope scope_of(const struct issuance *i, const struct order_action *a)
{
    if (a->account == ORDER_ACCOUNT_HELD)
        return GATE_SCOPE_ACCOUNT;
    return order_url(i->order) == NULL || i->no_nonce ? GATE_SCOPE_NEW_ORDER : GATE_SCOPE_ORDER;
}

static void fail(struct issuance *i, const struct order_action *a)
{
    struct authority *authority = i->authority;
    enum gate_scope scope = scope_of(i, a);
    bool forget = a->forget; /* the action is borrowed from the machine */
    struct certificate *c = i->c;
    struct err e = *a->error;

    if (a->account == ORDER_ACCOUNT_LOST)
        authority_account_lost(i->authority);
    if (a->discard_key)
        issuance_discard_key(i);
    certificate_validation_failed(c, authority, order_failed_names(i->order));
    if (a->account == ORDER_ACCOUNT_IN_DOUBT) {
        check_account(i, a, scope);
        return;
    }
    if (replace_resumed(i, a))
        return;
    free_all(i);
    c->issuance = NULL;
    certificate_failed(c, authority, &e, forget, scope);
}

static void succeed(struct issuance *i, enum order_account account)
{
    struct certificate *c = i->c;
    struct authority *authority = i->authority;
    unsigned generation = i->generation;
    char *chain = i->chain;

    i->chain = NULL;
    free_all(i);
    c->issuance = NULL;
    if (account == ORDER_ACCOUNT_LOST)
        authority_account_lost(authority);
    else if (account == ORDER_ACCOUNT_IN_DOUBT)
        authority_account_doubted(authority);
    certificate_issued(c, authority, generation, chain);
    free(chain);
}

/* What takes time or matters is said; the small steps between are for the debug log. */
static bool is_worth_saying(enum order_state state)
{
    return state == ORDER_STATE_RESUME || state == ORDER_STATE_NEW_ORDER || state == ORDER_STATE_POLL ||
           state == ORDER_STATE_FINALIZE || state == ORDER_STATE_INSTALL;
}

static void tell(struct issuance *i)
{
    char text[512];

    order_describe(i->order, text, sizeof text);
    if (is_worth_saying(order_state(i->order)))
        feed_progress(i->g->feed, i->c->name, NULL, "%s", text);
    feed_changed(i->g->feed, i->c->name);
}

void issuance_step(struct issuance *i, const struct order_event *event)
{
    enum order_state before = order_state(i->order);
    struct order_action a = order_step(i->order, event, loop_wall_ms());
    struct err e;
    bool ok = true;

    if (order_state(i->order) != before && a.kind != ORDER_DO_FAIL)
        tell(i);
    switch (a.kind) {
    case ORDER_DO_SAVE:
        ok = issuance_save(i, &e);
        break;
    case ORDER_DO_POST:
        ok = issuance_post(i, &a, &e);
        break;
    case ORDER_DO_WAIT:
        issuance_rest(i, !a.again && a.at_ms - loop_wall_ms() >= PLACES_LONG_WAIT_MS);
        loop_delay_start(i->delay, a.at_ms - loop_wall_ms());
        break;
    case ORDER_DO_PRESENT:
        ok = issuance_present(i, &e);
        break;
    case ORDER_DO_INSTALL:
        ok = issuance_install(i, &a, &e);
        break;
    case ORDER_DO_SUCCEED:
        succeed(i, a.account);
        return;
    case ORDER_DO_FAIL:
        fail(i, &a);
        return;
    }
    if (!ok)
        issuance_step_error(i, &e);
}

/* ---- the beginning ---- */

static bool same_profile(const char *a, const char *b)
{
    return a != NULL && b != NULL ? strcmp(a, b) == 0 : a == b;
}

/* The order that the journal knows, if it is for what is configured now; else what is left of it is dropped.
 */
static const char *resumable(const struct certificate *c)
{
    const struct journal *j = &c->journal;
    char *names = strv_join(&c->config->domains, " ");
    const char *url = journal_order_to_resume(j, engine_now());
    bool same = names != NULL && url != NULL && strcmp(j->order_ca, c->ca->name) == 0 &&
                strcmp(j->order_directory, c->ca->directory) == 0 && strcmp(j->order_names, names) == 0 &&
                strcmp(j->order_key_type, key_type_to_str(c->config->key)) == 0 &&
                same_profile(j->order_profile, c->config->profile);

    free(names);
    return same ? url : NULL;
}

static void abandon(struct issuance *i, const struct err *e, enum gate_scope scope)
{
    struct authority *authority = i->authority;
    struct certificate *c = i->c;

    free_all(i);
    c->issuance = NULL;
    certificate_failed(c, authority, e, false, scope);
}

/* The live certificate is what this order replaces, as far as the CA wants to know. */
static bool replaces(const struct issuance *i)
{
    return i->c->has_facts && authority_directory(i->authority)->renewal_info != NULL &&
           ari_replaces(&i->c->journal, &i->c->facts, authority_ca(i->authority)->directory);
}

static bool begin_order(struct issuance *i, const char *url)
{
    const struct order_event start = {.kind = ORDER_EV_START};

    i->resumed = url != NULL;
    i->order = order_new(authority_directory(i->authority), &i->c->config->domains, i->c->config->challenge,
                         url, trace, i);
    if (i->order == NULL)
        return false;
    order_prefer_chain(i->order, config_chain(i->c->config, authority_ca(i->authority)));
    if (replaces(i))
        order_set_replaces(i->order);
    issuance_step(i, &start);
    return true;
}

static void on_ready(void *arg, const struct err *e)
{
    struct issuance *i = arg;
    const char *url = resumable(i->c);
    struct err own;

    if (e != NULL) {
        own = *e;
        abandon(i, &own, GATE_SCOPE_ACCOUNT);
        return;
    }
    fleet_reconsider(i->g->fleet); /* the others wait to see whether the CA can be had */
    if (url == NULL && i->c->journal.order_url != NULL)
        certificate_orders_anew(i->c, i->authority);
    if (url != NULL) {
        log_info(i->c->name, "the order begun earlier is resumed");
    } else if (!acme_directory_check_profile(authority_directory(i->authority), i->c->config->profile,
                                             &own)) {
        err_wrap(&own, "CA %s", authority_ca(i->authority)->name);
        abandon(i, &own, GATE_SCOPE_ORDER);
        return;
    }
    if (!begin_order(i, url)) {
        err_nomem(&own, "an order");
        abandon(i, &own, GATE_SCOPE_ORDER);
    }
}

static void on_delay(void *arg)
{
    const struct order_event timer = {.kind = ORDER_EV_TIMER};
    struct issuance *i = arg;

    if (i->order != NULL)
        issuance_step(i, &timer);
    else
        on_ready(i, NULL);
}

static void on_counted(void *arg, const struct err *e)
{
    struct issuance *i = arg;

    if (e != NULL) {
        struct err own = *e;

        abandon(i, &own, GATE_SCOPE_ORDER);
        return;
    }
    authority_wait(i->authority, &i->ready);
}

struct issuance *issuance_start(struct certificate *c, struct authority *a)
{
    struct issuance *i = calloc(1, sizeof *i);

    if (i == NULL)
        return NULL;
    *i = (struct issuance){.c = c, .g = c->engine, .authority = a};
    i->ready = (struct authority_wait){.on_ready = on_ready, .arg = i};
    i->delay = loop_delay_new(i->g->loop, on_delay, i);
    if (i->delay == NULL) {
        free_all(i);
        return NULL;
    }
    /* A new order's intent is saved before it is placed, and the count with it; otherwise the count goes
     * first (L3). */
    if (authority_is_ready(a) && resumable(c) == NULL) {
        loop_delay_start(i->delay, 0);
    } else if (!certificate_save(c, on_counted, i)) {
        free_all(i);
        return NULL;
    }
    return i;
}
