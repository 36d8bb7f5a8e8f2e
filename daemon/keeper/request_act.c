/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/request_parts.h"

#include "daemon/keeper/issued.h"
#include "daemon/keeper/revocation.h"
#include "daemon/keeper/rollback.h"
#include "daemon/log.h"
#include "lib/acme.h"
#include "lib/cert.h"
#include "lib/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The lineage that the client means, under its own name from here on. */
static const struct config_certificate *find_subject(const struct request *r, struct act *act, struct err *e)
{
    const struct config_certificate *c = config_find_one(r->k->config, act->subject, e);

    if (c != NULL)
        (void)snprintf(act->subject, sizeof act->subject, "%s", c->name);
    return c;
}

static bool check_revoke(const struct request *r, struct act *act, struct err *e)
{
    const struct config_certificate *c = find_subject(r, act, e);
    struct cert_facts facts;

    if (c == NULL)
        return false;
    if (act->generation == 0)
        act->generation = store_live(&r->k->store, c->name, e);
    if (act->generation == 0)
        return e->class != ERR_CLASS_NONE
                   ? false
                   : err_set(e, ERR_CLASS_PERMANENT, "there is no live generation yet");
    if (!issued_exists(&r->k->store, c->name, act->generation, e) ||
        !issued_facts(&r->k->store, c->name, act->generation, &facts, e))
        return false;
    cert_facts_clear(&facts);
    /* A key that its owner gave up is given up from here on, whatever the CA will answer. */
    return act->reason != ACT_REASON_KEY_COMPROMISE ||
           revocation_note(&r->k->store, c->name, act->generation, act->reason, 0, e);
}

static bool check_rollback(const struct request *r, struct act *act, struct err *e)
{
    const struct config_certificate *c = find_subject(r, act, e);

    return c != NULL &&
           rollback_find(&r->k->store, c, act->generation, (int64_t)time(NULL), &act->generation, e);
}

static bool check_act(const struct request *r, struct act *act, struct err *e)
{
    switch (act->kind) {
    case ACT_REVOKE:
        return check_revoke(r, act, e);
    case ACT_ROLLBACK:
        return check_rollback(r, act, e);
    case ACT_ROLLOVER:
    case ACT_DEACTIVATE:
    case ACT_COUNT:
        break;
    }
    return config_find_ca(r->k->config, act->subject) != NULL ||
           err_set(e, ERR_CLASS_PERMANENT, "%s is no configured CA", act->subject);
}

bool request_permit(const struct request *r, struct err *e)
{
    struct act act = {0};

    if (!act_valid(r->m->field[0].u, r->m->field[2].u, r->m->field[3].u) ||
        r->m->field[1].len > ACT_SUBJECT_MAX)
        return err_set(e, ERR_CLASS_INTERNAL, "a permit for nothing that there is");
    act.kind = (enum act_kind)r->m->field[0].u;
    memcpy(act.subject, r->m->field[1].s, r->m->field[1].len + 1);
    act.generation = r->m->field[2].u;
    act.reason = r->m->field[3].u;
    if (!check_act(r, &act, e))
        return false;
    permit_add(&r->k->permits, &act);
    return ipc_send(r->conn, IPC_PERMITTED, r->m->id, act.generation) || err_nomem(e, "replying");
}

/* The payload of a revocation (RFC 8555 section 7.6). */
static char *revoke_payload(const struct request *r, const struct act *act, struct err *e)
{
    char *certificate = NULL;
    char *payload = NULL;
    struct buf pem;

    buf_init(&pem, FILE_MAX + 8192);
    if (issued_read(&r->k->store, act->subject, act->generation, "cert.pem", &pem, e))
        certificate = cert_to_b64url(pem.len > 0 ? pem.data : "", pem.len, e);
    buf_clear(&pem);
    if (certificate != NULL) {
        payload = acme_payload_revoke(certificate, (unsigned)act->reason);
        if (payload == NULL)
            err_nomem(e, "building a revocation");
    }
    free(certificate);
    return payload;
}

/* What both ways of signing begin with. NULL with e. */
static const struct act *revoke_begin(const struct request *r, const struct config_ca **ca, char **payload,
                                      struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct act *act;

    *ca = c != NULL ? request_issuer(r, c, e) : NULL;
    if (*ca == NULL || !request_check_target(r, *ca, e))
        return NULL;
    act = permit_find(&r->k->permits, ACT_REVOKE, c->name, e);
    if (act == NULL)
        return NULL;
    *payload = revoke_payload(r, act, e);
    return *payload != NULL ? act : NULL;
}

bool request_sign_revoke(const struct request *r, struct err *e)
{
    const struct config_ca *ca;
    char *payload;

    return revoke_begin(r, &ca, &payload, e) != NULL && request_sign(r, ca, payload, e);
}

bool request_sign_revoke_by_key(const struct request *r, struct err *e)
{
    const struct config_ca *ca;
    char *payload;
    const struct act *act = revoke_begin(r, &ca, &payload, e);
    struct key *key;
    char *jws = NULL;

    if (act == NULL)
        return false;
    key = issued_key(&r->k->store, act->subject, act->generation, e);
    if (key != NULL)
        jws = jws_sign(key, NULL, r->m->field[1].s, r->m->field[2].s, payload, e);
    key_free(key);
    free(payload);
    return request_reply_signed(r, jws, e);
}

bool request_revoked(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct act *act = c != NULL ? permit_find(&r->k->permits, ACT_REVOKE, c->name, e) : NULL;

    if (act == NULL)
        return false;
    if (act->generation != r->m->field[1].u)
        return err_set(e, ERR_CLASS_INTERNAL, "refused: another generation was to be revoked");
    if (!revocation_note(&r->k->store, c->name, act->generation, act->reason, (int64_t)time(NULL), e))
        return false;
    log_notice(c->name, "generation %llu is revoked (%s)", (unsigned long long)act->generation,
               act_reason_to_str(act->reason));
    permit_end(&r->k->permits, ACT_REVOKE, c->name);
    return request_reply_ok(r, e);
}

bool request_rollback(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct act *act = c != NULL ? permit_find(&r->k->permits, ACT_ROLLBACK, c->name, e) : NULL;
    uint64_t generation;

    if (act == NULL)
        return false;
    generation = act->generation;
    if (generation != r->m->field[1].u)
        return err_set(e, ERR_CLASS_INTERNAL, "refused: another generation was to be live again");
    permit_end(&r->k->permits, ACT_ROLLBACK, c->name);
    if (!rollback_perform(&r->k->store, c, generation, (int64_t)time(NULL), e))
        return false;
    return ipc_send(r->conn, IPC_INSTALLED, r->m->id, generation) || err_nomem(e, "replying");
}
