/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_VERIFY_H
#define ACMED_ENGINE_VERIFY_H

/* Looks at the server that clients reach until it presents the new certificate, for up to 60 s: a reload is
 * asynchronous, and one that reports success may have changed nothing. */

#include "daemon/engine/client.h"

struct verification;

#define VERIFY_TIMEOUT_MS 60000

/* What is looked for, and where. */
struct verify_target {
    const char *host; /* copied, as name is */
    uint16_t port;
    const char *name;   /* SNI, none where it is an address */
    uint8_t sha256[32]; /* of the leaf */

    /* Where a section has certificates of several types of key, a server presents the one that goes with what
     * a client offers. CLIENT_OFFER_ECDSA or _RSA: this one's; the server is asked for it in TLS 1.2, which
     * alone lets a client say so. CLIENT_OFFER_ANY: there is no other. */
    enum client_offer offer;
    /* The name of the section's other certificate that has this live leaf; NULL: none. Borrowed. */
    const char *(*sibling)(void *arg, const uint8_t sha256[32]);
};

/* Handshakes with the server until the leaf is what is looked for. on_done: e is NULL when it is served, else
 * what was served or went wrong last. note (for people; e is NULL): instead, one of the section's other
 * certificates is served, and whether this one is too cannot be told. Called once, never before this returns.
 * arg is for both functions. NULL: out of memory. */
struct verification *verify_start(struct loop *l, struct client *client, const struct verify_target *target,
                                  void (*on_done)(void *arg, const char *note, const struct err *e),
                                  void *arg);
/* NULL is ignored. */
void verify_cancel(struct verification *v);

#endif
