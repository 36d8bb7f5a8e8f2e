/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEY_USE_H
#define ACMED_KEY_USE_H

/* What a key does for the other crypto files of lib/: signatures and the public half. Private to them. */

#include "lib/err.h"
#include "lib/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_SIG_MAX  512 /* RSA-4096 */
#define KEY_SPKI_MAX 600

enum key_sig_form {
    KEY_SIG_JOSE, /* ECDSA as r and s, each as wide as the curve (RFC 7518 section 3.4) */
    KEY_SIG_X509  /* ECDSA as SEQUENCE of r and s (RFC 3279 section 2.2.3) */
};

/* Signs the hash of data: SHA-384 for P-384, SHA-256 for all others (RSA: PKCS#1 v1.5). */
bool key_sign(const struct key *k, enum key_sig_form form, const void *data, size_t len,
              uint8_t sig[KEY_SIG_MAX], size_t *sig_len, struct err *e);

/* The public half as DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). */
bool key_spki(const struct key *k, uint8_t spki[KEY_SPKI_MAX], size_t *len, struct err *e);

/* The public half in numbers, big-endian: x and y as wide as the curve, or modulus and exponent without
 * leading zeros. */
struct key_parts {
    uint8_t first[KEY_SIG_MAX];
    size_t first_len;
    uint8_t second[48];
    size_t second_len;
};

bool key_public_parts(const struct key *k, struct key_parts *parts, struct err *e);

#endif
