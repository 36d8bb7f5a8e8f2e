/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEY_H
#define ACMED_KEY_H

/* Private keys: made, read, written, used. The differences between mbed TLS 2.28 and 3.6 end at
 * lib/key.c and lib/crypto.c. Nothing here reads files or the clock. */

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"

#include <stddef.h>
#include <stdint.h>

struct key;

/* Once in each process that uses keys or hashes, before anything else here; seeds the generator from the
 * system. crypto_free() at the end (and first thing in a forked child, followed by crypto_init() again:
 * parent and child would otherwise draw the same random bytes). */
bool crypto_init(struct err *e);
void crypto_free(void);

/* A new key. RSA takes 0.1 to 4 seconds: callers that may not block do it in a child process. */
struct key *key_generate(enum key_type type, struct err *e);

/* From PEM (PKCS#8, SEC1 or PKCS#1, unencrypted). Refuses types that are none of enum key_type. */
struct key *key_from_pem(const char *pem, size_t len, struct err *e);

/* PKCS#8 PEM, appended to a secret buffer. */
bool key_to_pem(const struct key *k, struct buf *out, struct err *e);

void key_free(struct key *k);
enum key_type key_type(const struct key *k);

#endif
