/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_WIRE_H
#define ACMED_SUPERVISOR_WIRE_H

/* The supervisor's end of the socketpair to one child, driven by the event loop. */

#include "daemon/ipc.h"

#include <event2/event.h>

struct wire;

struct wire_ops {
    void (*on_message)(void *arg, const struct ipc_msg *m);
    /* End of file, or the child broke the protocol (why says how; NULL: end of file). Called once. */
    void (*on_closed)(void *arg, const char *why);
};

/* Takes over fd, unless it returns NULL (out of memory). */
struct wire *wire_new(struct event_base *base, int fd, const struct wire_ops *ops, void *arg);
/* May be called from its own callbacks. */
void wire_free(struct wire *w);
/* For ipc_send(); wire_flush() afterwards sends what it can and lets the loop send the rest. */
struct ipc_conn *wire_conn(struct wire *w);
void wire_flush(struct wire *w);

#endif
