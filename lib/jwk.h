/* SPDX-License-Identifier: MIT */
#ifndef ACMED_JWK_H
#define ACMED_JWK_H

/* JSON Web Keys (RFC 7517). */

#include "lib/err.h"
#include "lib/key.h"

/* The public half as JSON text: the required members only, in the order and without blanks, so that it is
 * also what RFC 7638 hashes. The caller frees; NULL with e set on failure. */
char *jwk_public(const struct key *k, struct err *e);

#endif
