/* SPDX-License-Identifier: MIT */
#include "daemon/engine/responder.h"

#include "daemon/engine/http_request.h"
#include "daemon/log.h"
#include "lib/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_BATCH    64
#define ACCEPT_PAUSE_MS 500
#define REPLY_MAX       4096
#define CHALLENGE_PATH  "/.well-known/acme-challenge/"

struct visitor {
    struct visitor *prev; /* in order of arrival, which is the order of deadlines */
    struct visitor *next;
    struct responder *responder;
    int fd;
    struct loop_io *io;
    int64_t deadline; /* monotonic ms */
    struct buf in;
    struct buf out;
    bool answered; /* the request is complete (or refused); out is being written */
    bool linger;   /* refused: what else the client sends is read away, so that it gets to see the answer */
};

struct listener {
    struct listener *next;
    struct responder *responder;
    int fd;
    struct loop_io *io;
    char *address;
    bool on_demand;
};

struct responder {
    struct loop *loop;
    const struct challenges *challenges;
    enum http_other other;
    unsigned cap;
    int64_t deadline_ms;
    bool (*is_live)(void *arg, const char *host);
    void *arg;
    struct listener *listeners;
    struct visitor *first;
    struct visitor *last;
    unsigned n_visitors;
    struct loop_delay *reaper;
    struct loop_delay *resume; /* accepting, after descriptors had run out */
};

static void visitor_unlink(struct visitor *v)
{
    struct responder *r = v->responder;

    *(v == r->first ? &r->first : &v->prev->next) = v->next;
    *(v == r->last ? &r->last : &v->next->prev) = v->prev;
    r->n_visitors--;
    if (r->first == NULL) /* nobody there: nothing ticks */
        loop_delay_stop(r->reaper);
}

static void visitor_free(struct visitor *v)
{
    visitor_unlink(v);
    loop_io_free(v->io);
    (void)close(v->fd);
    buf_clear(&v->in);
    buf_clear(&v->out);
    free(v);
}

/* ---- answers ---- */

static void answer(struct visitor *v, const char *status, const char *extra, const char *body, bool head)
{
    (void)buf_addf(&v->out,
                   "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n"
                   "Cache-Control: no-store\r\n%sContent-Length: %zu\r\n\r\n%s",
                   status, extra, strlen(body), head ? "" : body);
    v->answered = true;
}

static void refuse(struct visitor *v, enum http_request_result why)
{
    const char *status = why == HTTP_REQUEST_METHOD      ? "405 Method Not Allowed"
                         : why == HTTP_REQUEST_TOO_LARGE ? "431 Request Header Fields Too Large"
                                                         : "400 Bad Request";

    v->linger = true;
    answer(v, status, why == HTTP_REQUEST_METHOD ? "Allow: GET, HEAD\r\n" : "", "", false);
}

/* A path that every server reads in the same way; nothing else is worth a redirect. */
static bool is_plain_path(const char *target)
{
    return target[0] == '/' && strstr(target, "//") == NULL && strstr(target, "..") == NULL &&
           strcasestr(target, "%2e") == NULL && strpbrk(target, "\\<>\"'") == NULL;
}

static void answer_other(struct visitor *v, const struct http_request *q)
{
    struct responder *r = v->responder;
    char location[HTTP_REQUEST_MAX];
    bool v6;

    if (r->other != HTTP_OTHER_REDIRECT || !is_plain_path(q->target) || strlen(q->target) > REPLY_MAX / 2 ||
        q->host[0] == '\0' || !r->is_live(r->arg, q->host)) {
        answer(v, "404 Not Found", "", "", q->head);
        return;
    }
    v6 = strchr(q->host, ':') != NULL;
    (void)snprintf(location, sizeof location, "Location: https://%s%s%s%s\r\n", v6 ? "[" : "", q->host,
                   v6 ? "]" : "", q->target);
    answer(v, "302 Found", location, "", q->head);
}

static void answer_request(struct visitor *v, const struct http_request *q)
{
    size_t n = strlen(CHALLENGE_PATH);
    const char *key_authorization;

    if (strncmp(q->target, CHALLENGE_PATH, n) != 0) {
        answer_other(v, q);
        return;
    }
    key_authorization = challenge_find(v->responder->challenges, q->target + n, strlen(q->target + n));
    if (key_authorization == NULL) {
        answer(v, "404 Not Found", "", "", q->head);
        return;
    }
    log_debug(NULL, "http-01: answered a request for a token of host %s", q->host);
    answer(v, "200 OK", "", key_authorization, q->head);
}

/* ---- connections ---- */

/* False: the visitor is gone. */
static bool write_answer(struct visitor *v)
{
    ssize_t n = send(v->fd, v->out.data, v->out.len, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        visitor_free(v);
        return false;
    }
    if (n > 0)
        buf_consume(&v->out, (size_t)n);
    if (v->out.len > 0)
        return loop_io_want(v->io, false, true);
    if (!v->linger) {
        visitor_free(v);
        return false;
    }
    (void)shutdown(v->fd, SHUT_WR);
    return loop_io_want(v->io, true, false);
}

/* Reads away what a refused client still sends; false: the visitor is gone. */
static bool drain(struct visitor *v)
{
    char waste[4096];
    ssize_t n = recv(v->fd, waste, sizeof waste, 0);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return true;
    visitor_free(v);
    return false;
}

static void read_request(struct visitor *v)
{
    struct http_request q;
    enum http_request_result result;
    size_t room = HTTP_REQUEST_MAX - v->in.len;
    char *p = buf_reserve(&v->in, room < 1024 ? room : 1024);
    ssize_t n = p != NULL ? recv(v->fd, p, room < 1024 ? room : 1024, 0) : 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        visitor_free(v);
        return;
    }
    buf_grew(&v->in, (size_t)n);
    result = http_request_parse(&q, v->in.data, v->in.len);
    if (result == HTTP_REQUEST_INCOMPLETE)
        return;
    if (result == HTTP_REQUEST_COMPLETE)
        answer_request(v, &q);
    else
        refuse(v, result);
    buf_clear(&v->in);
    (void)write_answer(v);
}

static void on_visitor(void *arg, bool readable, bool writable)
{
    struct visitor *v = arg;

    (void)readable;
    if (!v->answered)
        read_request(v);
    else if (writable)
        (void)write_answer(v);
    else
        (void)drain(v);
}

static void arm_reaper(struct responder *r)
{
    if (r->first != NULL)
        loop_delay_start(r->reaper, r->first->deadline - loop_monotonic_ms());
}

static void on_reaper(void *arg)
{
    struct responder *r = arg;

    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
    while (r->first != NULL && r->first->deadline <= loop_monotonic_ms())
        visitor_free(r->first);
    arm_reaper(r);
}

/* At the cap the oldest that has not even sent its request gives way, or one that only lingers. */
static bool make_room(struct responder *r)
{
    struct visitor *v = r->first;

    if (r->n_visitors < r->cap)
        return true;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
    while (v != NULL && v->answered && !v->linger)
        v = v->next;
    if (v == NULL)
        return false;
    visitor_free(v);
    return true;
}

static void welcome(struct responder *r, int fd)
{
    struct visitor *v = make_room(r) ? calloc(1, sizeof *v) : NULL;

    if (v == NULL) {
        (void)close(fd);
        return;
    }
    *v = (struct visitor){
        .responder = r, .fd = fd, .prev = r->last, .deadline = loop_monotonic_ms() + r->deadline_ms};
    buf_init(&v->in, HTTP_REQUEST_MAX);
    buf_init(&v->out, REPLY_MAX);
    *(r->last != NULL ? &r->last->next : &r->first) = v;
    r->last = v;
    r->n_visitors++;
    v->io = loop_io_new(r->loop, fd, on_visitor, v);
    if (v->io == NULL || !loop_io_want(v->io, true, false)) {
        visitor_free(v);
        return;
    }
    if (r->first == v)
        arm_reaper(r);
    read_request(v); /* it is often there already */
}

static void want_accept(struct responder *r, bool want)
{
    for (struct listener *l = r->listeners; l != NULL; l = l->next)
        (void)loop_io_want(l->io, want, false);
}

static void on_resume(void *arg)
{
    want_accept(arg, true);
}

static void on_listener(void *arg, bool readable, bool writable)
{
    struct listener *l = arg;
    struct responder *r = l->responder;

    (void)readable;
    (void)writable;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            welcome(r, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warning(NULL, "the responder cannot accept a connection: %s; it pauses for %d ms",
                        strerror(errno), ACCEPT_PAUSE_MS);
            want_accept(r, false);
            loop_delay_start(r->resume, ACCEPT_PAUSE_MS);
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

bool responder_listen(struct responder *r, int fd, const char *address, bool on_demand)
{
    struct listener *l = calloc(1, sizeof *l);

    if (l != NULL) {
        *l = (struct listener){.responder = r, .fd = fd, .on_demand = on_demand, .next = r->listeners};
        l->address = strdup(address);
        l->io = loop_io_new(r->loop, fd, on_listener, l);
    }
    if (l == NULL || l->address == NULL || l->io == NULL ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 || !loop_io_want(l->io, true, false)) {
        if (l != NULL)
            listener_free(l);
        else
            (void)close(fd);
        return false;
    }
    r->listeners = l;
    return true;
}

void responder_drop_on_demand(struct responder *r)
{
    struct listener **p = &r->listeners;

    while (*p != NULL) {
        struct listener *l = *p;

        if (!l->on_demand) {
            p = &l->next;
            continue;
        }
        *p = l->next;
        log_info(NULL, "http-01: no challenge is pending, %s is released", l->address);
        listener_free(l);
    }
}

size_t responder_listeners(const struct responder *r)
{
    size_t n = 0;

    for (const struct listener *l = r->listeners; l != NULL; l = l->next)
        n++;
    return n;
}

struct responder *responder_new(struct loop *l, const struct challenges *challenges, enum http_other other,
                                unsigned cap, int64_t deadline_ms,
                                bool (*is_live)(void *arg, const char *host), void *arg)
{
    struct responder *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    *r = (struct responder){.loop = l,
                            .challenges = challenges,
                            .other = other,
                            .cap = cap,
                            .deadline_ms = deadline_ms,
                            .is_live = is_live,
                            .arg = arg};
    r->reaper = loop_delay_new(l, on_reaper, r);
    r->resume = loop_delay_new(l, on_resume, r);
    if (r->reaper == NULL || r->resume == NULL) {
        responder_free(r);
        return NULL;
    }
    return r;
}

void responder_free(struct responder *r)
{
    if (r == NULL)
        return;
    while (r->first != NULL)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
        visitor_free(r->first);
    while (r->listeners != NULL) {
        struct listener *l = r->listeners;

        r->listeners = l->next;
        listener_free(l);
    }
    loop_delay_free(r->reaper);
    loop_delay_free(r->resume);
    free(r);
}
