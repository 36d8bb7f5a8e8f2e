/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_POST_H
#define ACMED_ENGINE_POST_H

/* A signed request to a CA (RFC 8555 section 6.2): takes a nonce, has the keeper sign, posts. */

#include "daemon/engine/client.h"
#include "daemon/engine/link.h"
#include "daemon/engine/nonces.h"
#include "lib/config.h"

/* All that are under way at one CA. */
struct posts;
struct post;

/* Everything is borrowed and outlives the posts. NULL: out of memory. */
struct posts *posts_new(struct client *client, struct link *keeper, struct nonces *nonces,
                        const struct config_ca *ca);
/* All are cancelled. NULL is ignored. */
void posts_free(struct posts *s);

/* what: one of the IPC_SIGN_* requests; subject: the CA's name or the lineage, as that request wants. on_done
 * as in client_start(), with e->unsent where there was no nonce or no signature. The nonce of every reply is
 * kept for the next request. NULL: out of memory. */
struct post *post_start(struct posts *s, enum ipc_type what, const char *subject, const char *url,
                        void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                        void *arg);
/* newOrder for a lineage: IPC_SIGN_NEW_ORDER (option: the keeper adds which certificate it replaces, the live
 * one) or IPC_REHEARSE_ORDER (option: with the configured profile). */
struct post *post_order(struct posts *s, enum ipc_type what, const char *lineage, const char *url,
                        bool option,
                        void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                        void *arg);
/* The time that the quickest reply so far took, ms; 0 while there were too few to tell. */
int64_t posts_round_trip(const struct posts *s);
/* on_done is not called any more. NULL is ignored. */
void post_cancel(struct post *p);

#endif
