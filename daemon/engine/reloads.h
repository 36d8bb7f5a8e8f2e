/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_RELOADS_H
#define ACMED_ENGINE_RELOADS_H

/* One reload for many certificates. A unit is reloaded RELOAD_SETTLE_MS after the last new certificate for
 * it, waits for orders that are under way for it, at most RELOAD_LATEST_MS after the first, and
 * RELOAD_APART_MS lie between two. */

#include "daemon/engine/link.h"

struct certificate;
struct engine;
struct reloads;

#define RELOAD_SETTLE_MS 2000
#define RELOAD_LATEST_MS 60000
#define RELOAD_APART_MS  10000

/* Embedded in the one who waits. */
struct reload_wait {
    struct reload_wait *next;
    struct certificate *c;
    const char *event; /* for the supervisor; a string constant */
    uint32_t request;  /* the supervisor runs it */
    bool waiting;
    /* As link_request()'s on_reply: m is IPC_DEPLOYED. */
    void (*on_done)(void *arg, const struct ipc_msg *m, const struct err *e);
    void *arg;
};

/* NULL: out of memory. */
struct reloads *reloads_new(struct engine *g);
void reloads_free(struct reloads *r);

/* Wants the units of w->c reloaded, for its live generation. on_done comes once, never before this returns.
 * at_once: a person asked, there is nothing to wait for but the distance to the last reload. */
void reload_wait(struct reloads *r, struct reload_wait *w, bool at_once);
void reload_cancel(struct reloads *r, struct reload_wait *w);
/* An order has ended: whoever waited for it may go. */
void reloads_reconsider(struct reloads *r);

#endif
