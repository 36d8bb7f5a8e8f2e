/* SPDX-License-Identifier: MIT */
#ifndef ACMED_IDENT_IDN_H
#define ACMED_IDENT_IDN_H

/* Internationalized names (IDNA2008, RFC 5890..5893, with the mapping of UTS #46, nontransitional: what
 * browsers do with what is typed). The one file that knows libidn2. Private to lib/ident*.c. */

#include "lib/ident.h"

/* U-labels to A-labels, lower case. s: UTF-8, at most 4 * IDENT_MAX bytes. Other ASCII than letters, digits,
 * hyphens and dots is not looked at. False with e; out is then untouched. */
bool ident_idn_to_ascii(const char *s, char out[IDENT_MAX + 1], struct err *e);

/* Whether every label of a lower-case name that begins with xn-- is one: Punycode (RFC 3492) of what is
 * written like this and in no other way. More is for the CA to say: names that the tables of an older library
 * lack are registered and certified. */
bool ident_idn_check(const char *name, struct err *e);

/* The U-labels of a name of A-labels; the caller frees. NULL: there are none, or they do not lead back to the
 * same A-labels (RFC 5891 section 5.4), or memory is out. */
char *ident_idn_to_unicode(const char *name);

#endif
