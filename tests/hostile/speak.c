/* SPDX-License-Identifier: MIT */
#include "tests/hostile/hostile.h"

#include "daemon/log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 60000

void hostile_read(const struct hostile *h, const char *name, char *text, size_t size)
{
    char path[1200];
    ssize_t n = -1;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", h->dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, size - 1);
        (void)close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
}

void hostile_tell(const char *what, bool granted)
{
    log_info(NULL, "attempt %s: %s", what, granted ? "GRANTED" : "refused");
}

/* The next message that is not the everyday talk of a supervisor. */
static bool next(struct hostile *h, struct ipc_conn *from, struct ipc_msg *m)
{
    struct pollfd p = {.fd = ipc_conn_fd(from), .events = POLLIN};
    enum ipc_result r;
    struct err e;

    for (;;) {
        r = ipc_next(from, m, &e);
        if (r == IPC_RESULT_OK && m->type == IPC_LISTENER && strcmp(m->field[0].s, "control") == 0)
            h->control = m->fd;
        else if (r == IPC_RESULT_OK && m->fd >= 0)
            (void)close(m->fd);
        if (r == IPC_RESULT_OK && m->type == IPC_PING) {
            (void)ipc_send(from, IPC_PONG, m->id, (uint64_t)0);
            (void)ipc_flush(from);
        } else if (r == IPC_RESULT_OK && m->type != IPC_LISTENER && m->type != IPC_START) {
            return true;
        } else if (r == IPC_RESULT_BROKEN) {
            exit(1);
        } else if (r == IPC_RESULT_AGAIN) {
            if (poll(&p, 1, PATIENCE_MS) == 0)
                return false;
            r = ipc_fill(from);
            if (r == IPC_RESULT_CLOSED || r == IPC_RESULT_BROKEN)
                exit(1);
        }
    }
}

static uint32_t id = 1000;

static bool await(struct hostile *h, struct ipc_conn *to, struct ipc_msg *reply, bool any)
{
    while (ipc_flush(to) == IPC_RESULT_AGAIN)
        (void)poll(NULL, 0, 1);
    while (next(h, to, reply)) {
        if (reply->type == IPC_STOP)
            return false;
        if (!any && reply->id == id)
            return true;
    }
    return false;
}

bool hostile_show(struct hostile *h, struct ipc_msg *reply, enum ipc_type type, int fd)
{
    return ipc_send_fd(h->supervisor, type, ++id, fd) && await(h, h->supervisor, reply, false);
}

bool hostile_ask(struct hostile *h, struct ipc_conn *to, struct ipc_msg *reply, enum ipc_type type, ...)
{
    va_list ap;
    bool ok = true;

    if (type != IPC_NONE) {
        va_start(ap, type);
        ok = ipc_vsend(to, type, ++id, ap);
        va_end(ap);
    }
    return ok && await(h, to, reply, type == IPC_NONE);
}
