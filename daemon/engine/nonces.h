/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_NONCES_H
#define ACMED_ENGINE_NONCES_H

/* Anti-replay nonces of one CA (RFC 8555 sections 6.5 and 7.2). Every reply brings one, so a request that
 * finds none first waits for a reply in flight, at most one measured round trip, and only then is one
 * fetched; at once for those who are more than the replies in flight, as fast as a CA bears it. */

#include "daemon/engine/client.h"

struct nonces;

struct nonces_wait {
    struct nonces_wait *next;
    /* nonce: the waiter's to copy; NULL with e: none is to be had. */
    void (*on_nonce)(void *arg, const char *nonce, const struct err *e);
    void *arg;
    bool waiting;
};

/* ca_file as in struct client_request; borrowed. NULL: out of memory. */
struct nonces *nonces_new(struct loop *l, struct client *client, const char *ca_file);
void nonces_free(struct nonces *n);

/* Where new ones are to be had (directory's newNonce); copied. Must be called before the first wait. False:
 * out of memory. */
bool nonces_set_url(struct nonces *n, const char *url);

/* Calls on_nonce exactly once, possibly before this returns. */
void nonces_take(struct nonces *n, struct nonces_wait *w);
void nonces_cancel(struct nonces *n, struct nonces_wait *w);

/* A request was sent that will bring a nonce; and its reply (nonce NULL: it brought none) after rtt_ms. */
void nonces_request_sent(struct nonces *n);
void nonces_reply(struct nonces *n, const char *nonce, int64_t rtt_ms);

#endif
