/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_TEXT_H
#define ACMED_CTL_TEXT_H

/* Text for terminals: made harmless, measured in columns, cut and wrapped. Whatever the daemon says may quote
 * a hostile CA, so each reply goes through text_clean_json() once, before anybody looks at it; the other
 * functions expect cleaned text. */

#include "lib/buf.h"

#include <jansson.h>
#include <stdbool.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024) /* bound of what acmectl prints at once, in bytes */

/* A copy without control characters, bidirectional overrides and broken UTF-8 (each a '?'; tabs and line
 * feeds become blanks, but line feeds stay where `lines`). Without utf8 everything beyond ASCII is a '?'. The
 * caller frees; NULL: out of memory. */
char *text_clean(const char *s, bool utf8, bool lines);

/* The same for every string inside j, in place (captured output, "output", keeps its line feeds). False: out
 * of memory. */
bool text_clean_json(json_t *j, bool utf8);

/* Columns that s takes. */
int text_width(const char *s);

/* Appends s, cut at its end to at most width columns, with an ellipsis where cut. Returns the columns used.
 */
int text_add_cut(struct buf *out, const char *s, int width, bool utf8);

/* The same, but cut in its middle: both ends of a name tell. */
int text_add_middle(struct buf *out, const char *s, int width, bool utf8);

/* n blanks; none for n <= 0. */
void text_add_blanks(struct buf *out, int n);

/* Appends s broken at blanks into lines of at most width columns (longer words are left whole), and a final
 * line feed. The cursor is at `column` already; further lines start with `indent` blanks. */
void text_add_wrapped(struct buf *out, const char *s, int column, int indent, int width);

#endif
