/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/proof.h"

#include "lib/acme.h"
#include "lib/b64.h"
#include "lib/ident.h"
#include "lib/key_authorization.h"

#include <stdlib.h>
#include <string.h>

/* A wildcard is proven at the name behind it. */
static bool has_name(const struct config_certificate *c, const char *identifier)
{
    for (size_t i = 0; i < c->domains.n; i++)
        if (strcmp(ident_base(c->domains.v[i]), identifier) == 0)
            return true;
    return false;
}

static bool may_prove(const struct config_certificate *c, const char *identifier, const char *token,
                      struct err *e)
{
    if (!has_name(c, identifier))
        return err_set(e, ERR_CLASS_INTERNAL, "refused: %.200s is no name of %s", identifier, c->name);
    return b64url_valid(token, ACME_TOKEN_MAX) ||
           err_set(e, ERR_CLASS_INTERNAL, "refused: the token is malformed");
}

bool proof_dns(const struct config_certificate *c, const char *identifier, const char *token,
               const struct proof_account *account, char **name, char **value, struct err *e)
{
    char *text;
    char *txt;

    if (!challenge_type_is_dns(c->challenge))
        return err_set(e, ERR_CLASS_INTERNAL, "refused: %s is not proven by DNS records", c->name);
    if (!may_prove(c, identifier, token, e))
        return false;
    if (c->challenge == CHALLENGE_TYPE_DNS_ACCOUNT_01 && *account->url == '\0')
        return err_set(e, ERR_CLASS_INTERNAL, "there is no registered account yet, whose record it could be");
    txt = key_authorization_txt(token, account->thumbprint);
    text = challenge_record_name(c->challenge, identifier, account->url);
    if (txt == NULL || text == NULL) {
        free(txt);
        free(text);
        return err_nomem(e, "a DNS record");
    }
    *name = text;
    *value = txt;
    return true;
}

bool proof_http(const struct config_certificate *c, const char *identifier, const char *token,
                const struct proof_account *account, char **content, struct err *e)
{
    char *text;

    if (c->challenge != CHALLENGE_TYPE_HTTP_01 || c->webroot == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "refused: %s is not proven by files in a webroot", c->name);
    if (!may_prove(c, identifier, token, e))
        return false;
    text = key_authorization(token, account->thumbprint);
    if (text == NULL)
        return err_nomem(e, "a challenge");
    *content = text;
    return true;
}
