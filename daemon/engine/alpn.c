/* SPDX-License-Identifier: MIT */
#include "daemon/engine/alpn.h"

#include "daemon/log.h"
#include "lib/alpn_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One challenge that is to be answered. */
struct answer {
    struct answer *next;
    char *token;
    char server_name[ALPN_SERVER_NAME_MAX + 1];
    struct alpn_certificate *certificate; /* held */
};

struct alpn {
    struct door *door;
    struct answer *answers; /* the newest first; as many as there are challenges in flight */
};

struct visitor {
    struct guest *guest;
    struct alpn_server *tls;
    bool closing; /* what is left is to be sent, then it is over */
};

/* ---- connections ---- */

static struct alpn_certificate *find(void *arg, const char *name, size_t len)
{
    const struct alpn *a = arg;

    for (const struct answer *x = a->answers; x != NULL; x = x->next)
        if (strlen(x->server_name) == len && memcmp(x->server_name, name, len) == 0)
            return x->certificate;
    return NULL;
}

static void *welcome(void *arg, struct guest *g)
{
    struct visitor *v = calloc(1, sizeof *v);

    if (v == NULL)
        return NULL;
    v->guest = g;
    v->tls = alpn_server_new(find, arg);
    if (v->tls == NULL) {
        free(v);
        return NULL;
    }
    return v;
}

static void leave(void *state)
{
    struct visitor *v = state;

    alpn_server_free(v->tls);
    free(v);
}

static void flush(struct visitor *v)
{
    struct buf *out = alpn_server_output(v->tls);
    ssize_t n = out->len > 0 ? send(guest_fd(v->guest), out->data, out->len, MSG_NOSIGNAL) : 0;

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        guest_leave(v->guest);
        return;
    }
    if (n > 0)
        buf_consume(out, (size_t)n);
    if (out->len == 0 && v->closing)
        guest_leave(v->guest);
    else if (!guest_want(v->guest, !v->closing, out->len > 0))
        guest_leave(v->guest);
}

static void on_ready(void *state, bool readable, bool writable)
{
    struct visitor *v = state;
    char data[4096];
    ssize_t n;

    (void)writable;
    if (v->closing || !readable) {
        flush(v);
        return;
    }
    n = recv(guest_fd(v->guest), data, sizeof data, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        guest_leave(v->guest);
        return;
    }
    switch (alpn_server_feed(v->tls, data, (size_t)n)) {
    case ALPN_MORE:
        break;
    case ALPN_DONE:
        log_debug(NULL, "tls-alpn-01: answered a handshake");
        v->closing = true;
        break;
    case ALPN_REFUSED:
    case ALPN_NOMEM:
        v->closing = true;
        break;
    }
    flush(v);
}

static bool is_dispensable(const void *state)
{
    (void)state;
    return true;
}

/* ---- challenges ---- */

static void answer_free(struct answer *x)
{
    alpn_certificate_free(x->certificate);
    free(x->token);
    free(x);
}

bool alpn_add(struct alpn *a, const char *identifier, const char *token, const char *thumbprint, int64_t now,
              struct err *e)
{
    uint8_t digest[KEY_AUTHORIZATION_DIGEST];
    struct answer *x = calloc(1, sizeof *x);

    if (x != NULL)
        x->token = strdup(token);
    if (x == NULL || x->token == NULL || !key_authorization_digest(token, thumbprint, digest)) {
        if (x != NULL)
            answer_free(x);
        return err_nomem(e, "a challenge");
    }
    alpn_server_name(identifier, x->server_name);
    x->certificate = alpn_certificate_new(identifier, digest, now, e);
    if (x->certificate == NULL) {
        answer_free(x);
        return false;
    }
    x->next = a->answers;
    a->answers = x;
    return true;
}

void alpn_remove(struct alpn *a, const char *token)
{
    for (struct answer **p = &a->answers; *p != NULL; p = &(*p)->next) {
        struct answer *x = *p;

        if (strcmp(x->token, token) != 0)
            continue;
        *p = x->next;
        answer_free(x);
        return;
    }
}

struct alpn *alpn_new(struct loop *l, unsigned cap, int64_t deadline_ms)
{
    static const struct door_ops ops = {
        .welcome = welcome, .ready = on_ready, .leave = leave, .is_dispensable = is_dispensable};
    struct alpn *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->door = door_new(l, &ops, a, "tls-alpn-01", cap, deadline_ms);
    if (a->door == NULL) {
        free(a);
        return NULL;
    }
    return a;
}

void alpn_free(struct alpn *a)
{
    if (a == NULL)
        return;
    door_free(a->door);
    while (a->answers != NULL) {
        struct answer *x = a->answers;

        a->answers = x->next;
        answer_free(x);
    }
    free(a);
}

struct door *alpn_door(const struct alpn *a)
{
    return a->door;
}
