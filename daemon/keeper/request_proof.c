/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/request_parts.h"

#include "daemon/keeper/account.h"
#include "daemon/keeper/proof.h"
#include "daemon/keeper/webroot.h"

#include <stdlib.h>

/* Fields of all of these: lineage, identifier, token, CA. False with e. */
static bool find_account(const struct request *r, const struct config_certificate **c,
                         struct proof_account *account, struct err *e)
{
    const struct config_ca *ca;
    const struct account *a;

    *c = request_lineage(r, e);
    ca = *c != NULL ? request_prover(r, *c, e) : NULL;
    a = ca != NULL ? accounts_get(r->k->accounts, ca, e) : NULL;
    if (a == NULL)
        return false;
    *account = (struct proof_account){.thumbprint = a->thumbprint, .url = a->url};
    return true;
}

bool request_dns_record(const struct request *r, struct err *e)
{
    const struct config_certificate *c;
    struct proof_account account;
    char *name;
    char *value;
    bool ok;

    if (!find_account(r, &c, &account, e) ||
        !proof_dns(c, r->m->field[1].s, r->m->field[2].s, &account, &name, &value, e))
        return false;
    ok = ipc_send(r->conn, IPC_DNS_RECORD_REPLY, r->m->id, name, value) || err_nomem(e, "replying");
    free(name);
    free(value);
    return ok;
}

static bool change_webroot(const struct request *r,
                           bool (*change)(const char *dir, const char *token, const char *content,
                                          struct err *e),
                           struct err *e)
{
    const struct config_certificate *c;
    struct proof_account account;
    char *content;
    bool ok;

    if (!find_account(r, &c, &account, e) ||
        !proof_http(c, r->m->field[1].s, r->m->field[2].s, &account, &content, e))
        return false;
    ok = change(c->webroot, r->m->field[2].s, content, e) && request_reply_ok(r, e);
    free(content);
    return ok;
}

bool request_publish(const struct request *r, struct err *e)
{
    return change_webroot(r, webroot_publish, e);
}

bool request_withdraw(const struct request *r, struct err *e)
{
    return change_webroot(r, webroot_withdraw, e);
}
