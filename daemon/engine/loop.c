/* SPDX-License-Identifier: MIT */
#include "daemon/engine/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

struct loop {
    struct event_base *base;
};

struct loop_io {
    struct event *event;
    struct event_base *base;
    int fd;
    short wanted;
    void (*on_ready)(void *arg, bool readable, bool writable);
    void *arg;
};

struct loop_delay {
    struct event *event;
    void (*on_expired)(void *arg);
    void *arg;
};

struct loop *loop_new(void)
{
    struct event_config *config = event_config_new();
    struct loop *l = calloc(1, sizeof *l);

    if (l != NULL && config != NULL) {
        (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER);
        l->base = event_base_new_with_config(config);
    }
    if (config != NULL)
        event_config_free(config);
    if (l == NULL || l->base == NULL) {
        free(l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    event_base_free(l->base);
    free(l);
}

void loop_run(struct loop *l)
{
    (void)event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *l)
{
    (void)event_base_loopbreak(l->base);
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t loop_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t loop_monotonic_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t loop_boot_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct loop_io *io = arg;

    (void)fd;
    io->on_ready(io->arg, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

struct loop_io *loop_io_new(struct loop *l, int fd, void (*on_ready)(void *arg, bool readable, bool writable),
                            void *arg)
{
    struct loop_io *io = calloc(1, sizeof *io);

    if (io == NULL)
        return NULL;
    *io = (struct loop_io){.base = l->base, .fd = fd, .on_ready = on_ready, .arg = arg};
    io->event = event_new(l->base, fd, 0, on_event, io);
    if (io->event == NULL) {
        free(io);
        return NULL;
    }
    return io;
}

bool loop_io_want(struct loop_io *io, bool read, bool write)
{
    short wanted = (short)((read ? EV_READ : 0) | (write ? EV_WRITE : 0));

    if (wanted == io->wanted)
        return true;
    (void)event_del(io->event);
    io->wanted = 0;
    if (wanted == 0)
        return true;
    if (event_assign(io->event, io->base, io->fd, (short)(wanted | EV_PERSIST), on_event, io) != 0 ||
        event_add(io->event, NULL) != 0)
        return false;
    io->wanted = wanted;
    return true;
}

void loop_io_free(struct loop_io *io)
{
    if (io == NULL)
        return;
    event_free(io->event);
    free(io);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct loop_delay *d = arg;

    (void)fd;
    (void)what;
    d->on_expired(d->arg);
}

struct loop_delay *loop_delay_new(struct loop *l, void (*on_expired)(void *arg), void *arg)
{
    struct loop_delay *d = calloc(1, sizeof *d);

    if (d == NULL)
        return NULL;
    d->on_expired = on_expired;
    d->arg = arg;
    d->event = evtimer_new(l->base, on_timeout, d);
    if (d->event == NULL) {
        free(d);
        return NULL;
    }
    return d;
}

void loop_delay_start(struct loop_delay *d, int64_t ms)
{
    struct timeval tv;

    if (ms < 0)
        ms = 0;
    tv.tv_sec = (time_t)(ms / 1000);
    tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
    (void)evtimer_add(d->event, &tv);
}

void loop_delay_stop(struct loop_delay *d)
{
    (void)evtimer_del(d->event);
}

bool loop_delay_running(const struct loop_delay *d)
{
    return evtimer_pending(d->event, NULL) != 0;
}

void loop_delay_free(struct loop_delay *d)
{
    if (d == NULL)
        return;
    event_free(d->event);
    free(d);
}
