/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_TABLE_H
#define ACMED_CTL_TABLE_H

/* `acmectl status`: the table of certificates, what needs attention, and the summary. Pure: text is appended
 * to out. */

#include "ctl/fleet.h"
#include "ctl/term.h"

#include <stdint.h>

/* The colour that stands for a state. */
enum term_paint table_paint(enum status_state state);

/* The last thing that happened: "served 31d ago", "failed 12m ago: the CA said ...". Replaces out's content.
 */
void table_result(struct buf *out, const struct status_certificate *s, int64_t now);

/* When it is renewed, or tried again: "in 29d", "now", "never", "-". Fills and returns out (WHEN_MAX bytes).
 */
const char *table_renews(char *out, const struct status_certificate *s, int64_t now);

/* The table alone, never wider than t->width. */
void table_render(struct buf *out, const struct fleet *f, const struct term *t, int64_t now);

/* The table; a paragraph for each certificate that needs attention; the daemon's warnings; one line of
 * summary. */
void table_report(struct buf *out, const struct fleet *f, const struct term *t, int64_t now);

#endif
