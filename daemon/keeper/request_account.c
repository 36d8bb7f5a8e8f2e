/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/request_parts.h"

#include "lib/acme.h"
#include "lib/jwk.h"
#include "lib/jws.h"

#include <stdlib.h>

/* The CA of the first field, where this act may be done to its account. NULL with e. */
static const struct config_ca *permitted(const struct request *r, enum act_kind kind, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);

    return ca != NULL && permit_find(&r->k->permits, kind, ca->name, e) != NULL ? ca : NULL;
}

bool request_account_next(const struct request *r, struct err *e)
{
    const struct config_ca *ca = permitted(r, ACT_ROLLOVER, e);

    return ca != NULL && accounts_next(r->k->accounts, ca, e) && request_reply_ok(r, e);
}

/* Needs no permit: it may come after a restart, there is something to settle only when there was one, and
 * neither key is lost by a wrong answer. */
bool request_account_settle(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);

    if (ca == NULL || !accounts_settle(r->k->accounts, ca, r->m->field[1].u != 0, e))
        return false;
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

bool request_sign_key_change(const struct request *r, struct err *e)
{
    const struct config_ca *ca = permitted(r, ACT_ROLLOVER, e);
    const struct account *account;
    char *payload;

    if (ca == NULL || !request_check_target(r, ca, e))
        return false;
    account = accounts_get(r->k->accounts, ca, e);
    if (account == NULL)
        return false;
    if (account->next == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "refused: there is no next key");
    payload = inner(account, r->m->field[1].s, e);
    return payload != NULL && request_sign(r, ca, payload, e);
}

bool request_sign_find_next(const struct request *r, struct err *e)
{
    const struct config_ca *ca = request_ca(r, e);
    const struct account *account;
    char *payload;
    char *jws;

    if (ca == NULL || !request_check_target(r, ca, e))
        return false;
    account = accounts_get(r->k->accounts, ca, e);
    if (account == NULL)
        return false;
    if (account->next == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "refused: there is no next key");
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
