/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_DOOR_H
#define ACMED_ENGINE_DOOR_H

/* Where strangers come in: listening sockets, and the connections to them, which are all taken for hostile:
 * an absolute deadline for each, a cap on their number, a pause when descriptors run out. What they say is
 * for the protocol behind the door (daemon/engine/responder.h, daemon/engine/alpn.h). */

#include "daemon/engine/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct door;
struct guest;

struct door_ops {
    /* Somebody came: returns the protocol's state for the connection; NULL (out of memory) closes it. */
    void *(*welcome)(void *arg, struct guest *g);
    /* There is something to read, or room to write. */
    void (*ready)(void *state, bool readable, bool writable);
    /* The connection ends: frees the state. */
    void (*leave)(void *state);
    /* At the cap the oldest for whom this is true gives way. */
    bool (*is_dispensable)(const void *state);
};

/* cap: connections at once. deadline_ms: from accept to the end, whatever the client does meanwhile. name: of
 * the protocol, in messages. All are borrowed. NULL: out of memory. */
struct door *door_new(struct loop *l, const struct door_ops *ops, void *arg, const char *name, unsigned cap,
                      int64_t deadline_ms);
/* Closes everything; ops->leave is called for each guest. */
void door_free(struct door *d);

const char *door_name(const struct door *d);

/* Serves a listening socket (taken over). on_demand: it is closed again by door_drop_on_demand(). */
bool door_listen(struct door *d, int fd, const char *address, bool on_demand);
void door_drop_on_demand(struct door *d);
/* How many sockets are served. */
size_t door_listeners(const struct door *d);

int guest_fd(const struct guest *g);
/* What to wait for. False: out of memory; the guest is to leave. */
bool guest_want(struct guest *g, bool read, bool write);
/* Ends the connection: ops->leave follows, then the guest is gone. */
void guest_leave(struct guest *g);

#endif
