/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_PORT_H
#define ACMED_ENGINE_PORT_H

/* Having a responder's addresses while one of its challenges is pending. What could not be bound at start (a
 * web server has port 80) is tried again only now, and given back when the last challenge ends: acmed never
 * keeps a port that a web server may want. */

#include "daemon/engine/link.h"
#include "daemon/engine/door.h"

struct port;

struct port_wait {
    struct port_wait *next;
    void (*on_ready)(void *arg, const struct err *e);
    void *arg;
    bool waiting;
};

/* door: where the challenges of one type come in, called as its type. wanted: how many addresses are
 * configured for it; 0: somebody else answers, from the account's thumbprint. All are borrowed. NULL: out of
 * memory. */
struct port *port_new(struct loop *l, struct link *supervisor, struct door *door, size_t wanted);
void port_free(struct port *p);

/* One more challenge is pending. on_ready is called once, never before this returns: e is NULL when at least
 * one address is served, else it says what is in the way. Each hold is ended by port_release(), whatever came
 * of it. */
void port_hold(struct port *p, struct port_wait *w);
/* Also ends the waiting, if it goes on. */
void port_release(struct port *p, struct port_wait *w);

#endif
