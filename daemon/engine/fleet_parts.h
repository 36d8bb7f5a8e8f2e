/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_FLEET_PARTS_H
#define ACMED_ENGINE_FLEET_PARTS_H

/* What the files of the fleet share: fleet.c has all certificates and CAs, fleet_queue.c who orders now. */

#include "daemon/engine/fleet.h"

struct name_owner {
    const char *name; /* borrowed from the configuration */
    struct certificate *certificate;
};

struct fleet {
    struct engine *engine;
    struct certificate **v; /* owned, each owned; in name order */
    size_t n;
    struct name_owner *names; /* in name order, for the responder */
    size_t n_names;
    struct authority **authorities;
    size_t n_authorities;
    struct certificate **queue; /* has room for all */
    size_t n_queue;
    const struct certificate **flying; /* has room for all */
    unsigned in_flight;
    unsigned keyless;              /* of those in flight: they wait for a key that takes long to make */
    struct loop_delay *start_soon; /* orders begin in a turn of their own */
    struct timer gate_opens;       /* when a closed gate is to be asked again */
};

/* Begins what may begin (for struct fleet's start_soon and gate_opens). */
void fleet_start_next(void *arg);

#endif
