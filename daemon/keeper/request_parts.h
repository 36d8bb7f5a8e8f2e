/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_REQUEST_PARTS_H
#define ACMED_KEEPER_REQUEST_PARTS_H

/* What the files request*.c share: a request as its handler sees it, and the checks that each begins with.
 * False with e: IPC_ERROR is the answer; a text that begins with "refused" is what no sound engine asks for,
 * and is logged. */

#include "daemon/keeper/keeper.h"

struct request {
    struct keeper *k;
    struct ipc_conn *conn; /* for the reply */
    const struct ipc_msg *m;
};

/* The configured certificate, or CA, that the first field names; what was asked about it before is done. NULL
 * with e: there is no such one. */
const struct config_certificate *request_lineage(const struct request *r, struct err *e);
const struct config_ca *request_ca(const struct request *r, struct err *e);

/* The CA that the fourth field names, one of those configured for c; NULL with e. */
const struct config_ca *request_issuer(const struct request *r, const struct config_certificate *c,
                                       struct err *e);

/* Likewise, or the one where c is rehearsed: that, too, looks at what is published to prove its names. */
const struct config_ca *request_prover(const struct request *r, const struct config_certificate *c,
                                       struct err *e);

/* Second and third field are a URL of this CA's origin and a nonce. */
bool request_check_target(const struct request *r, const struct config_ca *ca, struct err *e);

/* Takes the JWS; NULL: there is none, e says why. */
bool request_reply_signed(const struct request *r, char *jws, struct err *e);
bool request_reply_ok(const struct request *r, struct err *e);

/* Replies with what the CA's account signs by its URL, for the target of the second and third field. Takes
 * the payload; NULL: memory was out. */
bool request_sign(const struct request *r, const struct config_ca *ca, char *payload, struct err *e);

/* request_act.c and request_account.c: what needs a permit, and what belongs to it. */
bool request_account_load(const struct request *r, struct err *e);
bool request_account_next(const struct request *r, struct err *e);
bool request_account_settle(const struct request *r, struct err *e);
bool request_account_close(const struct request *r, struct err *e);
bool request_account_contact(const struct request *r, struct err *e);
bool request_sign_key_change(const struct request *r, struct err *e);
bool request_sign_find_next(const struct request *r, struct err *e);
bool request_sign_update(const struct request *r, struct err *e);
bool request_sign_deactivate(const struct request *r, struct err *e);
bool request_permit(const struct request *r, struct err *e);
bool request_sign_revoke(const struct request *r, struct err *e);
bool request_sign_revoke_by_key(const struct request *r, struct err *e);
bool request_revoked(const struct request *r, struct err *e);
bool request_rollback(const struct request *r, struct err *e);

/* The same, for one that may wait: signs by account URL and replies to id. */
bool request_sign_target(struct keeper *k, struct ipc_conn *conn, uint32_t id, const struct config_ca *ca,
                         const char *url, const char *nonce, const char *payload, struct err *e);

/* What waits for a key (request_finalize.c). */
bool request_sign_finalize(const struct request *r, struct err *e);
/* Finalize for the target of the second and third field, answered when its key is made: the pending one, or
 * that of a rehearsal. */
bool request_finalize(const struct request *r, const struct config_certificate *c, const struct config_ca *ca,
                      bool rehearsal, struct err *e);

/* Ends the rehearsal of c: its key is gone, and what waits for it is not answered any more. */
void request_forget_rehearsal(struct keeper *k, const struct config_certificate *c);

/* Rehearsals (request_rehearse.c). */
bool request_rehearse_order(const struct request *r, struct err *e);
bool request_rehearse_finalize(const struct request *r, struct err *e);
bool request_rehearse_check(const struct request *r, struct err *e);
bool request_rehearse_end(const struct request *r, struct err *e);

/* Whether this is a URL of the CA's origin. */
bool request_check_url(const struct config_ca *ca, const char *url, struct err *e);

/* Answers with IPC_ERROR. */
void request_reply_error(struct ipc_conn *conn, uint32_t id, enum ipc_type type, const struct err *e);

/* Handlers of what is answered when it is durable (request_durable.c). */
bool request_account_save(const struct request *r, struct err *e);
bool request_install(const struct request *r, struct err *e);
bool request_mark_served(const struct request *r, struct err *e);

/* The name of the live certificate in renewal information (RFC 9773 section 4.1); the caller frees. NULL: it
 * cannot be had; the order is then one like any other. */
char *request_live_ari_id(const struct request *r, const struct config_certificate *c);

/* Handlers about what answers challenges (request_proof.c). */
bool request_dns_record(const struct request *r, struct err *e);
bool request_publish(const struct request *r, struct err *e);
bool request_withdraw(const struct request *r, struct err *e);

/* Handlers about generations on disk (request_live.c). */
bool request_facts(const struct request *r, struct err *e);
bool request_examine(const struct request *r, struct err *e);

#endif
