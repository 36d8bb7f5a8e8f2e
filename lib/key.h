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

/* Where random bytes come from: fills out, or returns false. It must not have a state that a fork duplicates.
 */
typedef bool crypto_draw(void *out, size_t len);

/* Once in each process that uses keys, before anything else here. crypto_free() at the end. */
bool crypto_init(crypto_draw *draw, struct err *e);
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
