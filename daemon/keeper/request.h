/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_REQUEST_H
#define ACMED_KEEPER_REQUEST_H

/* What the keeper can be asked, and by whom. Everything in a request is checked as if the engine belonged to
 * somebody else: names against the configuration, URLs against the origin of the CA's directory. */

#include "daemon/ipc.h"
#include "lib/err.h"

#include <stdbool.h>

struct keeper;
struct request_waiting;
struct account_waiting;

/* Answers one message (or remembers it, when a key must be made first) by queueing the reply. What is asked
 * for and not allowed is answered with IPC_ERROR and logged. False with e: a message that this peer
 * does not send to a keeper; the connection is not to be trusted any more. */
bool request_handle(struct keeper *k, struct ipc_conn *from, const struct ipc_msg *m, struct err *e);

/* Answers remembered requests whose key is made, or cannot be. */
void request_resume(struct keeper *k);

/* A key for an account was made, or cannot be: the same for those that wait for it. */
void request_account_resume(struct keeper *k);

void request_account_waiting_free(struct account_waiting *list);
void request_waiting_free(struct request_waiting *list);

#endif
