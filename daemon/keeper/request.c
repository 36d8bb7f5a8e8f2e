/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/request.h"

#include "daemon/keeper/binding.h"
#include "daemon/keeper/copy.h"
#include "daemon/keeper/request_parts.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "lib/acme.h"
#include "lib/b64.h"
#include "lib/http.h"
#include "lib/jws.h"

#include <stdlib.h>
#include <string.h>

#define NONCE_MAX 1024

const struct config_certificate *request_lineage(const struct request *r, struct err *e)
{
    const struct config_certificate *c = config_find(r->k->config, r->m->field[0].s);

    if (c == NULL)
        (void)err_set(e, ERR_CLASS_INTERNAL, "refused: \"%s\" is no configured certificate",
                      r->m->field[0].s);
    else
        batch_settle(&r->k->batch, c);
    return c;
}

const struct config_ca *request_ca(const struct request *r, struct err *e)
{
    const struct config_ca *ca = config_find_ca(r->k->config, r->m->field[0].s);

    if (ca == NULL)
        (void)err_set(e, ERR_CLASS_INTERNAL, "refused: \"%s\" is no configured CA", r->m->field[0].s);
    else
        batch_settle(&r->k->batch, ca);
    return ca;
}

/* The CA that a request for a lineage names: one of those that may issue it. */
const struct config_ca *request_issuer(const struct request *r, const struct config_certificate *c,
                                       struct err *e)
{
    for (size_t i = 0; i < c->n_cas; i++)
        if (strcmp(c->cas[i]->name, r->m->field[3].s) == 0)
            return c->cas[i];
    (void)err_set(e, ERR_CLASS_INTERNAL, "refused: \"%s\" is no CA that is configured for %s",
                  r->m->field[3].s, c->name);
    return NULL;
}

bool request_check_url(const struct config_ca *ca, const char *url, struct err *e)
{
    if (!http_url_check(url, e)) {
        e->class = ERR_CLASS_INTERNAL;
        return err_wrap(e, "refused");
    }
    if (!http_same_origin(url, ca->directory))
        return err_set(e, ERR_CLASS_INTERNAL, "refused: %s is not of the origin of the CA %s (%s)", url,
                       ca->name, ca->directory);
    return true;
}

bool request_check_target(const struct request *r, const struct config_ca *ca, struct err *e)
{
    if (!b64url_valid(r->m->field[2].s, NONCE_MAX))
        return err_set(e, ERR_CLASS_INTERNAL, "refused: the nonce is malformed (RFC 8555 section 6.5.1)");
    return request_check_url(ca, r->m->field[1].s, e);
}

static bool reply_signed(struct ipc_conn *conn, uint32_t id, char *jws, struct err *e)
{
    bool ok;

    if (jws == NULL)
        return false;
    ok = ipc_send(conn, IPC_SIGNED, id, jws) ||
         err_set(e, ERR_CLASS_INTERNAL, "the signed request is too large (%zu bytes)", strlen(jws));
    free(jws);
    return ok;
}

bool request_sign_target(struct keeper *k, struct ipc_conn *conn, uint32_t id, const struct config_ca *ca,
                         const char *url, const char *nonce, const char *payload, struct err *e)
{
    const struct account *account = accounts_get(k->accounts, ca, e);

    if (account == NULL)
        return false;
    if (*account->url == '\0')
        return err_set(e, ERR_CLASS_INTERNAL, "there is no registered account with the CA %s yet", ca->name);
    return reply_signed(conn, id, jws_sign(account->key, account->url, url, nonce, payload, e), e);
}

bool request_reply_signed(const struct request *r, char *jws, struct err *e)
{
    return reply_signed(r->conn, r->m->id, jws, e);
}

bool request_reply_ok(const struct request *r, struct err *e)
{
    return ipc_send(r->conn, IPC_OK, r->m->id) || err_nomem(e, "replying");
}

bool request_sign(const struct request *r, const struct config_ca *ca, char *payload, struct err *e)
{
    bool ok = payload != NULL ? request_sign_target(r->k, r->conn, r->m->id, ca, r->m->field[1].s,
                                                    r->m->field[2].s, payload, e)
                              : err_nomem(e, "building a request");

    free(payload);
    return ok;
}

/* By the key itself: the account may have no URL yet. Takes the payload over; NULL: memory was out. */
static bool sign_by_key(const struct request *r, const struct account *account, char *payload, struct err *e)
{
    char *jws;

    if (payload == NULL)
        return err_nomem(e, "building a newAccount request");
    jws = jws_sign(account->key, NULL, r->m->field[1].s, r->m->field[2].s, payload, e);
    free(payload);
    return reply_signed(r->conn, r->m->id, jws, e);
}

static bool handle_sign_new_account(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);
    const struct account *account;
    char *binding = NULL;
    char *payload;

    if (ca == NULL || !request_check_target(r, ca, e))
        return false;
    account = accounts_get(r->k->accounts, ca, e);
    if (account == NULL)
        return false;
    if (ca->eab_kid != NULL) {
        binding = binding_make(ca, account->key, r->m->field[1].s, e);
        if (binding == NULL)
            return false;
    }
    payload = acme_payload_new_account(config_ca_contact(r->k->config, ca), ca->agree_terms, binding);
    free(binding);
    return sign_by_key(r, account, payload, e);
}

static bool handle_sign_find_account(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);
    const struct account *account;

    if (ca == NULL || !request_check_target(r, ca, e))
        return false;
    account = accounts_get(r->k->accounts, ca, e);
    return account != NULL && sign_by_key(r, account, acme_payload_find_account(), e);
}

static bool handle_sign_new_order(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct config_ca *ca = c != NULL ? request_issuer(r, c, e) : NULL;
    char *replaces;
    char *payload;
    bool ok;

    if (ca == NULL || !request_check_target(r, ca, e) || !store_has_room(&r->k->store, e))
        return false;
    replaces = r->m->field[4].u != 0 ? request_live_ari_id(r, c) : NULL;
    payload = acme_payload_new_order(&c->domains, c->profile, replaces);
    free(replaces);
    if (payload == NULL)
        return err_nomem(e, "building a newOrder request");
    ok = request_sign_target(r->k, r->conn, r->m->id, ca, r->m->field[1].s, r->m->field[2].s, payload, e);
    free(payload);
    if (ok)
        pending_want(r->k->pending, c);
    return ok;
}

static bool sign_for_ca(const struct request *r, const char *payload, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);

    return ca != NULL && request_check_target(r, ca, e) &&
           request_sign_target(r->k, r->conn, r->m->id, ca, r->m->field[1].s, r->m->field[2].s, payload, e);
}

static bool handle_sign_fetch(const struct request *r, struct err *e)
{
    return sign_for_ca(r, NULL, e);
}

static bool handle_sign_answer(const struct request *r, struct err *e)
{
    return sign_for_ca(r, "{}", e);
}

static bool handle_discard_key(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);

    if (c == NULL || !pending_discard(r->k->pending, c, false, e))
        return false;
    return request_reply_ok(r, e);
}

static bool handle_copy(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);

    if (c == NULL || !copy_all(&r->k->store, r->k->snapshot, c, e))
        return false;
    return request_reply_ok(r, e);
}

static bool handle_ping(const struct request *r, struct err *e)
{
    return ipc_send(r->conn, IPC_PONG, r->m->id, sandbox_unknown_syscalls()) || err_nomem(e, "replying");
}

#define FROM_ENGINE     1u
#define FROM_SUPERVISOR 2u

/* Whoever is not in a row may not send it: that ends the keeper. */
static const struct handler {
    unsigned from;
    bool (*handle)(const struct request *r, struct err *e);
} handlers[IPC_TYPE_COUNT] = {
    [IPC_ACCOUNT_LOAD] = {FROM_ENGINE, request_account_load},
    [IPC_ACCOUNT_SAVE] = {FROM_ENGINE, request_account_save},
    [IPC_SIGN_NEW_ACCOUNT] = {FROM_ENGINE, handle_sign_new_account},
    [IPC_SIGN_FIND_ACCOUNT] = {FROM_ENGINE, handle_sign_find_account},
    [IPC_SIGN_NEW_ORDER] = {FROM_ENGINE, handle_sign_new_order},
    [IPC_SIGN_FETCH] = {FROM_ENGINE, handle_sign_fetch},
    [IPC_SIGN_ANSWER] = {FROM_ENGINE, handle_sign_answer},
    [IPC_SIGN_FINALIZE] = {FROM_ENGINE, request_sign_finalize},
    [IPC_REHEARSE_ORDER] = {FROM_ENGINE, request_rehearse_order},
    [IPC_REHEARSE_FINALIZE] = {FROM_ENGINE, request_rehearse_finalize},
    [IPC_REHEARSE_CHECK] = {FROM_ENGINE, request_rehearse_check},
    [IPC_REHEARSE_END] = {FROM_ENGINE, request_rehearse_end},
    [IPC_DNS_RECORD] = {FROM_SUPERVISOR, request_dns_record},
    [IPC_DISCARD_KEY] = {FROM_ENGINE, handle_discard_key},
    [IPC_INSTALL] = {FROM_ENGINE, request_install},
    [IPC_COPY] = {FROM_ENGINE, handle_copy},
    [IPC_EXAMINE] = {FROM_ENGINE, request_examine},
    [IPC_PUBLISH] = {FROM_ENGINE, request_publish},
    [IPC_WITHDRAW] = {FROM_ENGINE, request_withdraw},
    [IPC_MARK_SERVED] = {FROM_ENGINE, request_mark_served},
    [IPC_SIGN_REVOKE] = {FROM_ENGINE, request_sign_revoke},
    [IPC_SIGN_REVOKE_BY_KEY] = {FROM_ENGINE, request_sign_revoke_by_key},
    [IPC_REVOKED] = {FROM_ENGINE, request_revoked},
    [IPC_ROLLBACK] = {FROM_ENGINE, request_rollback},
    [IPC_ACCOUNT_NEXT] = {FROM_ENGINE, request_account_next},
    [IPC_ACCOUNT_SETTLE] = {FROM_ENGINE, request_account_settle},
    [IPC_ACCOUNT_CLOSE] = {FROM_ENGINE, request_account_close},
    [IPC_ACCOUNT_CONTACT] = {FROM_ENGINE, request_account_contact},
    [IPC_SIGN_KEY_CHANGE] = {FROM_ENGINE, request_sign_key_change},
    [IPC_SIGN_FIND_NEXT] = {FROM_ENGINE, request_sign_find_next},
    [IPC_SIGN_UPDATE] = {FROM_ENGINE, request_sign_update},
    [IPC_SIGN_DEACTIVATE] = {FROM_ENGINE, request_sign_deactivate},
    [IPC_PERMIT] = {FROM_SUPERVISOR, request_permit},
    [IPC_PING] = {FROM_ENGINE | FROM_SUPERVISOR, handle_ping},
    [IPC_FACTS] = {FROM_SUPERVISOR, request_facts},
};

void request_reply_error(struct ipc_conn *conn, uint32_t id, enum ipc_type type, const struct err *e)
{
    /* Only what a sound engine never asks for is logged here; other failures are told where the attempt ends.
     */
    if (strncmp(e->text, "refused", strlen("refused")) == 0)
        log_warning(NULL, "the engine asked for %s and was %s", ipc_type_to_str(type), e->text);
    if (!ipc_send_err(conn, id, e))
        log_error(NULL, "a request (%s) goes unanswered: out of memory", ipc_type_to_str(type));
}

bool request_handle(struct keeper *k, struct ipc_conn *from, const struct ipc_msg *m, struct err *e)
{
    const struct handler *h = &handlers[m->type];
    struct err why;

    if ((h->from & (from == k->engine ? FROM_ENGINE : FROM_SUPERVISOR)) == 0)
        return err_set(e, ERR_CLASS_INTERNAL, "%s is nothing to ask of a keeper", ipc_type_to_str(m->type));
    err_clear(&why);
    if (!h->handle(&(struct request){k, from, m}, &why))
        request_reply_error(from, m->id, m->type, &why);
    return true;
}
