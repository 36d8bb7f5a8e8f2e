/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_PROPAGATION_H
#define ACMED_ENGINE_PROPAGATION_H

/* Waiting until TXT records are at every server that has authority over their zones, as a CA may ask any of
 * them, and some do ask all. A server that does not answer is not waited for, as long as another one does. */

#include "daemon/engine/loop.h"
#include "lib/err.h"
#include "lib/strv.h"

#include <stdint.h>

#define PROPAGATION_PORT        53
#define PROPAGATION_PATIENCE_MS INT64_C(600000)

struct propagation;

struct propagation_spec {
    struct loop *loop;
    const char *certificate;      /* whose they are, for the log */
    const struct strv *resolvers; /* as for resolver_new(): whom to ask for the servers */
    uint16_t port;                /* of these servers: PROPAGATION_PORT */
    int64_t patience_ms;          /* then it is an error: PROPAGATION_PATIENCE_MS */
    void (*on_done)(void *arg, const struct err *e);
    void *arg;
};

/* Nothing is waited for yet. What spec points to is borrowed. NULL: out of memory. */
struct propagation *propagation_new(const struct propagation_spec *spec);
void propagation_free(struct propagation *p);

/* One more record to wait for. False: out of memory. */
bool propagation_add(struct propagation *p, const char *name, const char *zone, const char *value);

/* on_done is called once, never before this returns: e is NULL when all records are there, else it names a
 * server and the record that it lacks. */
bool propagation_start(struct propagation *p, struct err *e);

#endif
