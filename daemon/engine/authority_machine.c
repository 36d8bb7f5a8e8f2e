/* SPDX-License-Identifier: MIT */
/* Getting ready to order, and what a person asks for: what the machine of lib/account.h wants done. */

#include "daemon/engine/authority_parts.h"

#include "daemon/engine/nonces.h"
#include "daemon/log.h"

#include <stdlib.h>
#include <string.h>

void authority_tell_waiters(struct authority *a, const struct err *e)
{
    a->telling = a->waiting;
    a->waiting = NULL;
    while (a->telling != NULL) {
        struct authority_wait *w = a->telling;

        a->telling = w->next;
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
    authority_step(a, &event);
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
        if (a->thumbprint == NULL || !key_type_from_str(m->field[3].s, &a->key_type)) {
            err_set(&own, ERR_CLASS_INTERNAL, "no answer to the request for the account key");
            event.error = &own;
        } else {
            event.kind = ACCOUNT_EV_LOADED;
            event.url = m->field[0].len > 0 ? m->field[0].s : NULL;
            event.has_next = (m->field[2].u & IPC_ACCOUNT_HAS_NEXT) != 0;
            event.contact_due = (m->field[2].u & IPC_ACCOUNT_CONTACT_DUE) != 0;
            event.deactivated = (m->field[2].u & IPC_ACCOUNT_DEACTIVATED) != 0;
        }
    }
    authority_step(a, &event);
}

static void on_saved(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct authority *a = arg;
    const struct account_event event = {.kind = m != NULL ? ACCOUNT_EV_DONE : ACCOUNT_EV_ERROR, .error = e};

    a->request = 0;
    authority_step(a, &event);
}

/* What could not even be begun is an error of the action, reported like others. */
static void fail_action(struct authority *a, const struct err *e)
{
    const struct account_event event = {.kind = ACCOUNT_EV_ERROR, .error = e};

    authority_step(a, &event);
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

/* Once when it begins and once when it is over. */
static void tell_alarm(struct authority *a)
{
    bool ended = a->machine != NULL && account_ended(a->machine) != NULL;

    if (ended || authority_is_ready(a)) {
        free(a->recalled);
        a->recalled = NULL;
    }
    if (ended && !a->alarmed)
        log_error(NULL, "CA %s: %s", a->ca->name, authority_alarm(a));
    else if (!ended && a->alarmed && authority_is_ready(a))
        log_notice(NULL, "CA %s: the account can be used again", a->ca->name);
    a->alarmed = authority_alarm(a) != NULL;
}

/* What was done without being asked for. */
static void tell_contact(const struct authority *a, enum account_state before)
{
    const struct err *e = account_refusal(a->machine);

    if (a->act != ACCOUNT_EV_START || (before != ACCOUNT_STATE_UPDATE && before != ACCOUNT_STATE_NOTE))
        return;
    if (e != NULL)
        log_warning(NULL,
                    "CA %s: the account still has another contact than the configured one: %s; it is sent "
                    "again at the next start, or by `acmectl account update`",
                    a->ca->name, e->text);
    else
        log_notice(NULL, "CA %s: the account has the configured contact", a->ca->name);
}

static void ready(struct authority *a, enum account_state before)
{
    a->running = false;
    a->failed = false;
    tell_alarm(a);
    tell_contact(a, before);
    if (!nonces_set_url(a->nonces, authority_directory(a)->new_nonce))
        log_error(NULL, "CA %s: out of memory: nonces come from replies only", a->ca->name);
    if (a->act == ACCOUNT_EV_START)
        log_info(NULL, "CA %s: ready to order at %s", a->ca->name, a->ca->directory);
    tell_actor(a);
    authority_tell_waiters(a, NULL);
}

void authority_give_up(struct authority *a, const struct err *e)
{
    a->running = false;
    a->failed = true;
    a->error = *e;
    tell_alarm(a);
    if (a->machine != NULL)
        tell_actor(a);
    authority_tell_waiters(a, &a->error);
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
    case ACCOUNT_DO_NOTE:
        a->request = link_request(a->keeper, on_saved, a, IPC_ACCOUNT_CONTACT, a->ca->name);
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

void authority_step(struct authority *a, const struct account_event *event)
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
        ready(a, before);
        break;
    case ACCOUNT_DO_FAIL:
        authority_give_up(a, action.error);
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
