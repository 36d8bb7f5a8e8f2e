/* SPDX-License-Identifier: MIT */
#ifndef ACMED_JWS_H
#define ACMED_JWS_H

/* JSON Web Signatures as ACME wants them (RFC 8555 section 6.2, RFC 7515): flattened JSON, ES256, ES384 or
 * RS256; HS256 within an external account binding. */

#include "lib/err.h"
#include "lib/key.h"

/* A request body signed by the account key. kid: the account URL; NULL: the public key itself is
 * put into the header (newAccount; revocation by the certificate's key). nonce: NULL only for the inner JWS
 * of a key change (RFC 8555 section 7.3.5). payload: JSON text; NULL: the empty payload of POST-as-GET. The
 * caller frees; NULL with e set on failure. url, nonce and kid are refused when they hold anything that JSON
 * would have to escape. */
char *jws_sign(const struct key *account_key, const char *kid, const char *url, const char *nonce,
               const char *payload, struct err *e);

/* The external account binding of a newAccount request (RFC 8555 section 7.3.4): the account's public key,
 * signed by HMAC-SHA256 with the key that the CA gave out with this key identifier. url: newAccount's, as in
 * the request around it. As JSON text; the caller frees; NULL with e set on failure. */
char *jws_external_account(const struct key *account_key, const char *kid, const void *mac_key,
                           size_t mac_key_len, const char *url, struct err *e);

/* base64url(SHA-256(JWK)), RFC 7638: the second half of every key authorization. The caller frees. */
char *jws_thumbprint(const struct key *account_key, struct err *e);

#endif
