/* SPDX-License-Identifier: MIT */
#ifndef ACMED_IDENT_H
#define ACMED_IDENT_H

/* Identifiers as certificates have them: DNS names (RFC 8555 section 7.1.4, RFC 5280 section 4.2.1.6). */

#include "lib/err.h"

#include <stdbool.h>

#define IDENT_DNS_MAX 253

/* Checks that s is a DNS name that can be an identifier of this version (letters, digits and hyphens in
 * labels of 1..63 bytes; IDN only as A-labels; no wildcard, no address) and writes it in lower case without
 * trailing dot. False with e (class configuration) that says what would be right; out is then untouched. */
bool ident_dns(const char *s, char out[IDENT_DNS_MAX + 1], struct err *e);

/* True for IPv4 and (without brackets) IPv6 addresses in their usual notation. */
bool ident_is_address(const char *s);

#endif
