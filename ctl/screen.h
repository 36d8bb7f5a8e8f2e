/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_SCREEN_H
#define ACMED_CTL_SCREEN_H

/* A text on the terminal that is replaced in place, from the cursor's line downwards. */

#include "ctl/term.h"

struct screen {
    char *shown; /* owned; NULL: nothing yet */
    int rows;    /* that it takes */
    int width;   /* of the terminal it was drawn on */
};

/* Appends to out what turns the text on the screen into frame (nothing when it is there already). A frame
 * higher than the terminal is cut. frame may hold colours. */
void screen_draw(struct screen *s, struct buf *out, const char *frame, const struct term *t);

/* Something else was written below: the next frame starts afresh. */
void screen_forget(struct screen *s);

#endif
