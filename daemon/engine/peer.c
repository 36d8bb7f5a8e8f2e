/* SPDX-License-Identifier: MIT */
#include "daemon/engine/peer.h"

#include "daemon/engine/identity.h"
#include "daemon/engine/methods.h"
#include "daemon/log.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAINED (64 * 1024)

struct peer {
    struct engine *engine;
    int fd;
    struct loop_io *io;
    int64_t deadline_ms;
    struct loop_delay *deadline;
    struct loop_delay *soon; /* the next request, or the end, in a turn of its own */
    struct turns *turns;     /* the control socket's */
    struct turn turn;        /* for the request in `in` */
    struct identity who;
    struct backlog *backlog;      /* the control socket's */
    struct backlog_entry waiting; /* what is in `out` */
    struct buf in;
    struct buf out;
    bool held;    /* the call in `in`, or under way, is still unread on the connection: for the supervisor */
    bool holding; /* it is the one under way */
    uint32_t grant;
    void (*on_grant)(void *arg, uint64_t generation, const struct err *e);
    bool broken;  /* to be closed as soon as the loop has its turn */
    bool closing; /* to be closed when out is sent */
    bool calling; /* a call is being answered */
    bool more;
    bool oneway;
    void (*on_drained)(void *arg);
    void (*on_end)(void *arg);
    void *arg;
    void (*on_gone)(void *arg, const struct peer *p);
    void *gone_arg;
};

struct engine *peer_engine(const struct peer *p)
{
    return p->engine;
}

bool peer_wants_more(const struct peer *p)
{
    return p->more;
}

bool peer_may_control(const struct peer *p)
{
    return p->who.may_control;
}

const char *peer_name(const struct peer *p)
{
    return p->who.name;
}

bool peer_is_drained(const struct peer *p)
{
    return !p->broken && p->out.len < DRAINED;
}

uid_t peer_uid(const struct peer *p)
{
    return p->who.uid;
}

bool peer_is_idle(const struct peer *p)
{
    return !p->calling && !p->turn.waiting && p->out.len == 0 && !p->broken;
}

/* ---- the end of a call, and of a peer ---- */

static void end_call(struct peer *p)
{
    void (*on_end)(void *arg) = p->on_end;

    p->calling = false;
    link_forget(p->engine->supervisor, p->grant);
    p->grant = 0;
    if (p->holding && p->held) /* how much of it was read nobody knows */
        p->closing = true;
    p->holding = false;
    p->on_end = NULL;
    p->on_drained = NULL;
    if (on_end != NULL)
        on_end(p->arg);
}

void peer_free(struct peer *p)
{
    end_call(p);
    turn_cancel(p->turns, &p->turn);
    backlog_remove(p->backlog, &p->waiting);
    p->on_gone(p->gone_arg, p);
    loop_io_free(p->io);
    loop_delay_free(p->deadline);
    loop_delay_free(p->soon);
    (void)close(p->fd);
    buf_clear(&p->in);
    buf_clear(&p->out);
    free(p);
}

/* Peers are never freed within a method or a feed's message, only in a turn of their own. */
static void break_off(struct peer *p)
{
    p->broken = true;
    loop_delay_start(p->soon, 0);
}

static void update(struct peer *p)
{
    bool unfinished = p->out.len > 0 || (!p->calling && !p->turn.waiting && p->in.len > 0);
    bool reads = !p->closing && !p->held && !p->turn.waiting && p->in.len < VARLINK_REQUEST_MAX + 1;

    if (p->broken)
        return;
    (void)loop_io_want(p->io, reads, p->out.len > 0);
    if (!unfinished)
        loop_delay_stop(p->deadline);
    else if (!loop_delay_running(p->deadline))
        loop_delay_start(p->deadline, p->deadline_ms);
}

/* Too much waits for all clients together, and this one does not read. */
static void on_over(void *arg, int64_t waits_ms, size_t size)
{
    struct peer *p = arg;

    log_info(NULL,
             "control socket: %s, pid %d, has not read the whole of its answer in %lld s; its connection is "
             "closed, to "
             "have room for others (%zu KiB were kept for it)",
             p->who.name, (int)p->who.pid, (long long)(waits_ms / 1000), size / 1024);
    buf_clear(&p->out);
    break_off(p);
}

static void flush(struct peer *p)
{
    ssize_t n;

    if (p->out.len == 0 || p->broken)
        return;
    n = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        break_off(p);
        return;
    }
    if (n > 0) {
        buf_consume(&p->out, (size_t)n);
        loop_delay_stop(p->deadline); /* it takes what it gets: the time begins anew */
    }
    if (p->out.len == 0)
        buf_clear(&p->out); /* who has read all and stays keeps no memory */
    backlog_set(p->backlog, &p->waiting, p->out.cap, loop_monotonic_ms());
    if (p->out.len == 0 && p->closing)
        break_off(p);
}

static void queue_message(struct peer *p, char *text)
{
    if (text == NULL || p->oneway || p->broken) {
        if (text == NULL)
            break_off(p);
        free(text);
        return;
    }
    if (!buf_add(&p->out, text, strlen(text) + 1)) /* it never drains: bounded, dropped */
        break_off(p);
    free(text);
    flush(p);
    update(p);
}

void peer_error(struct peer *p, const char *error, json_t *parameters)
{
    queue_message(p, varlink_error(error, parameters));
    end_call(p);
    loop_delay_start(p->soon, 0);
}

void peer_reply(struct peer *p, json_t *parameters, bool continues)
{
    char *text = varlink_reply(parameters, continues);

    if (text != NULL && strlen(text) > VARLINK_REPLY_MAX) {
        free(text);
        peer_error(p, VARLINK_EXPECTED_MORE, NULL);
        return;
    }
    queue_message(p, text);
    if (!continues) {
        end_call(p);
        loop_delay_start(p->soon, 0);
    }
}

void peer_continue(struct peer *p, void (*on_drained)(void *arg), void (*on_end)(void *arg), void *arg)
{
    p->on_drained = on_drained;
    p->on_end = on_end;
    p->arg = arg;
}

/* ---- grants ---- */

static void on_granted(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct peer *p = arg;
    void (*on_grant)(void *arg, uint64_t generation, const struct err *e) = p->on_grant;
    struct err own;

    p->grant = 0;
    if (m != NULL && m->type != IPC_GRANTED) {
        err_set(&own, ERR_CLASS_INTERNAL, "the supervisor answered with \"%s\"", ipc_type_to_str(m->type));
        m = NULL;
        e = &own;
    }
    if (m != NULL)
        p->held = false;
    on_grant(p->arg, m != NULL ? m->field[0].u : 0, e);
    update(p);
}

bool peer_grant(struct peer *p, void (*on_grant)(void *arg, uint64_t generation, const struct err *e))
{
    if (!p->holding || !p->held)
        return false;
    p->on_grant = on_grant;
    p->grant = link_request_fd(p->engine->supervisor, on_granted, p, IPC_GRANT, p->fd);
    return p->grant != 0;
}

/* ---- calls ---- */

static bool is_allowed(struct peer *p, const struct varlink_call *call, const struct varlink_method *m)
{
    if (m->privilege == VARLINK_READ || p->who.may_control)
        return true;
    log_warning(
        NULL,
        "control socket: %s of %s was refused: only root, acmed's own user and members of control_group "
        "may do that",
        call->method, p->who.name);
    peer_error(p, VARLINK_PERMISSION_DENIED, NULL);
    return false;
}

static void start_call(struct peer *p, const struct varlink_call *call)
{
    const struct varlink_method *m = varlink_find_method(call->method);

    p->calling = true;
    p->holding = p->held;
    p->more = call->more;
    p->oneway = call->oneway;
    if (m == NULL && varlink_has_interface(call->method)) {
        peer_error(p, VARLINK_METHOD_NOT_FOUND, json_pack("{ss}", "method", call->method));
    } else if (m == NULL) {
        const char *dot = strrchr(call->method, '.');

        peer_error(
            p, VARLINK_INTERFACE_NOT_FOUND,
            json_pack("{ss%}", "interface", call->method, (size_t)(dot != NULL ? dot - call->method : 0)));
    } else if (is_allowed(p, call, m)) {
        if (m->more_required && !call->more)
            peer_error(p, VARLINK_EXPECTED_MORE, NULL);
        else if (p->engine->stopping)
            peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        else
            method_call(p, m->id, call->parameters);
    }
}

/* The next request, if one is there whole and none is being answered, when it is its turn. */
static void next_call(struct peer *p)
{
    if (p->calling || p->closing || p->broken || p->in.len == 0)
        return;
    if (memchr(p->in.data, '\0', p->in.len) != NULL || p->in.len > VARLINK_REQUEST_MAX)
        turn_wait(p->turns, &p->turn);
}

static void take_call(struct peer *p)
{
    char *end = memchr(p->in.data, '\0', p->in.len);
    size_t len = end != NULL ? (size_t)(end - p->in.data) : p->in.len;
    struct varlink_call call;
    struct err e;

    if (end == NULL || !varlink_call_parse(&call, p->in.data, len, &e)) {
        log_debug(NULL, "control socket: %s sent what is no request: %s", p->who.name,
                  end == NULL ? "too long" : e.text);
        break_off(p);
        return;
    }
    buf_consume(&p->in, len + 1);
    start_call(p, &call);
    varlink_call_clear(&call);
}

static void on_turn(void *arg)
{
    struct peer *p = arg;

    if (!p->broken && !p->closing)
        take_call(p);
    update(p);
}

static void on_soon(void *arg)
{
    struct peer *p = arg;

    if (p->broken || (p->closing && p->out.len == 0)) {
        peer_free(p);
        return;
    }
    next_call(p);
    update(p);
}

static void on_deadline(void *arg)
{
    peer_free(arg);
}

/* The method of a call that only a grant allows. */
static bool needs_grant(const char *text, size_t len)
{
    const struct varlink_method *m;
    struct varlink_call call;
    bool needs;

    if (!varlink_call_parse(&call, text, len, NULL))
        return false;
    m = varlink_find_method(call.method);
    needs = m != NULL && m->privilege == VARLINK_GRANT;
    varlink_call_clear(&call);
    return needs;
}

/* One call at a time: one that needs a grant is looked at, and left on the connection for the supervisor to
 * read. */
static void read_more(struct peer *p)
{
    size_t size = VARLINK_REQUEST_MAX + 1 - p->in.len;
    char *room = buf_reserve(&p->in, size);
    ssize_t n = room != NULL ? recv(p->fd, room, size, MSG_PEEK) : 0;
    const char *end;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        break_off(p);
        return;
    }
    end = memchr(room, '\0', (size_t)n);
    if (end != NULL)
        n = end - room + 1;
    p->held = end != NULL && p->in.len == 0 && p->who.may_control && needs_grant(room, (size_t)n - 1);
    if (!p->held && recv(p->fd, room, (size_t)n, 0) != n) {
        break_off(p);
        return;
    }
    buf_grew(&p->in, (size_t)n);
    next_call(p);
}

static void on_peer(void *arg, bool readable, bool writable)
{
    struct peer *p = arg;

    if (p->broken)
        return;
    if (writable) {
        flush(p);
        if (!p->broken && peer_is_drained(p) && p->on_drained != NULL)
            p->on_drained(p->arg);
    }
    if (readable && !p->broken)
        read_more(p);
    update(p);
}

/* ---- its life ---- */

struct peer *peer_new(struct engine *g, struct turns *turns, struct backlog *backlog, int fd,
                      int64_t deadline_ms, void (*on_gone)(void *arg, const struct peer *p), void *arg)
{
    struct peer *p = calloc(1, sizeof *p);

    if (p == NULL) {
        (void)close(fd);
        return NULL;
    }
    *p =
        (struct peer){.engine = g, .fd = fd, .deadline_ms = deadline_ms, .on_gone = on_gone, .gone_arg = arg};
    p->turns = turns;
    p->backlog = backlog;
    p->turn = (struct turn){.on_turn = on_turn, .arg = p};
    buf_init(&p->in, VARLINK_REQUEST_MAX + 1);
    buf_init(&p->out, VARLINK_REPLY_MAX + 1024 * 1024);
    p->io = loop_io_new(g->loop, fd, on_peer, p);
    p->deadline = loop_delay_new(g->loop, on_deadline, p);
    p->soon = loop_delay_new(g->loop, on_soon, p);
    if (p->io == NULL || p->deadline == NULL || p->soon == NULL || !identity_of(&p->who, g, fd)) {
        peer_free(p);
        return NULL;
    }
    p->turn.first = p->waiting.may_control = p->who.may_control;
    p->waiting.on_over = on_over;
    p->waiting.arg = p;
    update(p);
    return p;
}

void peer_stop(struct peer *p)
{
    if (p->turn.waiting)
        p->oneway = false; /* that was the call before */
    if (p->calling || p->turn.waiting)
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
    turn_cancel(p->turns, &p->turn);
    p->closing = true;
}
