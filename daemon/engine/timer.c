/* SPDX-License-Identifier: MIT */
#include "daemon/engine/timer.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define JUMP_MS 2000 /* less is an adjustment, not a jump */

struct timers {
    int fd;
    struct loop_io *io;
    struct timer **heap; /* [1..n], earliest first; the timers are their owners' */
    size_t n;
    size_t cap;
    int64_t offset; /* of the wall clock to the time since boot, ms, when last looked at */
    void (*on_jump)(void *arg, int64_t jumped);
    void *arg;
};

static void place(struct timers *ts, size_t i, struct timer *t)
{
    ts->heap[i] = t;
    t->place = i;
}

static void sift_up(struct timers *ts, size_t i)
{
    struct timer *t = ts->heap[i];

    for (; i > 1 && ts->heap[i / 2]->at > t->at; i /= 2)
        place(ts, i, ts->heap[i / 2]);
    place(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i)
{
    struct timer *t = ts->heap[i];

    for (;;) {
        size_t child = i * 2;

        if (child > ts->n)
            break;
        if (child < ts->n && ts->heap[child + 1]->at < ts->heap[child]->at)
            child++;
        if (ts->heap[child]->at >= t->at)
            break;
        place(ts, i, ts->heap[child]);
        i = child;
    }
    place(ts, i, t);
}

/* Sets the timerfd to the earliest time. It stays armed far in the future when there is none: only an armed
 * one reports that the clock was set. */
static void arm(struct timers *ts)
{
    struct itimerspec spec = {.it_value = {.tv_sec = (time_t)1 << 40}};

    if (ts->n > 0) {
        spec.it_value.tv_sec = (time_t)(ts->heap[1]->at > 0 ? ts->heap[1]->at : 0);
        spec.it_value.tv_nsec = 1; /* all zero would disarm */
    }
    if (timerfd_settime(ts->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) == 0)
        return;
    /* The clock was set since the last look: the kernel says so only once, so the look is due at once. */
    spec.it_value = (struct timespec){.tv_nsec = 1};
    (void)timerfd_settime(ts->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL);
}

/* Pauses that were set under a clock which was ahead. */
static void shorten_pauses(struct timers *ts)
{
    int64_t now = loop_wall_ms() / 1000;

    for (size_t i = 1; i <= ts->n; i++) {
        struct timer *t = ts->heap[i];

        if (t->pause == 0 || t->at <= now + t->pause)
            continue;
        t->at = now + t->pause;
        sift_up(ts, i);
    }
}

static void notice_jump(struct timers *ts)
{
    int64_t offset = loop_wall_ms() - loop_boot_ms();
    int64_t jumped = offset - ts->offset;

    ts->offset = offset;
    if (jumped < JUMP_MS && jumped > -JUMP_MS)
        return;
    shorten_pauses(ts);
    ts->on_jump(ts->arg, jumped / 1000);
}

static void on_readable(void *arg, bool readable, bool writable)
{
    struct timers *ts = arg;
    uint64_t expirations;

    (void)readable;
    (void)writable;
    (void)!read(ts->fd, &expirations, sizeof expirations); /* ECANCELED: the clock was set */
    notice_jump(ts);
    while (ts->n > 0 && ts->heap[1]->at <= loop_wall_ms() / 1000) {
        struct timer *t = ts->heap[1];

        timer_cancel(ts, t);
        t->on_due(t->arg);
    }
    arm(ts);
}

struct timers *timers_new(struct loop *l, void (*on_jump)(void *arg, int64_t jumped), void *arg)
{
    struct timers *ts = calloc(1, sizeof *ts);

    if (ts == NULL)
        return NULL;
    ts->on_jump = on_jump;
    ts->arg = arg;
    ts->offset = loop_wall_ms() - loop_boot_ms();
    ts->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (ts->fd >= 0)
        ts->io = loop_io_new(l, ts->fd, on_readable, ts);
    if (ts->io == NULL || !loop_io_want(ts->io, true, false)) {
        timers_free(ts);
        return NULL;
    }
    arm(ts);
    return ts;
}

void timers_free(struct timers *ts)
{
    if (ts == NULL)
        return;
    loop_io_free(ts->io);
    if (ts->fd >= 0)
        (void)close(ts->fd);
    free(ts->heap);
    free(ts);
}

bool timer_set(struct timers *ts, struct timer *t, int64_t at)
{
    timer_cancel(ts, t);
    if (ts->n + 1 >= ts->cap) {
        size_t cap = ts->cap == 0 ? 64 : ts->cap * 2;
        struct timer **heap = realloc(ts->heap, cap * sizeof *heap);

        if (heap == NULL)
            return false;
        ts->heap = heap;
        ts->cap = cap;
    }
    t->at = at;
    place(ts, ++ts->n, t);
    sift_up(ts, ts->n);
    if (t->place == 1)
        arm(ts);
    return true;
}

void timer_cancel(struct timers *ts, struct timer *t)
{
    size_t i = t->place;

    if (i == 0)
        return;
    t->place = 0;
    if (i != ts->n) {
        place(ts, i, ts->heap[ts->n--]);
        sift_up(ts, i);
        sift_down(ts, ts->heap[i]->place);
    } else {
        ts->n--;
    }
}
