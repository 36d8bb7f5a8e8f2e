/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_METHOD_WAIT_H
#define ACMED_ENGINE_METHOD_WAIT_H

/* What Renew, Test, Deploy and Rollback have in common: a call that waits for the outcome of certificates,
 * and tells their progress meanwhile. */

#include "daemon/engine/methods.h"

/* One certificate that a call waits for. */
struct wait_target {
    struct certificate *c;
    char *text;          /* of the outcome; owned */
    const char *outcome; /* NULL: not known yet; else a string constant */
};

struct wait_call {
    struct peer *peer;
    struct wait_target *v;
    size_t n;
    size_t open;     /* without an outcome */
    size_t unsaved;  /* requests that are not durable yet */
    struct err lost; /* why one could not be made durable */
    bool rehearsal;  /* for what rehearsals come to, not orders and deployments */
    bool started;
    bool wait; /* for the outcomes, not only until the requests are durable */
    struct feed_listener listener;
};

/* For at most n certificates. The call goes on from here (peer_continue(), with this as arg). NULL: memory is
 * out, the peer has its answer. */
struct wait_call *wait_new(struct peer *p, size_t n);
/* Before anything else: it is rehearsals that this call waits for. */
void wait_for_rehearsals(struct wait_call *w);
struct wait_target *wait_add(struct wait_call *w, struct certificate *c);
/* The outcome is known: "done", "skipped", "failed". */
void wait_settle(struct wait_call *w, struct wait_target *t, const char *text, const char *outcome);
/* Progress of a certificate, as if the feed had told it. outcome: NULL while it goes on. */
void wait_progress(struct wait_call *w, const char *name, const char *text, const char *outcome);
/* Tells those who want to hear it the outcomes that are known already. */
void wait_tell_settled(struct wait_call *w);
/* For writer_put(), with the call as arg, and w->unsaved counted up: what was asked for is durable. */
void wait_on_durable(void *arg, const struct err *e);
/* Everything is under way: waits, or answers as soon as a restart would not forget what was asked for. */
void wait_begin(struct wait_call *w, bool wait);

#endif
