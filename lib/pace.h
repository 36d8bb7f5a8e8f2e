/* SPDX-License-Identifier: MIT */
#ifndef ACMED_PACE_H
#define ACMED_PACE_H

/* The pace of new orders that a CA bears, learned from its refusals, for a CA whose limit nobody knows.
 *
 * Nothing is held back until the CA refuses. Then the orders it took, over the time from the first of them
 * until it takes one again, are what it bears: orders go a tenth slower than that, one by one, and a little
 * faster after each few that came through (additive increase, multiplicative decrease, as TCP's). The first
 * measure is the roughest, because a burst may have gone before it or the CA may ask for too long a pause, so
 * what follows it is raised faster than what follows later ones. Time in which nobody wanted an order counts
 * for nothing. A pace under which no order was begun for a day is forgotten.
 *
 * Pure; all times are Unix milliseconds. */

#include <stdbool.h>
#include <stdint.h>

struct pace {
    int64_t interval;  /* between two orders; 0: none is known */
    int64_t next;      /* when the next one is to begin, after the last */
    int64_t last;      /* when the last order began; 0: none did */
    int64_t since;     /* the start of the present measure */
    unsigned taken;    /* orders that the CA took since */
    unsigned measures; /* that were made */
    unsigned in_a_row; /* orders that the CA took since the last one */
    bool refused;      /* the measure ends when the CA takes an order again */
};

/* An order that the CA counts begins. Start with {0}. */
void pace_started(struct pace *p, int64_t now);
/* The CA took an order, whatever became of it later. */
void pace_taken(struct pace *p);
/* It refused one, for there were too many ... */
void pace_refused(struct pace *p);
/* ... and takes them again: the last one that began was taken. Does nothing where none was refused. */
void pace_reopened(struct pace *p);

/* What an earlier process had learned: `interval` between two orders, of which the last began at `last`. */
void pace_recall(struct pace *p, int64_t interval, int64_t last);

/* When the next order may begin; <= now: at once. */
int64_t pace_next(const struct pace *p, int64_t now);

#endif
