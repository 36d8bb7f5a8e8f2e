/* SPDX-License-Identifier: MIT */
#ifndef ACMED_UTF8_H
#define ACMED_UTF8_H

#include <stddef.h>

/* The length in bytes (1..4) of the UTF-8 character that s[0..n) begins with; 0 when it begins with none, or
 * n is 0. Overlong forms, surrogates and values above U+10FFFF are no characters (RFC 3629). */
size_t utf8_char(const char *s, size_t n);

/* Replaces by '?' what is no UTF-8 and what is a control character (below U+0020, U+007F..U+009F) in a
 * NUL-terminated string, in place, so that it can be shown on a terminal and be put into JSON. */
void utf8_make_printable(char *s);

/* The same, but newlines and tabs stay ... */
void utf8_make_text(char *s);

/* ... or become blanks. */
void utf8_make_line(char *s);

/* The length of the longest beginning of s with at most max bytes that does not end within a character. */
size_t utf8_cut(const char *s, size_t max);

#endif
