/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_REHEARSALS_H
#define ACMED_ENGINE_REHEARSALS_H

/* Who rehearses now, and at which CA: in the order in which it was asked for, with the places that
 * real orders leave at that CA. Nothing of it is remembered: what a restart cuts off has not happened.
 */

#include "daemon/engine/authority.h"
#include "daemon/engine/engine.h"

struct certificate;
struct rehearsal;
struct rehearsals;

/* NULL: out of memory. Freed after all certificates. */
struct rehearsals *rehearsals_new(struct engine *g);
void rehearsals_free(struct rehearsals *r);

/* Rehearses the order of a configured certificate which has a CA for that (config_rehearsal_ca()) as soon as
 * there is a place: c->rehearsal; joins one that is there already. What it comes to is told to the feed.
 * False: out of memory. */
bool rehearsals_add(struct rehearsals *r, struct certificate *c);
/* It has ended. */
void rehearsals_remove(struct rehearsals *r, const struct rehearsal *x);

/* Begins what may begin. Returns when to call it again at the latest, Unix seconds; 0: when something has
 * ended. */
int64_t rehearsals_go_on(struct rehearsals *r);
/* One under way waits for a key that takes long to make, or no longer does. */
void rehearsals_wait_for_key(struct rehearsals *r, bool waits);
unsigned rehearsals_keyless(const struct rehearsals *r);

#endif
