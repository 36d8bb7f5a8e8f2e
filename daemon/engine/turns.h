/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_TURNS_H
#define ACMED_ENGINE_TURNS_H

/* What may take its time is done one at a time, one in each turn of the loop, so that nothing else waits for
 * more than one of them. */

#include "daemon/engine/loop.h"

struct turns;

/* Embedded by whoever waits; zeroed but for on_turn and arg. */
struct turn {
    struct turn *next;
    bool waiting;
    bool first; /* before all that are not */
    void (*on_turn)(void *arg);
    void *arg;
};

/* NULL: out of memory. */
struct turns *turns_new(struct loop *l);
/* Nobody waits any more. */
void turns_free(struct turns *ts);

/* on_turn is called once, never before this returns. One that waits already keeps its place. */
void turn_wait(struct turns *ts, struct turn *t);
void turn_cancel(struct turns *ts, struct turn *t);

#endif
