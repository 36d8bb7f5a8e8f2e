/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/request_parts.h"

#include "lib/acme.h"
#include "lib/csr.h"

#include <stdlib.h>
#include <string.h>

/* Finalize (RFC 8555 section 7.4), which may have to wait for its key. */

/* A finalize that waits for its key. */
struct request_waiting {
    struct request_waiting *next;
    uint32_t id;
    bool rehearsal;
    const struct config_certificate *c; /* borrowed from the configuration */
    const struct config_ca *ca;         /* likewise */
    char *url;                          /* owned, checked */
    char *nonce;                        /* owned, checked */
};

static void waiting_free(struct request_waiting *w)
{
    free(w->url);
    free(w->nonce);
    free(w);
}

void request_waiting_free(struct request_waiting *list)
{
    while (list != NULL) {
        struct request_waiting *next = list->next;

        waiting_free(list);
        list = next;
    }
}

static bool sign_finalize(struct keeper *k, struct ipc_conn *conn, const struct request_waiting *w,
                          const struct key *key, struct err *e)
{
    char *csr = csr_build(key, &w->c->domains, e);
    char *payload;
    bool ok;

    if (csr == NULL)
        return false;
    payload = acme_payload_finalize(csr);
    free(csr);
    if (payload == NULL)
        return err_nomem(e, "building a finalize request");
    ok = request_sign_target(k, conn, w->id, w->ca, w->url, w->nonce, payload, e);
    free(payload);
    return ok;
}

void request_forget_rehearsal(struct keeper *k, const struct config_certificate *c)
{
    struct request_waiting **at = &k->waiting;

    while (*at != NULL) {
        struct request_waiting *w = *at;

        if (w->c != c || !w->rehearsal) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        waiting_free(w);
    }
    rehearsals_end(k->rehearsals, c);
}

/* The request is answered by request_resume(). One for each certificate: an engine has no use for a second.
 */
static bool wait_for_key(struct keeper *k, const struct request_waiting *now, struct err *e)
{
    struct request_waiting **end;
    struct request_waiting *w;

    for (end = &k->waiting; *end != NULL; end = &(*end)->next)
        if ((*end)->c == now->c && (*end)->rehearsal == now->rehearsal)
            return err_set(e, ERR_CLASS_INTERNAL,
                           "refused: finalize was asked for already and waits for its key");
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return err_nomem(e, "waiting for a key");
    *w = *now;
    w->url = strdup(now->url);
    w->nonce = strdup(now->nonce);
    if (w->url == NULL || w->nonce == NULL) {
        waiting_free(w);
        return err_nomem(e, "waiting for a key");
    }
    *end = w;
    return true;
}

/* A rehearsal has a key of its own. */
static enum pending_result key_for(struct keeper *k, const struct request_waiting *w, const struct key **key,
                                   struct err *e)
{
    return w->rehearsal ? rehearsals_get(k->rehearsals, w->c, key, e) : pending_get(k->pending, w->c, key, e);
}

bool request_finalize(const struct request *r, const struct config_certificate *c, const struct config_ca *ca,
                      bool rehearsal, struct err *e)
{
    const struct request_waiting now = {
        NULL, r->m->id, rehearsal, c, ca, (char *)r->m->field[1].s, (char *)r->m->field[2].s};
    const struct key *key;

    if (!request_check_target(r, ca, e))
        return false;
    switch (key_for(r->k, &now, &key, e)) {
    case PENDING_READY:
        return sign_finalize(r->k, r->conn, &now, key, e);
    case PENDING_WAIT:
        return wait_for_key(r->k, &now, e);
    case PENDING_FAILED:
        break;
    }
    return false;
}

bool request_sign_finalize(const struct request *r, struct err *e)
{
    const struct config_certificate *c = request_lineage(r, e);
    const struct config_ca *ca = c != NULL ? request_issuer(r, c, e) : NULL;

    return ca != NULL && request_finalize(r, c, ca, false, e);
}

void request_resume(struct keeper *k)
{
    struct request_waiting **at = &k->waiting;

    while (*at != NULL) {
        struct request_waiting *w = *at;
        const struct key *key;
        struct err e;
        enum pending_result result = key_for(k, w, &key, &e);

        if (result == PENDING_WAIT) {
            at = &w->next;
            continue;
        }
        if (result == PENDING_FAILED || !sign_finalize(k, k->engine, w, key, &e))
            request_reply_error(k->engine, w->id, w->rehearsal ? IPC_REHEARSE_FINALIZE : IPC_SIGN_FINALIZE,
                                &e);
        *at = w->next;
        waiting_free(w);
    }
}
