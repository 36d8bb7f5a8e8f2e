/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/request_parts.h"

#include "lib/acme.h"
#include "lib/jwk.h"
#include "lib/jws.h"

#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 256 /* an engine asks for a few at a time */

/* The CA of the first field, where this act may be done to its account. NULL with e. */
static const struct config_ca *permitted(const struct request *r, enum act_kind kind, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);

    return ca != NULL && permit_find(&r->k->permits, kind, ca->name, e) != NULL ? ca : NULL;
}

/* A request that goes on when a key is made. */
struct account_waiting {
    struct account_waiting *next;
    uint32_t id;
    enum ipc_type type;
    const struct config_ca *ca;
};

/* What was asked for of this CA has failed (e): true when it only has to wait. */
static bool wait_for_key(const struct request *r, const struct config_ca *ca, struct err *e)
{
    struct account_waiting **end = &r->k->account_waiting;
    unsigned n = 0;

    if (accounts_wait(r->k->accounts, ca, e) != ACCOUNTS_WAIT)
        return false;
    for (; *end != NULL; end = &(*end)->next)
        n++;
    if (n >= WAITING_MAX)
        return err_set(e, ERR_CLASS_INTERNAL, "refused: %u requests wait for the keys of accounts", n);
    *end = malloc(sizeof **end);
    if (*end == NULL)
        return err_nomem(e, "waiting for the key of an account");
    **end = (struct account_waiting){NULL, r->m->id, r->m->type, ca};
    return true;
}

void request_account_waiting_free(struct account_waiting *list)
{
    while (list != NULL) {
        struct account_waiting *next = list->next;

        free(list);
        list = next;
    }
}

void request_account_resume(struct keeper *k)
{
    struct account_waiting *list = k->account_waiting;

    k->account_waiting = NULL;
    for (const struct account_waiting *w = list; w != NULL; w = w->next) {
        const struct ipc_msg m = {.type = w->type,
                                  .id = w->id,
                                  .n = 1,
                                  .field[0] = {w->ca->name, strlen(w->ca->name), 0},
                                  .fd = -1};
        const struct request r = {k, k->engine, &m};
        struct err e = {0};

        if (!(w->type == IPC_ACCOUNT_LOAD ? request_account_load(&r, &e) : request_account_next(&r, &e)))
            request_reply_error(k->engine, w->id, w->type, &e);
    }
    request_account_waiting_free(list);
}

static uint64_t flags_of(const struct accounts *accounts, const struct account *account)
{
    return (account->next != NULL ? IPC_ACCOUNT_HAS_NEXT : 0) |
           (account->deactivated ? IPC_ACCOUNT_DEACTIVATED : 0) |
           (accounts_contact_is_due(accounts, account) ? IPC_ACCOUNT_CONTACT_DUE : 0);
}

bool request_account_load(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);
    const struct account *account = ca != NULL ? accounts_get(r->k->accounts, ca, e) : NULL;

    if (account == NULL)
        return ca != NULL && wait_for_key(r, ca, e);
    return ipc_send(r->conn, IPC_ACCOUNT, r->m->id, account->url, account->thumbprint,
                    flags_of(r->k->accounts, account), key_type_to_str(key_type(account->key))) ||
           err_nomem(e, "replying");
}

bool request_account_next(const struct request *r, struct err *e)
{
    const struct config_ca *ca = permitted(r, ACT_ROLLOVER, e);

    if (ca == NULL)
        return false;
    if (!accounts_next(r->k->accounts, ca, e))
        return wait_for_key(r, ca, e);
    permit_begin(&r->k->permits, ACT_ROLLOVER, ca->name);
    return request_reply_ok(r, e);
}

/* Needs no permit: it may come after a restart, there is something to settle only when there was one, and
 * neither key is lost by a wrong answer. It may also come first of what the next permit is for, and leaves
 * that one. */
bool request_account_settle(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);

    if (ca == NULL || !accounts_settle(r->k->accounts, ca, r->m->field[1].u != 0, e))
        return false;
    if (permit_has_begun(&r->k->permits, ACT_ROLLOVER, ca->name))
        permit_end(&r->k->permits, ACT_ROLLOVER, ca->name);
    return request_reply_ok(r, e);
}

bool request_account_close(const struct request *r, struct err *e)
{
    const struct config_ca *ca = permitted(r, ACT_DEACTIVATE, e);

    if (ca == NULL || !accounts_close(r->k->accounts, ca, e))
        return false;
    permit_end(&r->k->permits, ACT_DEACTIVATE, ca->name);
    return request_reply_ok(r, e);
}

/* Needs no permit: what is noted comes from the configuration. */
bool request_account_contact(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);

    return ca != NULL && accounts_note_contact(r->k->accounts, ca, e) && request_reply_ok(r, e);
}

/* The inner JWS of RFC 8555 section 7.3.5: the next key says that it takes over from this one. */
static char *inner(const struct account *account, const char *url, struct err *e)
{
    char *old_key = jwk_public(account->key, e);
    char *payload = old_key != NULL ? acme_payload_key_change(account->url, old_key) : NULL;
    char *jws = NULL;

    if (payload != NULL)
        jws = jws_sign(account->next, NULL, url, NULL, payload, e);
    else if (old_key != NULL)
        err_nomem(e, "building a key change");
    free(old_key);
    free(payload);
    return jws;
}

/* The account, whose key is being changed. */
static const struct account *changing(const struct request *r, const struct config_ca *ca, struct err *e)
{
    const struct account *account =
        ca != NULL && request_check_target(r, ca, e) ? accounts_get(r->k->accounts, ca, e) : NULL;

    if (account != NULL && account->next == NULL) {
        err_set(e, ERR_CLASS_INTERNAL, "refused: there is no next key");
        return NULL;
    }
    return account;
}

bool request_sign_key_change(const struct request *r, struct err *e)
{
    const struct config_ca *ca = permitted(r, ACT_ROLLOVER, e);
    const struct account *account = changing(r, ca, e);
    char *payload;

    if (account == NULL)
        return false;
    payload = inner(account, r->m->field[1].s, e);
    return payload != NULL && request_sign(r, ca, payload, e);
}

bool request_sign_find_next(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);
    const struct account *account = changing(r, ca, e);
    char *payload;
    char *jws;

    if (account == NULL)
        return false;
    payload = acme_payload_find_account();
    if (payload == NULL)
        return err_nomem(e, "building a request");
    jws = jws_sign(account->next, NULL, r->m->field[1].s, r->m->field[2].s, payload, e);
    free(payload);
    return request_reply_signed(r, jws, e);
}

bool request_sign_update(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);

    return ca != NULL && request_check_target(r, ca, e) &&
           request_sign(r, ca, acme_payload_update_account(config_ca_contact(r->k->config, ca)), e);
}

bool request_sign_deactivate(const struct request *r, struct err *e)
{
    const struct config_ca *ca = permitted(r, ACT_DEACTIVATE, e);

    return ca != NULL && request_check_target(r, ca, e) &&
           request_sign(r, ca, acme_payload_deactivate_account(), e);
}
