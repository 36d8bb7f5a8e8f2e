/* SPDX-License-Identifier: MIT */
#include "daemon/engine/responder.h"

#include "daemon/engine/http_request.h"
#include "daemon/log.h"
#include "lib/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REPLY_MAX      4096
#define CHALLENGE_PATH "/.well-known/acme-challenge/"

struct visitor {
    struct responder *responder;
    struct guest *guest;
    struct buf in;
    struct buf out;
    bool answered; /* the request is complete (or refused); out is being written */
    bool linger;   /* refused: what else the client sends is read away, so that it gets to see the answer */
};

struct responder {
    const struct challenges *challenges;
    enum http_other other;
    bool (*is_live)(void *arg, const char *host);
    void *arg;
    struct door *door;
};

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
    ssize_t n = send(guest_fd(v->guest), v->out.data, v->out.len, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        guest_leave(v->guest);
        return false;
    }
    if (n > 0)
        buf_consume(&v->out, (size_t)n);
    if (v->out.len > 0)
        return guest_want(v->guest, false, true);
    if (!v->linger) {
        guest_leave(v->guest);
        return false;
    }
    (void)shutdown(guest_fd(v->guest), SHUT_WR);
    return guest_want(v->guest, true, false);
}

/* Reads away what a refused client still sends; false: the visitor is gone. */
static bool drain(struct visitor *v)
{
    char waste[4096];
    ssize_t n = recv(guest_fd(v->guest), waste, sizeof waste, 0);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return true;
    guest_leave(v->guest);
    return false;
}

static void read_request(struct visitor *v)
{
    struct http_request q;
    enum http_request_result result;
    size_t room = HTTP_REQUEST_MAX - v->in.len;
    char *p = buf_reserve(&v->in, room < 1024 ? room : 1024);
    ssize_t n = p != NULL ? recv(guest_fd(v->guest), p, room < 1024 ? room : 1024, 0) : 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        guest_leave(v->guest);
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

static void on_ready(void *state, bool readable, bool writable)
{
    struct visitor *v = state;

    (void)readable;
    if (!v->answered)
        read_request(v);
    else if (writable)
        (void)write_answer(v);
    else
        (void)drain(v);
}

static void *welcome(void *arg, struct guest *g)
{
    struct visitor *v = calloc(1, sizeof *v);

    if (v == NULL)
        return NULL;
    *v = (struct visitor){.responder = arg, .guest = g};
    buf_init(&v->in, HTTP_REQUEST_MAX);
    buf_init(&v->out, REPLY_MAX);
    return v;
}

static void leave(void *state)
{
    struct visitor *v = state;

    buf_clear(&v->in);
    buf_clear(&v->out);
    free(v);
}

/* It has not even sent its request, or only lingers. */
static bool is_dispensable(const void *state)
{
    const struct visitor *v = state;

    return !v->answered || v->linger;
}

static const struct door_ops ops = {
    .welcome = welcome, .ready = on_ready, .leave = leave, .is_dispensable = is_dispensable};

struct responder *responder_new(struct loop *l, const struct challenges *challenges, enum http_other other,
                                unsigned cap, int64_t deadline_ms,
                                bool (*is_live)(void *arg, const char *host), void *arg)
{
    struct responder *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    *r = (struct responder){.challenges = challenges, .other = other, .is_live = is_live, .arg = arg};
    r->door = door_new(l, &ops, r, "http-01", cap, deadline_ms);
    if (r->door == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

void responder_free(struct responder *r)
{
    if (r == NULL)
        return;
    door_free(r->door);
    free(r);
}

struct door *responder_door(const struct responder *r)
{
    return r->door;
}
