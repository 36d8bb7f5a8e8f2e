/* SPDX-License-Identifier: MIT */
#ifndef ACMED_B64_H
#define ACMED_B64_H

/* base64url without padding (RFC 4648 section 5), the encoding of all JOSE data. */

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The caller frees; NULL: out of memory. */
char *b64url_encode(const void *data, size_t len);

/* Appends what len characters stand for; padding is not part of them. False: not base64url (RFC 4648 section
 * 5: unused bits are zero), or out is full or memory is out (out->failed tells). */
bool b64url_decode(struct buf *out, const char *s, size_t len);

/* True when s is 1..max bytes of the base64url alphabet only. */
bool b64url_valid(const char *s, size_t max);

#endif
