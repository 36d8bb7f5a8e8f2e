/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/wire.h"

#include <stdlib.h>
#include <unistd.h>

struct wire {
    struct ipc_conn *conn; /* owned */
    struct event *readable;
    struct event *writable;
    const struct wire_ops *ops;
    void *arg;
    bool busy;   /* a callback runs */
    bool closed; /* on_closed was called */
    bool doomed; /* wire_free() came from within a callback */
};

static void destroy(struct wire *w)
{
    if (w->readable != NULL)
        event_free(w->readable);
    if (w->writable != NULL)
        event_free(w->writable);
    ipc_conn_free(w->conn);
    free(w);
}

static void report_closed(struct wire *w, const char *why)
{
    if (w->closed || w->doomed)
        return;
    w->closed = true;
    (void)event_del(w->readable);
    (void)event_del(w->writable);
    w->ops->on_closed(w->arg, why);
}

static void take_messages(struct wire *w)
{
    struct ipc_msg m;
    struct err e;
    enum ipc_result r;

    while (!w->doomed && !w->closed && (r = ipc_next(w->conn, &m, &e)) != IPC_RESULT_AGAIN) {
        if (r == IPC_RESULT_BROKEN) {
            report_closed(w, e.text);
            return;
        }
        w->ops->on_message(w->arg, &m);
        if (m.fd >= 0) /* no message to the supervisor carries one */
            (void)close(m.fd);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct wire *w = arg;
    enum ipc_result r = ipc_fill(w->conn);

    (void)fd;
    (void)what;
    w->busy = true;
    take_messages(w); /* those that came before the end count */
    if (r == IPC_RESULT_CLOSED)
        report_closed(w, NULL);
    else if (r == IPC_RESULT_BROKEN)
        report_closed(w, "its connection broke");
    w->busy = false;
    if (w->doomed)
        destroy(w);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    wire_flush(arg);
}

struct wire *wire_new(struct event_base *base, int fd, const struct wire_ops *ops, void *arg)
{
    struct wire *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->ops = ops;
    w->arg = arg;
    w->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, w);
    w->writable = event_new(base, fd, EV_WRITE, on_writable, w);
    if (w->readable == NULL || w->writable == NULL || (w->conn = ipc_conn_new(fd)) == NULL) {
        destroy(w);
        return NULL;
    }
    (void)event_add(w->readable, NULL);
    return w;
}

void wire_free(struct wire *w)
{
    if (w == NULL)
        return;
    w->doomed = true;
    if (!w->busy)
        destroy(w);
}

struct ipc_conn *wire_conn(struct wire *w)
{
    return w->conn;
}

void wire_flush(struct wire *w)
{
    /* A broken connection shows when it is read from. */
    if (!w->closed && !w->doomed && ipc_flush(w->conn) == IPC_RESULT_AGAIN)
        (void)event_add(w->writable, NULL);
}
