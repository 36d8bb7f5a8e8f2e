/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_SOLVER_WAY_H
#define ACMED_ENGINE_SOLVER_WAY_H

/* One way to answer challenges, as daemon/engine/solver.c drives it. */

#include "daemon/engine/solver.h"

/* What a way is given, and how it reports. Embedded in the solver; outlives the way's state. */
struct solver_job {
    struct engine *engine;
    struct authority *authority;
    struct certificate *certificate;
    void (*on_ready)(void *arg, const struct err *e);
    void *arg;
};

struct solver_way {
    /* The way's own state for one order; NULL: out of memory. */
    void *(*start)(const struct solver_job *job);
    /* Takes back everything and frees the state. */
    void (*end)(void *state);
    /* As solver_present(). */
    bool (*present)(void *state, const struct order *o, struct err *e);
};

extern const struct solver_way solver_http;    /* acmed's own responder (daemon/engine/responder.h) */
extern const struct solver_way solver_alpn;    /* and the other one (daemon/engine/alpn.h) */
extern const struct solver_way solver_webroot; /* files which another server serves, written by the keeper */
extern const struct solver_way solver_persist; /* records that a person publishes once */
extern const struct solver_way solver_dns;     /* records set through the supervisor */

#endif
