/* SPDX-License-Identifier: MIT */
#include "daemon/engine/control.h"

#include "daemon/engine/peer.h"
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS_MAX     256 /* connections at once; */
#define PEERS_RESERVE 16  /* of which these are for those who may control */
#define PEERS_EACH    60  /* and so many of the rest are for one uid that may not */
#define PAUSE_MS      500 /* of accepting, when descriptors have run out */

struct listening {
    struct listening *next;
    struct control *control;
    int fd;
    struct loop_io *io;
};

struct control {
    struct engine *engine;
    struct listening *listening;
    struct peer *peers[PEERS_MAX]; /* oldest first; owned */
    size_t n_peers;
    int64_t deadline_ms;
    struct turns *turns;
    struct backlog backlog;
    struct loop_delay *resume; /* accepting, after descriptors had run out */
};

/* ---- connections ---- */

static size_t connections_of(const struct control *c, uid_t uid)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_peers; i++)
        n += peer_uid(c->peers[i]) == uid ? 1 : 0;
    return n;
}

/* At a cap the oldest connection that waits for nothing gives way: at that of one uid one of its own, else
 * any, but none of those who may control to one who may not; the last places are for them, too. */
static bool make_room(struct control *c, const struct peer *p)
{
    bool may_control = peer_may_control(p);
    bool own = !may_control && connections_of(c, peer_uid(p)) >= PEERS_EACH;

    if (!own && (c->n_peers < PEERS_MAX - PEERS_RESERVE || (may_control && c->n_peers < PEERS_MAX)))
        return true;
    for (size_t i = 0; i < c->n_peers; i++) {
        struct peer *oldest = c->peers[i];

        if (peer_is_idle(oldest) && (may_control || !peer_may_control(oldest)) &&
            (!own || peer_uid(oldest) == peer_uid(p))) {
            peer_free(oldest);
            return true;
        }
    }
    return false;
}

static void on_gone(void *arg, const struct peer *p)
{
    struct control *c = arg;

    for (size_t i = 0; i < c->n_peers; i++) {
        if (c->peers[i] == p) {
            memmove(&c->peers[i], &c->peers[i + 1], (--c->n_peers - i) * sizeof(struct peer *));
            return;
        }
    }
}

static void welcome(struct control *c, int fd)
{
    struct peer *p = peer_new(c->engine, c->turns, &c->backlog, fd, c->deadline_ms, on_gone, c);

    if (p == NULL)
        return;
    if (make_room(c, p))
        c->peers[c->n_peers++] = p;
    else
        peer_free(p);
}

static void on_listening(void *arg, bool readable, bool writable)
{
    struct listening *l = arg;
    int fd;

    (void)readable;
    (void)writable;
    fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        welcome(l->control, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_warning(NULL, "the control socket cannot accept a connection: %s; it pauses for %d ms",
                    strerror(errno), PAUSE_MS);
        (void)loop_io_want(l->io, false, false);
        loop_delay_start(l->control->resume, PAUSE_MS);
    }
}

void control_start(struct control *c)
{
    for (struct listening *l = c->listening; l != NULL && !c->engine->stopping; l = l->next)
        (void)loop_io_want(l->io, true, false);
}

static void on_resume(void *arg)
{
    control_start(arg);
}

bool control_listen(struct control *c, int fd)
{
    struct listening *l = calloc(1, sizeof *l);

    if (l != NULL) {
        *l = (struct listening){.next = c->listening, .control = c, .fd = fd};
        l->io = loop_io_new(c->engine->loop, fd, on_listening, l);
    }
    if (l == NULL || l->io == NULL || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
        !loop_io_want(l->io, c->engine->serving, false)) {
        if (l != NULL)
            loop_io_free(l->io);
        free(l);
        (void)close(fd);
        return false;
    }
    c->listening = l;
    return true;
}

struct control *control_new(struct engine *g, int64_t deadline_ms)
{
    struct control *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->engine = g;
    c->deadline_ms = deadline_ms;
    backlog_init(&c->backlog, BACKLOG_MAX);
    c->turns = turns_new(g->loop);
    c->resume = loop_delay_new(g->loop, on_resume, c);
    if (c->turns == NULL || c->resume == NULL) {
        control_free(c);
        return NULL;
    }
    return c;
}

void control_stop(struct control *c)
{
    for (struct listening *l = c->listening; l != NULL; l = l->next)
        (void)loop_io_want(l->io, false, false);
    for (size_t i = 0; i < c->n_peers; i++)
        peer_stop(c->peers[i]);
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    while (c->n_peers > 0)
        peer_free(c->peers[0]);
    while (c->listening != NULL) {
        struct listening *l = c->listening;

        c->listening = l->next;
        loop_io_free(l->io);
        (void)close(l->fd);
        free(l);
    }
    turns_free(c->turns);
    loop_delay_free(c->resume);
    free(c);
}
