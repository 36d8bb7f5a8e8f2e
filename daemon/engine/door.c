/* SPDX-License-Identifier: MIT */
#include "daemon/engine/door.h"

#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_BATCH    64
#define ACCEPT_PAUSE_MS 500

struct guest {
    struct guest *prev; /* in order of arrival, which is the order of deadlines */
    struct guest *next;
    struct door *door;
    int fd;
    struct loop_io *io;
    int64_t deadline; /* monotonic ms */
    void *state;      /* the protocol's */
};

struct listener {
    struct listener *next;
    struct door *door;
    int fd;
    struct loop_io *io;
    char *address;
    bool on_demand;
};

struct door {
    struct loop *loop;
    const struct door_ops *ops;
    void *arg;
    const char *name;
    unsigned cap;
    int64_t deadline_ms;
    struct listener *listeners;
    struct guest *first;
    struct guest *last;
    unsigned n_guests;
    struct loop_delay *reaper;
    struct loop_delay *resume; /* accepting, after descriptors had run out */
};

const char *door_name(const struct door *d)
{
    return d->name;
}

/* ---- guests ---- */

static void unlink_guest(struct guest *g)
{
    struct door *d = g->door;

    *(g == d->first ? &d->first : &g->prev->next) = g->next;
    *(g == d->last ? &d->last : &g->next->prev) = g->prev;
    d->n_guests--;
    if (d->first == NULL) /* nobody there: nothing ticks */
        loop_delay_stop(d->reaper);
}

void guest_leave(struct guest *g)
{
    unlink_guest(g);
    if (g->state != NULL)
        g->door->ops->leave(g->state);
    loop_io_free(g->io);
    (void)close(g->fd);
    free(g);
}

int guest_fd(const struct guest *g)
{
    return g->fd;
}

bool guest_want(struct guest *g, bool read, bool write)
{
    return loop_io_want(g->io, read, write);
}

static void on_guest(void *arg, bool readable, bool writable)
{
    struct guest *g = arg;

    g->door->ops->ready(g->state, readable, writable);
}

static void arm_reaper(struct door *d)
{
    if (d->first != NULL)
        loop_delay_start(d->reaper, d->first->deadline - loop_monotonic_ms());
}

static void on_reaper(void *arg)
{
    struct door *d = arg;

    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
    while (d->first != NULL && d->first->deadline <= loop_monotonic_ms())
        guest_leave(d->first);
    arm_reaper(d);
}

/* At the cap the oldest that the protocol can do without gives way. */
static bool make_room(struct door *d)
{
    struct guest *g = d->first;

    if (d->n_guests < d->cap)
        return true;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
    while (g != NULL && !d->ops->is_dispensable(g->state))
        g = g->next;
    if (g == NULL)
        return false;
    guest_leave(g);
    return true;
}

static void welcome(struct door *d, int fd)
{
    struct guest *g = make_room(d) ? calloc(1, sizeof *g) : NULL;

    if (g == NULL) {
        (void)close(fd);
        return;
    }
    *g = (struct guest){
        .door = d, .fd = fd, .prev = d->last, .deadline = loop_monotonic_ms() + d->deadline_ms};
    *(d->last != NULL ? &d->last->next : &d->first) = g;
    d->last = g;
    d->n_guests++;
    g->io = loop_io_new(d->loop, fd, on_guest, g);
    g->state = g->io != NULL && loop_io_want(g->io, true, false) ? d->ops->welcome(d->arg, g) : NULL;
    if (g->state == NULL) {
        guest_leave(g);
        return;
    }
    if (d->first == g)
        arm_reaper(d);
    d->ops->ready(g->state, true, false); /* what it says is often there already */
}

static void want_accept(struct door *d, bool want)
{
    for (struct listener *l = d->listeners; l != NULL; l = l->next)
        (void)loop_io_want(l->io, want, false);
}

static void on_resume(void *arg)
{
    want_accept(arg, true);
}

static void on_listener(void *arg, bool readable, bool writable)
{
    struct listener *l = arg;
    struct door *d = l->door;

    (void)readable;
    (void)writable;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            welcome(d, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warning(NULL, "the %s responder cannot accept a connection: %s; it pauses for %d ms", d->name,
                        strerror(errno), ACCEPT_PAUSE_MS);
            want_accept(d, false);
            loop_delay_start(d->resume, ACCEPT_PAUSE_MS);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

/* ---- listeners ---- */

static void listener_free(struct listener *l)
{
    loop_io_free(l->io);
    (void)close(l->fd);
    free(l->address);
    free(l);
}

bool door_listen(struct door *d, int fd, const char *address, bool on_demand)
{
    struct listener *l = calloc(1, sizeof *l);

    if (l != NULL) {
        *l = (struct listener){.door = d, .fd = fd, .on_demand = on_demand, .next = d->listeners};
        l->address = strdup(address);
        l->io = loop_io_new(d->loop, fd, on_listener, l);
    }
    if (l == NULL || l->address == NULL || l->io == NULL ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 || !loop_io_want(l->io, true, false)) {
        if (l != NULL)
            listener_free(l);
        else
            (void)close(fd);
        return false;
    }
    d->listeners = l;
    return true;
}

void door_drop_on_demand(struct door *d)
{
    struct listener **p = &d->listeners;

    while (*p != NULL) {
        struct listener *l = *p;

        if (!l->on_demand) {
            p = &l->next;
            continue;
        }
        *p = l->next;
        log_info(NULL, "%s: no challenge is pending, %s is released", d->name, l->address);
        listener_free(l);
    }
}

size_t door_listeners(const struct door *d)
{
    size_t n = 0;

    for (const struct listener *l = d->listeners; l != NULL; l = l->next)
        n++;
    return n;
}

struct door *door_new(struct loop *l, const struct door_ops *ops, void *arg, const char *name, unsigned cap,
                      int64_t deadline_ms)
{
    struct door *d = calloc(1, sizeof *d);

    if (d == NULL)
        return NULL;
    *d = (struct door){
        .loop = l, .ops = ops, .arg = arg, .name = name, .cap = cap, .deadline_ms = deadline_ms};
    d->reaper = loop_delay_new(l, on_reaper, d);
    d->resume = loop_delay_new(l, on_resume, d);
    if (d->reaper == NULL || d->resume == NULL) {
        door_free(d);
        return NULL;
    }
    return d;
}

void door_free(struct door *d)
{
    if (d == NULL)
        return;
    while (d->first != NULL)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
        guest_leave(d->first);
    while (d->listeners != NULL) {
        struct listener *l = d->listeners;

        d->listeners = l->next;
        listener_free(l);
    }
    loop_delay_free(d->reaper);
    loop_delay_free(d->resume);
    free(d);
}
