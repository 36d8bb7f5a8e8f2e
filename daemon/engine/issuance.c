/* SPDX-License-Identifier: MIT */
#include "daemon/engine/issuance.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/solver.h"
#include "daemon/log.h"
#include "lib/order.h"

#include <stdlib.h>
#include <string.h>

struct issuance {
    struct certificate *c;
    struct engine *g;
    struct authority *authority;
    struct order *order; /* NULL until the authority is ready */
    struct authority_wait ready;
    bool resumed;  /* the order is one that an earlier process began */
    bool no_nonce; /* the last request could not even be sent: the CA gave no nonce */
    struct authority_post *post;
    uint32_t request;         /* install */
    struct loop_delay *delay; /* waits of the machine, and the first step */
    struct solver *solver;    /* from its first challenge on */
    unsigned generation;      /* installed */
};

static void step(struct issuance *i, const struct order_event *event);

static void trace(void *arg, enum order_state from, enum order_state to)
{
    const struct issuance *i = arg;

    log_debug(i->c->name, "order: %s -> %s", order_state_to_str(from), order_state_to_str(to));
}

static void step_done(struct issuance *i)
{
    const struct order_event event = {.kind = ORDER_EV_DONE};

    step(i, &event);
}

static void step_error(struct issuance *i, const struct err *e)
{
    const struct order_event event = {.kind = ORDER_EV_ERROR, .error = e};

    step(i, &event);
}

static void free_all(struct issuance *i)
{
    writer_forget(i->g->writer, i);
    authority_wait_cancel(i->authority, &i->ready);
    authority_post_cancel(i->post);
    link_forget(i->g->keeper, i->request);
    solver_free(i->solver);
    loop_delay_free(i->delay);
    order_free(i->order);
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

/* ---- the machine's actions ---- */

static void on_saved(void *arg, const struct err *e)
{
    struct issuance *i = arg;

    if (e != NULL && order_url(i->order) == NULL)
        journal_drop_order(&i->c->journal); /* only its intent could not be written: nothing was sent */
    if (e != NULL)
        step_error(i, e);
    else
        step_done(i);
}

static bool remember(char **slot, const char *value)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return false;
    free(*slot);
    *slot = copy;
    return true;
}

/* The intent to order, and later the order's URL: durable before the machine goes on (L2). */
static bool save(struct issuance *i, struct err *e)
{
    const struct config_certificate *config = i->c->config;
    struct journal *j = &i->c->journal;
    const char *url = order_url(i->order);
    char *names;
    bool ok;

    if (url == NULL) {
        if (journal_has_order(j) && j->order_url == NULL) {
            j->repeated_orders++;
            log_notice(i->c->name,
                       "the URL of the last order was lost with an interrupted request; it is ordered again");
        }
        journal_drop_order(j);
        names = strv_join(&config->domains, " ");
        ok = names != NULL && remember(&j->order_names, names) && remember(&j->order_ca, config->ca->name) &&
             remember(&j->order_directory, config->ca->directory) &&
             remember(&j->order_key_type, key_type_to_str(config->key));
        free(names);
        j->order_created = engine_now();
    } else {
        ok = remember(&j->order_url, url);
    }
    if (!ok || !certificate_save(i->c, on_saved, i))
        return err_nomem(e, "the journal");
    return true;
}

static void on_reply(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct issuance *i = arg;
    const struct order_event event = {
        .kind = reply != NULL ? ORDER_EV_REPLY : ORDER_EV_ERROR, .reply = reply, .error = e};

    i->post = NULL;
    i->no_nonce = reply == NULL && e->class == ERR_CLASS_RATE_LIMITED;
    step(i, &event);
}

static bool post(struct issuance *i, const struct order_action *a, struct err *e)
{
    static const struct {
        enum ipc_type what;
        bool for_lineage; /* the keeper wants to know for which lineage, not only at which CA */
    } posts[] = {
        [ORDER_POST_NEW_ORDER] = {IPC_SIGN_NEW_ORDER, true},
        [ORDER_POST_FETCH] = {IPC_SIGN_FETCH, false},
        [ORDER_POST_ANSWER] = {IPC_SIGN_ANSWER, false},
        [ORDER_POST_FINALIZE] = {IPC_SIGN_FINALIZE, true},
    };
    const char *subject = posts[a->post].for_lineage ? i->c->name : i->c->config->ca->name;

    i->post = authority_post(i->authority, posts[a->post].what, subject, a->url, on_reply, i);
    return i->post != NULL || err_nomem(e, "a request to the CA");
}

static void on_presented(void *arg, const struct err *e)
{
    on_saved(arg, e);
}

static bool present(struct issuance *i, struct err *e)
{
    if (i->solver == NULL)
        i->solver = solver_new(i->g, i->authority, i->c->config, on_presented, i);
    if (i->solver == NULL)
        return err_nomem(e, "the challenges");
    return solver_present(i->solver, i->order, e);
}

static void on_installed(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct issuance *i = arg;
    struct err own;

    i->request = 0;
    if (m != NULL && m->type == IPC_INSTALLED) {
        i->generation = (unsigned)m->field[0].u;
        step_done(i);
        return;
    }
    if (m != NULL) {
        err_set(&own, ERR_CLASS_INTERNAL, "the keeper answered an installation with \"%s\"",
                ipc_type_to_str(m->type));
        e = &own;
    }
    step_error(i, e);
}

static bool install(struct issuance *i, const struct order_action *a, struct err *e)
{
    if (strlen(a->chain) != a->chain_len)
        return err_set(e, ERR_CLASS_TRANSIENT, "the downloaded chain holds a NUL byte");
    i->request = link_request(i->g->keeper, on_installed, i, IPC_INSTALL, i->c->name, a->chain);
    return i->request != 0 || err_set(e, ERR_CLASS_TRANSIENT, "the downloaded chain is too large");
}

static void on_discarded(void *arg, const struct ipc_msg *m, const struct err *e)
{
    const struct certificate *c = arg;

    (void)m;
    if (e != NULL)
        log_warning(c->name,
                    "the key that the CA refused could not be discarded: %s; the next order uses it again",
                    e->text);
}

static bool begin_order(struct issuance *i, const char *url);

/* An order whose validation failed while no acmed was there to answer it says nothing about the names: it is
 * placed again at once, but only once. */
static bool replace_resumed(struct issuance *i, const struct order_action *a)
{
    if (!i->resumed || !a->forget || a->account_lost || a->error->class != ERR_CLASS_TRANSIENT)
        return false;
    log_info(i->c->name, "the order that was resumed is dead, a new one is placed: %s", a->error->text);
    journal_drop_order(&i->c->journal);
    order_free(i->order);
    i->order = NULL;
    return begin_order(i, NULL);
}

static void fail(struct issuance *i, const struct order_action *a)
{
    struct authority *authority = i->authority;
    enum gate_scope scope =
        order_url(i->order) == NULL || i->no_nonce ? GATE_SCOPE_NEW_ORDER : GATE_SCOPE_ORDER;
    bool forget = a->forget; /* the action is borrowed from the machine */
    struct certificate *c = i->c;
    struct err e = *a->error;

    if (a->account_lost)
        authority_account_lost(i->authority);
    if (a->discard_key)
        (void)link_request(i->g->keeper, on_discarded, i->c, IPC_DISCARD_KEY, c->name);
    if (replace_resumed(i, a))
        return;
    free_all(i);
    c->issuance = NULL;
    certificate_failed(c, authority, &e, forget, scope);
}

static void succeed(struct issuance *i)
{
    struct certificate *c = i->c;
    struct authority *authority = i->authority;
    unsigned generation = i->generation;

    free_all(i);
    c->issuance = NULL;
    certificate_issued(c, authority, generation);
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

static void step(struct issuance *i, const struct order_event *event)
{
    enum order_state before = order_state(i->order);
    struct order_action a = order_step(i->order, event, loop_wall_ms());
    struct err e;
    bool ok = true;

    if (order_state(i->order) != before && a.kind != ORDER_DO_FAIL)
        tell(i);
    switch (a.kind) {
    case ORDER_DO_SAVE:
        ok = save(i, &e);
        break;
    case ORDER_DO_POST:
        ok = post(i, &a, &e);
        break;
    case ORDER_DO_WAIT:
        loop_delay_start(i->delay, a.at_ms - loop_wall_ms());
        break;
    case ORDER_DO_PRESENT:
        ok = present(i, &e);
        break;
    case ORDER_DO_INSTALL:
        ok = install(i, &a, &e);
        break;
    case ORDER_DO_SUCCEED:
        succeed(i);
        return;
    case ORDER_DO_FAIL:
        fail(i, &a);
        return;
    }
    if (!ok)
        step_error(i, &e);
}

/* ---- the beginning ---- */

/* The order that the journal knows, if it is for what is configured now; else what is left of it is dropped.
 */
static const char *resumable(const struct certificate *c)
{
    const struct journal *j = &c->journal;
    char *names = strv_join(&c->config->domains, " ");
    bool same = names != NULL && j->order_url != NULL && strcmp(j->order_ca, c->config->ca->name) == 0 &&
                strcmp(j->order_directory, c->config->ca->directory) == 0 &&
                strcmp(j->order_names, names) == 0 &&
                strcmp(j->order_key_type, key_type_to_str(c->config->key)) == 0;

    free(names);
    return same ? j->order_url : NULL;
}

static void abandon(struct issuance *i, const struct err *e, enum gate_scope scope)
{
    struct authority *authority = i->authority;
    struct certificate *c = i->c;

    free_all(i);
    c->issuance = NULL;
    certificate_failed(c, authority, e, false, scope);
}

static bool begin_order(struct issuance *i, const char *url)
{
    const struct order_event start = {.kind = ORDER_EV_START};

    i->resumed = url != NULL;
    i->order = order_new(authority_directory(i->authority), &i->c->config->domains, i->c->config->challenge,
                         url, trace, i);
    if (i->order == NULL)
        return false;
    step(i, &start);
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
        journal_drop_order(&i->c->journal);
    if (url != NULL)
        log_info(i->c->name, "the order begun earlier is resumed");
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
        step(i, &timer);
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
