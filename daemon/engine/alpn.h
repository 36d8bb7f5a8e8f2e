/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_ALPN_H
#define ACMED_ENGINE_ALPN_H

/* The tls-alpn-01 responder (RFC 8737): shows the certificate of a name that is being validated to who asks
 * for it by acme-tls/1, and nothing to anybody else. */

#include "daemon/engine/door.h"
#include "lib/err.h"

struct alpn;

/* As responder_new(). NULL: out of memory. */
struct alpn *alpn_new(struct loop *l, unsigned cap, int64_t deadline_ms);
void alpn_free(struct alpn *a);

#define ALPN_CAP         1024 /* a handshake takes some 50 KiB */
#define ALPN_DEADLINE_MS 10000

/* Where its connections come in. */
struct door *alpn_door(const struct alpn *a);

/* The identifier is answerable with this token from now on. When orders of several accounts validate the same
 * identifier at a time, the last one counts. now: Unix seconds. */
bool alpn_add(struct alpn *a, const char *identifier, const char *token, const char *thumbprint, int64_t now,
              struct err *e);
/* The token is not any more. */
void alpn_remove(struct alpn *a, const char *token);

#endif
