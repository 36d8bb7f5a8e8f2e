/* SPDX-License-Identifier: MIT */
#ifndef ACMED_RFC3339_H
#define ACMED_RFC3339_H

#include <stdbool.h>
#include <stdint.h>

/* A moment as ACME writes it ("2026-11-25T22:30:00Z", RFC 3339 section 5.6), with or without fractions of a
 * second (which are cut off), Z or a numeric offset: Unix seconds. Strict: a day that no month has is not
 * read as one of the next. False: it is none; *t untouched. */
bool rfc3339_parse(const char *s, int64_t *t);

#endif
