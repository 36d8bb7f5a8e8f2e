/* SPDX-License-Identifier: MIT */
#include "daemon/engine/link.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define BUCKETS 64

struct request {
    struct request *next;
    uint32_t id;
    void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e);
    void *arg;
};

struct link {
    struct ipc_conn *conn;
    struct loop_io *io;
    uint32_t last_id;
    struct request *requests[BUCKETS];
    void (*on_message)(void *arg, struct ipc_msg *m);
    void (*on_closed)(void *arg, const char *why);
    void *arg;
    bool closed;
};

static struct request *take_request(struct link *k, uint32_t id)
{
    for (struct request **p = &k->requests[id % BUCKETS]; *p != NULL; p = &(*p)->next) {
        struct request *r = *p;

        if (r->id == id) {
            *p = r->next;
            return r;
        }
    }
    return NULL;
}

static void closed(struct link *k, const char *why)
{
    k->closed = true;
    (void)loop_io_want(k->io, false, false);
    k->on_closed(k->arg, why);
}

static void flush(struct link *k)
{
    if (k->closed)
        return;
    if (ipc_flush(k->conn) == IPC_RESULT_CLOSED) {
        /* What the peer said last is still to be read; the end comes from there. */
        (void)loop_io_want(k->io, true, false);
        return;
    }
    (void)loop_io_want(k->io, true, ipc_wants_write(k->conn));
}

/* The peer numbers its own requests: only the type tells them from replies. */
static bool is_reply(enum ipc_type type)
{
    switch (type) {
    case IPC_OK:
    case IPC_ERROR:
    case IPC_ACCOUNT:
    case IPC_SIGNED:
    case IPC_INSTALLED:
    case IPC_EXAMINED:
    case IPC_PONG:
    case IPC_FACTS_REPLY:
    case IPC_BOUND:
    case IPC_DEPLOYED:
    case IPC_DNS_DONE:
    case IPC_GRANTED:
    case IPC_RELOADED:
        return true;
    default:
        return false;
    }
}

static void dispatch(struct link *k, struct ipc_msg *m)
{
    struct request *r;
    struct err e;

    if (!is_reply(m->type)) {
        k->on_message(k->arg, m);
        return;
    }
    r = take_request(k, m->id);
    if (r == NULL)
        return; /* forgotten */
    if (m->type == IPC_ERROR) {
        ipc_msg_to_err(m, &e);
        r->on_reply(r->arg, NULL, &e);
    } else {
        r->on_reply(r->arg, m, NULL);
    }
    free(r);
}

static void on_ready(void *arg, bool readable, bool writable)
{
    struct link *k = arg;
    struct ipc_msg m;
    struct err e;
    enum ipc_result result;

    if (writable)
        flush(k);
    if (!readable)
        return;
    result = ipc_fill(k->conn);
    if (result == IPC_RESULT_AGAIN)
        return;
    if (result != IPC_RESULT_OK) {
        closed(k, "the connection ended");
        return;
    }
    while ((result = ipc_next(k->conn, &m, &e)) == IPC_RESULT_OK)
        dispatch(k, &m);
    if (result == IPC_RESULT_BROKEN)
        closed(k, e.text);
}

struct link *link_new(struct loop *l, int fd, void (*on_message)(void *arg, struct ipc_msg *m),
                      void (*on_closed)(void *arg, const char *why), void *arg)
{
    struct link *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    *k = (struct link){.on_message = on_message, .on_closed = on_closed, .arg = arg};
    k->conn = ipc_conn_new(fd);
    if (k->conn != NULL)
        k->io = loop_io_new(l, fd, on_ready, k);
    if (k->io == NULL || !loop_io_want(k->io, true, false)) {
        link_free(k);
        return NULL;
    }
    return k;
}

void link_free(struct link *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (k->requests[i] != NULL) {
            struct request *r = k->requests[i];

            k->requests[i] = r->next;
            free(r);
        }
    }
    loop_io_free(k->io);
    ipc_conn_free(k->conn);
    free(k);
}

static uint32_t next_id(struct link *k)
{
    if (++k->last_id == 0)
        k->last_id = 1;
    return k->last_id;
}

/* What was queued with the last id is a request. */
static uint32_t remember(struct link *k, struct request *r,
                         void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e), void *arg)
{
    *r = (struct request){
        .next = k->requests[k->last_id % BUCKETS], .id = k->last_id, .on_reply = on_reply, .arg = arg};
    k->requests[k->last_id % BUCKETS] = r;
    flush(k);
    return r->id;
}

uint32_t link_request(struct link *k,
                      void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e), void *arg,
                      enum ipc_type type, ...)
{
    struct request *r = calloc(1, sizeof *r);
    va_list ap;
    bool ok;

    if (r == NULL)
        return 0;
    va_start(ap, type);
    ok = ipc_vsend(k->conn, type, next_id(k), ap);
    va_end(ap);
    if (!ok) {
        free(r);
        return 0;
    }
    return remember(k, r, on_reply, arg);
}

uint32_t link_request_fd(struct link *k,
                         void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e), void *arg,
                         enum ipc_type type, int fd)
{
    struct request *r = calloc(1, sizeof *r);

    if (r == NULL)
        return 0;
    if (!ipc_send_fd(k->conn, type, next_id(k), fd)) {
        free(r);
        return 0;
    }
    return remember(k, r, on_reply, arg);
}

void link_forget(struct link *k, uint32_t id)
{
    if (id != 0)
        free(take_request(k, id));
}

bool link_send(struct link *k, enum ipc_type type, ...)
{
    va_list ap;
    bool ok;

    va_start(ap, type);
    ok = ipc_vsend(k->conn, type, 0, ap);
    va_end(ap);
    flush(k);
    return ok;
}

bool link_reply(struct link *k, uint32_t id, enum ipc_type type, ...)
{
    va_list ap;
    bool ok;

    va_start(ap, type);
    ok = ipc_vsend(k->conn, type, id, ap);
    va_end(ap);
    flush(k);
    return ok;
}
