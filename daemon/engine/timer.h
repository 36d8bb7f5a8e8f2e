/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_TIMER_H
#define ACMED_ENGINE_TIMER_H

/* Wall-clock timers for what lies hours and weeks ahead. All of them share one timerfd on
 * CLOCK_REALTIME, so nothing ticks while nothing is due, a time that passed during suspend fires on
 * resume, and the kernel tells when somebody sets the clock. */

#include "daemon/engine/loop.h"

#include <stddef.h>

struct timers;

struct timer {
    int64_t at;    /* Unix seconds */
    int64_t pause; /* the longest it is ever set ahead, in seconds: it is no date, and a clock that is set
                      back does not make it longer; 0: a date */
    size_t place;  /* in the heap, from 1; 0: not set */
    void (*on_due)(void *arg);
    void *arg;
};

/* on_jump: the system's clock was set; jumped tells by how many seconds (positive: forward). Timers that are
 * due are called after it. NULL: out of memory or descriptors. */
struct timers *timers_new(struct loop *l, void (*on_jump)(void *arg, int64_t jumped), void *arg);
void timers_free(struct timers *ts);

/* A zeroed struct timer is not set; pause, on_due and arg are the owner's to fill in. Setting it again moves
 * it. False: out of memory, the timer is not set. */
bool timer_set(struct timers *ts, struct timer *t, int64_t at);
void timer_cancel(struct timers *ts, struct timer *t);

#endif
