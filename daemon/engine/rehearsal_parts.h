/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_REHEARSAL_PARTS_H
#define ACMED_ENGINE_REHEARSAL_PARTS_H

/* What rehearsal.c (its turn, steps and end) and rehearsal_actions.c (what a step asks for) share. */

#include "daemon/engine/rehearsal.h"
#include "daemon/engine/solver.h"
#include "lib/order.h"

struct rehearsal {
    struct certificate *c;
    struct engine *g;
    struct authority *authority;
    bool under_way;
    bool resting;     /* holds no place: it waits for what may take long */
    bool keyless;     /* for its key */
    const char *told; /* what it waits for, as was told last; a string constant, NULL: nothing yet */
    enum gate_cause told_cause;
    bool again;   /* the account was registered again for it */
    bool profile; /* the CA offers the configured one */
    struct authority_wait ready;
    struct order *order; /* NULL until the authority is ready */
    struct post *post;
    uint32_t request; /* check */
    struct loop_delay *delay;
    bool saved; /* the delay is for what the machine takes for a save; else its own */
    struct solver *solver;
};

void rehearsal_step(struct rehearsal *r, const struct order_event *event);
/* It leaves its place to another, or goes on. */
void rehearsal_rest(struct rehearsal *r, bool resting);
/* Likewise, for a key that takes long to make. */
void rehearsal_wait_for_key(struct rehearsal *r, bool waits);

/* The actions, in the order of the flow. What comes of them is fed back by rehearsal_step(), never before
 * they return. False: the action could not be begun (e). */

bool rehearsal_post(struct rehearsal *r, const struct order_action *a, struct err *e);
/* Makes all challenges of the order answerable. */
bool rehearsal_present(struct rehearsal *r, struct err *e);
/* Has the keeper look whether the chain could be installed. */
bool rehearsal_check(struct rehearsal *r, const struct order_action *a, struct err *e);

#endif
