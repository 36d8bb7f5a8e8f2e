/* SPDX-License-Identifier: MIT */
#ifndef ACMED_PEM_H
#define ACMED_PEM_H

/* The textual encoding of keys and certificates (RFC 7468), for the crypto files of lib/. Written here rather
 * than by the library, whose writer leaves an unwiped copy of a key behind and whose reader skips over what
 * it does not know. */

#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends a block with that label ("CERTIFICATE"). False when out is full or memory is out (out->failed). */
bool pem_write(struct buf *out, const char *label, const uint8_t *der, size_t len);

/* Reads certificates out of text one after the other. */
struct pem_reader {
    const char *p; /* borrowed: what is still to be read */
    const char *end;
    bool strict; /* nothing but certificates and white space is allowed */
};

void pem_reader_init(struct pem_reader *r, const char *text, size_t len, bool strict);

/* The next certificate's DER, owned by the caller; NULL and *len == 0 at the end of the text: *der tells.
 * False with e set when the text is broken, or when a strict reader meets anything that is not a certificate.
 */
bool pem_next_certificate(struct pem_reader *r, uint8_t **der, size_t *len, struct err *e);

#endif
