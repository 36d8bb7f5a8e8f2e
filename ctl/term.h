/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_TERM_H
#define ACMED_CTL_TERM_H

/* What the place that acmectl writes to can do. */

#include "lib/buf.h"

#include <stdbool.h>

struct term {
    bool tty;
    bool cursor; /* it can be moved: a text may be replaced in place */
    bool colour;
    bool utf8;
    int width;  /* columns */
    int height; /* rows; 0: no terminal */
};

enum term_paint {
    TERM_PLAIN,
    TERM_DIM,
    TERM_BOLD,
    TERM_GREEN,
    TERM_YELLOW,
    TERM_RED,
    TERM_CYAN,
    TERM_ALARM,
    TERM_PAINTS
};

/* Looks at fd, the environment (COLUMNS, TERM, NO_COLOR) and the locale, which the caller has set. */
void term_detect(struct term *t, int fd);

/* From here on in this colour, until term_reset(). Both append nothing where there is no colour. */
void term_set(const struct term *t, struct buf *out, enum term_paint paint);
void term_reset(const struct term *t, struct buf *out);

/* Appends s in a colour. */
void term_add(const struct term *t, struct buf *out, enum term_paint paint, const char *s);

#endif
