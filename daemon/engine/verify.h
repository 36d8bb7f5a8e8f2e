/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_VERIFY_H
#define ACMED_ENGINE_VERIFY_H

/* Looks at the server that clients reach until it presents the new certificate, for up to 60 s: a reload is
 * asynchronous, and one that reports success may have changed nothing. */

#include "daemon/engine/client.h"

struct verification;

#define VERIFY_TIMEOUT_MS 60000

/* Handshakes with host:port, SNI name (none where that is an address), and compares the leaf with sha256.
 * on_done: e is NULL when it is served, else what was served or went wrong last. Called once, never before
 * this returns. NULL: out of memory. */
struct verification *verify_start(struct loop *l, struct client *client, const char *host, uint16_t port,
                                  const char *name, const uint8_t sha256[32],
                                  void (*on_done)(void *arg, const struct err *e), void *arg);
/* NULL is ignored. */
void verify_cancel(struct verification *v);

#endif
