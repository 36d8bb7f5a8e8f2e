/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEY_AUTHORIZATION_H
#define ACMED_KEY_AUTHORIZATION_H

/* What a challenge is answered with (RFC 8555 section 8.1): the token and the thumbprint of the account key.
 */

#include <stdbool.h>
#include <stdint.h>

#define KEY_AUTHORIZATION_DIGEST 32 /* bytes: SHA-256 */

/* "token.thumbprint"; the caller frees. NULL: out of memory. */
char *key_authorization(const char *token, const char *thumbprint);

/* Its SHA-256, as tls-alpn-01 wants it (RFC 8737 section 3). False: out of memory. */
bool key_authorization_digest(const char *token, const char *thumbprint,
                              uint8_t digest[KEY_AUTHORIZATION_DIGEST]);

/* The digest in base64url, the content of dns-01's TXT record (RFC 8555 section 8.4); the caller frees. NULL:
 * out of memory. */
char *key_authorization_txt(const char *token, const char *thumbprint);

#endif
