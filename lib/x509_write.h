/* SPDX-License-Identifier: MIT */
#ifndef ACMED_X509_WRITE_H
#define ACMED_X509_WRITE_H

/* What requests and certificates that acmed writes have in common (RFC 5280, RFC 2986). Private to the crypto
 * files of lib/. */

#include "lib/config.h"
#include "lib/der.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/strv.h"

/* The extension subjectAltName of these identifiers, not critical. */
void x509_write_san(struct der *d, const struct strv *names);

/* The algorithm that key_sign() signs with. */
void x509_write_sig_algorithm(struct der *d, enum key_type type);

/* SEQUENCE of body (which stands somewhere else), algorithm and signature. what: for the message ("writing
 * ..."). False with e. */
bool x509_write_signed(struct der *d, const uint8_t *body, size_t len, const struct key *k, const char *what,
                       struct err *e);

#endif
