/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_LISTEN_H
#define ACMED_SUPERVISOR_LISTEN_H

/* The listening sockets: held here, so that they stay open while children come and go, and lent to the
 * engine. */

#include "lib/config.h"
#include "lib/err.h"

#include <stdbool.h>

struct listeners;

struct listener {
    const char *purpose; /* "control", "http-01", "tls-alpn-01" */
    char *text;          /* the address as configured; owned */
    int fd;              /* owned; -1: not bound (the port was taken) */
    bool on_demand;      /* bound for a challenge, closed by listeners_release() */
    bool passed;         /* by the service manager: never closed, bound by nobody else */
    bool wanted;         /* by the configuration in force */
};

/* Takes the sockets that systemd passed (LISTEN_FDS) and the variables that told of them. NULL: out of
 * memory. */
struct listeners *listeners_new(void);
/* Closes all; unlinks the unix sockets that acmed made. */
void listeners_free(struct listeners *l);

/* Makes the set fit the configuration: equal ones stay open, new ones are bound, the others wait for
 * listeners_prune(). False: the control socket cannot be had, everything is as before. What else cannot be
 * bound is no failure: warnings gets a line each (the caller frees; "" for none; NULL: out of memory).
 * wait_ms: how long to wait, in all, for addresses that somebody else still has. */
bool listeners_apply(struct listeners *l, const struct config *c, unsigned wait_ms, char **warnings,
                     struct err *e);
/* Closes what the configuration does not want any more; after the engine that served it has ended. */
void listeners_prune(struct listeners *l);

/* Binds for a challenge what is wanted for the purpose and not bound. Returns errors, one a line ("": none;
 * the caller frees; NULL: out of memory); fresh(arg, listener) is called for each one bound. */
char *listeners_bind(struct listeners *l, const struct config *c, const char *purpose,
                     void (*fresh)(void *arg, const struct listener *), void *arg);
/* Closes what listeners_bind() bound; purpose NULL: for whatever. */
void listeners_release(struct listeners *l, const char *purpose);

/* Those bound; NULL behind the last. */
const struct listener *listeners_get(const struct listeners *l, size_t i);

#endif
