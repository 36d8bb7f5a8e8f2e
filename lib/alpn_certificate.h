/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ALPN_CERTIFICATE_H
#define ACMED_ALPN_CERTIFICATE_H

/* The certificate that answers a tls-alpn-01 challenge (RFC 8737 section 3): self-signed, for one identifier
 * alone, with the digest of the key authorization in the critical extension acmeIdentifier. Its key is made
 * for it and forgotten with it: it protects nothing. */

#include "lib/err.h"
#include "lib/key_authorization.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALPN_SERVER_NAME_MAX 253

struct alpn_certificate;

/* identifier: canonical. now: Unix seconds; it is valid from a day before to a week after. NULL with e. */
struct alpn_certificate *alpn_certificate_new(const char *identifier,
                                              const uint8_t digest[KEY_AUTHORIZATION_DIGEST], int64_t now,
                                              struct err *e);
/* One more holder; each calls alpn_certificate_free() once. Returns c. */
struct alpn_certificate *alpn_certificate_hold(struct alpn_certificate *c);
/* NULL is ignored. */
void alpn_certificate_free(struct alpn_certificate *c);

/* As DER; borrowed. */
const uint8_t *alpn_certificate_der(const struct alpn_certificate *c, size_t *len);

/* The server name that a CA asks for when it validates the identifier: itself, or for an address its reverse
 * mapping (RFC 8738 section 6). */
void alpn_server_name(const char *identifier, char out[ALPN_SERVER_NAME_MAX + 1]);

#endif
