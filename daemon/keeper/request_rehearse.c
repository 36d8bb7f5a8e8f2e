/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/request_parts.h"

#include "lib/acme.h"
#include "lib/cert.h"

#include <string.h>
#include <time.h>

/* Rehearsals: whole orders at the CA that the configuration has for them (config_rehearsal_ca()), of which
 * nothing stays but the account there. */

/* The CA that the fourth field names is the one where c is rehearsed. */
static const struct config_ca *stage(const struct request *r, const struct config_certificate *c,
                                     struct err *e)
{
    const struct config_ca *ca = config_rehearsal_ca(c);

    if (ca != NULL && strcmp(ca->name, r->m->field[3].s) == 0)
        return ca;
    (void)err_set(e, ERR_CLASS_INTERNAL, "refused: \"%s\" is no CA where %s is rehearsed", r->m->field[3].s,
                  c->name);
    return NULL;
}

const struct config_ca *request_prover(const struct request *r, const struct config_certificate *c,
                                       struct err *e)
{
    const struct config_ca *ca = stage(r, c, NULL);

    return ca != NULL ? ca : request_issuer(r, c, e);
}

bool request_rehearse_order(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct config_ca *ca = c != NULL ? stage(r, c, e) : NULL;

    if (ca == NULL || !request_check_target(r, ca, e))
        return false;
    request_forget_rehearsal(r->k, c); /* an earlier one that was cut off */
    return request_sign(
        r, ca, acme_payload_new_order(&c->domains, r->m->field[4].u != 0 ? c->profile : NULL, NULL), e);
}

bool request_rehearse_finalize(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct config_ca *ca = c != NULL ? stage(r, c, e) : NULL;

    return ca != NULL && request_finalize(r, c, ca, true, e);
}

bool request_rehearse_check(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct key *key = c != NULL ? rehearsals_existing(r->k->rehearsals, c) : NULL;
    struct cert_chain checked;

    if (c == NULL)
        return false;
    if (key == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "refused: no certificate for %s is being rehearsed", c->name);
    if (!cert_chain_check(&checked, r->m->field[1].s, r->m->field[1].len, key, &c->domains,
                          (int64_t)time(NULL), e))
        return err_wrap(e, "the CA's certificate would not be installed");
    cert_chain_clear(&checked);
    return request_reply_ok(r, e);
}

bool request_rehearse_end(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);

    if (c == NULL)
        return false;
    request_forget_rehearsal(r->k, c);
    return request_reply_ok(r, e);
}
