/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_CLIENT_H
#define ACMED_ENGINE_CLIENT_H

/* HTTPS requests and the TLS look at what a server presents. With libcurl; no other file includes it. */

#include "daemon/engine/loop.h"
#include "lib/err.h"
#include "lib/http.h"

#include <stddef.h>
#include <stdint.h>

struct client;
struct client_call;

/* One trust store, loaded once, and a few kept connections (HTTP/2 where the server speaks it) serve all
 * calls. NULL with e. */
struct client *client_new(struct loop *l, struct err *e);
/* All calls are cancelled. */
void client_free(struct client *c);

struct client_request {
    enum { CLIENT_GET, CLIENT_HEAD, CLIENT_POST } method;
    const char *url;     /* https; checked by http_url_check() */
    const char *body;    /* POST: application/jose+json; copied */
    const char *ca_file; /* roots instead of the system's; NULL: the system's; copied */
};

/* Starts a request. on_done gets the reply, whatever its status, or NULL with e when there was no HTTP reply
 * (class network: DNS, connect, TLS, time-out, 30 s in all, headers above HTTP_REPLY_HEAD_MAX), or none that
 * can be used (class transient: above HTTP_REPLY_BODY_MAX, or it does not tell where it ends). Redirects are
 * never followed. The reply is good for the call only. NULL: it could not be started (e); on_done is not
 * called then, nor before this returns. */
struct client_call *client_start(struct client *c, const struct client_request *r,
                                 void (*on_done)(void *arg, const struct http_reply *reply,
                                                 const struct err *e),
                                 void *arg, struct err *e);

/* What a peek lets the server choose from. ECDSA and RSA: TLS 1.2 with the suites that go with such a key, if
 * the TLS library can be told (OpenSSL; GnuTLS by way of a libcurl of 2025 or later); else as TLS12. */
enum client_offer { CLIENT_OFFER_ANY, CLIENT_OFFER_TLS12, CLIENT_OFFER_ECDSA, CLIENT_OFFER_RSA };

/* Connects to host:port, shakes hands with `name` as SNI (none where it is an address), without checking the
 * chain (what is served is compared with what was installed, which proves more), and reports the SHA-256 of
 * the leaf's DER; or NULL with e. 10 s in all. */
struct client_call *client_peek(struct client *c, const char *host, uint16_t port, const char *name,
                                enum client_offer offer,
                                void (*on_leaf)(void *arg, const uint8_t *sha256, const struct err *e),
                                void *arg, struct err *e);

/* on_done is not called any more. NULL is ignored. */
void client_cancel(struct client_call *call);

/* Loads what libraries open on first use (name service, TLS configuration), before confinement. */
void client_warm_up(void);

#endif
