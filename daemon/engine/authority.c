/* SPDX-License-Identifier: MIT */
#include "daemon/engine/authority.h"

#include "daemon/engine/nonces.h"
#include "daemon/log.h"

#include <stdlib.h>
#include <string.h>

struct authority {
    struct client *client;
    struct link *keeper;
    const struct config_ca *ca;
    struct nonces *nonces;
    struct posts *posts;
    struct gate *gate;
    struct account *machine;
    char *thumbprint;
    struct authority_wait *waiting; /* in no order */
    bool running;                   /* the machine has an action under way */
    bool failed;
    enum account_event_kind act; /* what a person asked for and waits for; ACCOUNT_EV_START: nothing */
    void (*on_acted)(void *arg, const struct err *e);
    void *act_arg;
    struct err error;        /* why */
    struct client_call *get; /* the directory's */
    uint32_t request;        /* the keeper's, for the machine */
    struct post *post;       /* newAccount */
    struct loop_delay *soon; /* steps never run within the caller */
};

static void step(struct authority *a, const struct account_event *event);

const struct config_ca *authority_ca(const struct authority *a)
{
    return a->ca;
}

struct gate *authority_gate(const struct authority *a)
{
    return a->gate;
}

bool authority_is_ready(const struct authority *a)
{
    return a->machine != NULL && account_state(a->machine) == ACCOUNT_STATE_READY &&
           a->act == ACCOUNT_EV_START;
}

const struct acme_directory *authority_directory(const struct authority *a)
{
    return a->machine != NULL ? account_directory(a->machine) : NULL;
}

const char *authority_thumbprint(const struct authority *a)
{
    return a->thumbprint;
}

const char *authority_state(const struct authority *a, const struct err **e)
{
    *e = a->failed ? &a->error : NULL;
    if (a->running)
        return "connecting";
    if (a->failed)
        return "failing";
    return authority_is_ready(a) ? "ready" : "unused";
}

/* ---- getting ready: the executor of the account machine ---- */

static void tell_waiters(struct authority *a, const struct err *e)
{
    struct authority_wait *list = a->waiting;

    a->waiting = NULL;
    while (list != NULL) {
        struct authority_wait *w = list;

        list = w->next;
        w->waiting = false;
        w->on_ready(w->arg, e);
    }
}

static void on_directory(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct authority *a = arg;
    const struct account_event event = {
        .kind = reply != NULL ? ACCOUNT_EV_REPLY : ACCOUNT_EV_ERROR, .reply = reply, .error = e};

    a->get = NULL;
    step(a, &event);
}

static void on_registered(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct authority *a = arg;

    a->post = NULL;
    on_directory(a, reply, e);
}

static void on_loaded(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct authority *a = arg;
    struct account_event event = {.kind = ACCOUNT_EV_ERROR, .error = e};
    struct err own;

    a->request = 0;
    if (m != NULL) {
        free(a->thumbprint);
        a->thumbprint = m->type == IPC_ACCOUNT ? strdup(m->field[1].s) : NULL;
        if (a->thumbprint == NULL) {
            err_set(&own, ERR_CLASS_INTERNAL, "no answer to the request for the account key");
            event.error = &own;
        } else {
            event.kind = ACCOUNT_EV_LOADED;
            event.url = m->field[0].len > 0 ? m->field[0].s : NULL;
            event.has_next = (m->field[2].u & IPC_ACCOUNT_HAS_NEXT) != 0;
            event.deactivated = (m->field[2].u & IPC_ACCOUNT_DEACTIVATED) != 0;
        }
    }
    step(a, &event);
}

static void on_saved(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct authority *a = arg;
    const struct account_event event = {.kind = m != NULL ? ACCOUNT_EV_DONE : ACCOUNT_EV_ERROR, .error = e};

    a->request = 0;
    step(a, &event);
}

/* What could not even be begun is an error of the action, reported like others. */
static void fail_action(struct authority *a, const struct err *e)
{
    const struct account_event event = {.kind = ACCOUNT_EV_ERROR, .error = e};

    step(a, &event);
}

static bool get_directory(struct authority *a, const char *url, struct err *e)
{
    const struct client_request r = {.method = CLIENT_GET, .url = url, .ca_file = a->ca->ca_file};

    a->get = client_start(a->client, &r, on_directory, a, e);
    return a->get != NULL;
}

static bool register_account(struct authority *a, enum ipc_type what, const char *url, struct err *e)
{
    if (!nonces_set_url(a->nonces, authority_directory(a)->new_nonce))
        return err_nomem(e, "a nonce's URL");
    a->post = authority_post(a, what, a->ca->name, url, on_registered, a);
    return a->post != NULL || err_nomem(e, "the account's registration");
}

static void tell_actor(struct authority *a)
{
    void (*on_acted)(void *arg, const struct err *e) = a->on_acted;

    a->on_acted = NULL;
    a->act = ACCOUNT_EV_START;
    if (on_acted != NULL)
        on_acted(a->act_arg, account_refusal(a->machine));
}

static void ready(struct authority *a)
{
    a->running = false;
    a->failed = false;
    if (!nonces_set_url(a->nonces, authority_directory(a)->new_nonce))
        log_error(NULL, "CA %s: out of memory: nonces come from replies only", a->ca->name);
    if (a->act == ACCOUNT_EV_START)
        log_info(NULL, "CA %s: ready to order at %s", a->ca->name, a->ca->directory);
    tell_actor(a);
    tell_waiters(a, NULL);
}

static void give_up(struct authority *a, const struct err *e)
{
    a->running = false;
    a->failed = true;
    a->error = *e;
    if (a->machine != NULL)
        tell_actor(a);
    tell_waiters(a, &a->error);
}

static bool ask_keeper(struct authority *a, const struct account_action *action, struct err *e)
{
    switch (action->kind) {
    case ACCOUNT_DO_NEXT:
        a->request = link_request(a->keeper, on_saved, a, IPC_ACCOUNT_NEXT, a->ca->name);
        break;
    case ACCOUNT_DO_SETTLE:
        a->request =
            link_request(a->keeper, on_saved, a, IPC_ACCOUNT_SETTLE, a->ca->name, (uint64_t)action->next);
        break;
    case ACCOUNT_DO_CLOSE:
        a->request = link_request(a->keeper, on_saved, a, IPC_ACCOUNT_CLOSE, a->ca->name);
        break;
    case ACCOUNT_DO_SAVE:
        a->request = link_request(a->keeper, on_saved, a, IPC_ACCOUNT_SAVE, a->ca->name, action->url);
        break;
    default:
        a->request = link_request(a->keeper, on_loaded, a, IPC_ACCOUNT_LOAD, a->ca->name);
        break;
    }
    return a->request != 0 || err_nomem(e, "a request to the keeper");
}

/* Which request to the CA an action is; IPC_NONE: none. */
static enum ipc_type signature_of(enum account_action_kind kind)
{
    switch (kind) {
    case ACCOUNT_DO_FIND:
        return IPC_SIGN_FIND_ACCOUNT;
    case ACCOUNT_DO_POST:
        return IPC_SIGN_NEW_ACCOUNT;
    case ACCOUNT_DO_CHANGE:
        return IPC_SIGN_KEY_CHANGE;
    case ACCOUNT_DO_FIND_NEXT:
        return IPC_SIGN_FIND_NEXT;
    case ACCOUNT_DO_UPDATE:
        return IPC_SIGN_UPDATE;
    case ACCOUNT_DO_DEACTIVATE:
        return IPC_SIGN_DEACTIVATE;
    default:
        return IPC_NONE;
    }
}

static void step(struct authority *a, const struct account_event *event)
{
    enum account_state before = account_state(a->machine);
    struct account_action action = account_step(a->machine, event, loop_wall_ms());
    struct err e;
    bool ok = true;

    log_debug(NULL, "CA %s: account: %s -> %s", a->ca->name, account_state_to_str(before),
              account_state_to_str(account_state(a->machine)));
    switch (action.kind) {
    case ACCOUNT_DO_GET_DIRECTORY:
        ok = get_directory(a, action.url, &e);
        break;
    case ACCOUNT_DO_READY:
        ready(a);
        break;
    case ACCOUNT_DO_FAIL:
        give_up(a, action.error);
        break;
    default:
        ok = signature_of(action.kind) != IPC_NONE
                 ? register_account(a, signature_of(action.kind), action.url, &e)
                 : ask_keeper(a, &action, &e);
        break;
    }
    if (!ok)
        fail_action(a, &e);
}

static void on_soon(void *arg)
{
    const struct account_event start = {.kind = ACCOUNT_EV_START};
    struct authority *a = arg;

    if (a->act != ACCOUNT_EV_START) {
        step(a, &(struct account_event){.kind = a->act});
        return;
    }
    if (authority_is_ready(a)) {
        tell_waiters(a, NULL);
        return;
    }
    /* The machine lives on after a failure: orders in flight borrow its directory. */
    if (a->machine == NULL)
        a->machine = account_new(a->ca->name, a->ca->directory, a->ca->agree_terms, a->ca->eab_kid);
    if (a->machine == NULL) {
        struct err e;

        err_nomem(&e, "the account");
        give_up(a, &e);
        return;
    }
    step(a, &start);
}

void authority_wait(struct authority *a, struct authority_wait *w)
{
    w->next = a->waiting;
    w->waiting = true;
    a->waiting = w;
    if (a->running)
        return;
    a->running = !authority_is_ready(a);
    loop_delay_start(a->soon, 0);
}

void authority_wait_cancel(struct authority *a, struct authority_wait *w)
{
    if (!w->waiting)
        return;
    for (struct authority_wait **p = &a->waiting; *p != NULL; p = &(*p)->next) {
        if (*p == w) {
            *p = w->next;
            break;
        }
    }
    w->waiting = false;
}

void authority_account_lost(struct authority *a)
{
    const struct account_event lost = {.kind = ACCOUNT_EV_LOST};

    if (!authority_is_ready(a))
        return;
    log_warning(NULL, "CA %s does not know our account any more; it is registered again with the same key",
                a->ca->name);
    a->running = true;
    step(a, &lost);
}

bool authority_act(struct authority *a, enum account_event_kind kind,
                   void (*on_done)(void *arg, const struct err *e), void *arg)
{
    if (a->running || !authority_is_ready(a) || a->act != ACCOUNT_EV_START)
        return false;
    a->act = kind;
    a->on_acted = on_done;
    a->act_arg = arg;
    a->running = true;
    loop_delay_start(a->soon, 0);
    return true;
}

void authority_act_forget(struct authority *a, const void *arg)
{
    if (a->act_arg == arg)
        a->on_acted = NULL;
}

/* ---- signed requests ---- */

struct post *authority_post(struct authority *a, enum ipc_type what, const char *subject, const char *url,
                            void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                            void *arg)
{
    return post_start(a->posts, what, subject, url, on_done, arg);
}

struct post *authority_post_order(struct authority *a, const char *lineage, const char *url, bool replaces,
                                  void (*on_done)(void *arg, const struct http_reply *reply,
                                                  const struct err *e),
                                  void *arg)
{
    return post_order(a->posts, lineage, url, replaces, on_done, arg);
}

/* The limits of the configuration, else those that the CA publishes. */
static bool keep_ledger(struct gate *gate, const struct config_ca *ca)
{
    const struct ledger_rates *published = ledger_rates(ca->directory);
    struct ledger_rates rates = ca->rates;
    bool any = false;

    for (unsigned i = 0; i < LEDGER_LIMITS; i++) {
        if (!ca->rates_set[i] && published != NULL)
            rates.v[i] = published->v[i];
        any = any || rates.v[i].n > 0;
    }
    return !any || gate_keep_ledger(gate, &rates);
}

struct authority *authority_new(struct loop *l, struct client *client, struct link *keeper,
                                const struct config_ca *ca)
{
    struct authority *a = calloc(1, sizeof *a);
    int64_t window_s;
    unsigned limit;

    if (a == NULL)
        return NULL;
    *a = (struct authority){.client = client, .keeper = keeper, .ca = ca};
    a->nonces = nonces_new(l, client, ca->ca_file);
    if (a->nonces != NULL)
        a->posts = posts_new(client, keeper, a->nonces, ca);
    a->soon = loop_delay_new(l, on_soon, a);
    limit = gate_limit(ca->directory, &window_s);
    a->gate = ca->limits_set ? gate_new(ca->limit, ca->limit_window) : gate_new(limit, window_s);
    if (a->gate == NULL || !keep_ledger(a->gate, ca) || a->posts == NULL || a->soon == NULL) {
        authority_free(a);
        return NULL;
    }
    return a;
}

void authority_free(struct authority *a)
{
    if (a == NULL)
        return;
    posts_free(a->posts);
    client_cancel(a->get);
    link_forget(a->keeper, a->request);
    account_free(a->machine);
    loop_delay_free(a->soon);
    nonces_free(a->nonces);
    gate_free(a->gate);
    free(a->thumbprint);
    free(a);
}
