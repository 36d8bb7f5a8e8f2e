/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_REQUEST_PARTS_H
#define ACMED_KEEPER_REQUEST_PARTS_H

/* What the files of request.h share. */

#include "daemon/keeper/keeper.h"

/* A request as its handler sees it. False with e: IPC_ERROR is the answer. */
struct request {
    struct keeper *k;
    struct ipc_conn *conn; /* for the reply */
    const struct ipc_msg *m;
};

/* The configured certificate, or CA, that the first field names; what was asked about it before is done. NULL
 * with e: there is no such one. */
const struct config_certificate *request_lineage(const struct request *r, struct err *e);
const struct config_ca *request_ca(const struct request *r, struct err *e);

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

/* Handlers about generations on disk (request_live.c). */
bool request_facts(const struct request *r, struct err *e);
bool request_examine(const struct request *r, struct err *e);

#endif
