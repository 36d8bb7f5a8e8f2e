/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_REHEARSAL_H
#define ACMED_ENGINE_REHEARSAL_H

/* One rehearsal: a whole order at a CA whose certificates are for trials, by the machine of lib/order.h, with
 * the certificate's names, challenge and type of key. The keeper looks at what comes of it as at a
 * certificate to be installed, and throws it away with its key. The journal has only what is published
 * meanwhile. */

#include "daemon/engine/authority.h"
#include "daemon/engine/certificate.h"

/* It waits for rehearsal_try(). NULL: out of memory. */
struct rehearsal *rehearsal_new(struct certificate *c, struct authority *a);
/* Gives up at once, and tells nobody. NULL is ignored. */
void rehearsal_cancel(struct rehearsal *r);

/* Begins it, unless the certificate's own order is under way, there is no place, or the CA's gate is closed:
 * that is told, once. Its end is told to feed, history and log, never before this returns. Returns when to
 * try again at the latest, Unix seconds; 0: it has begun, or begins when something else has ended. */
int64_t rehearsal_try(struct rehearsal *r);
/* A person wants it now (gate_nudge()). */
void rehearsal_nudge(const struct rehearsal *r);
/* One clause for status. */
void rehearsal_describe(const struct rehearsal *r, char *out, size_t size);
/* It has begun. False for NULL. */
bool rehearsal_is_under_way(const struct rehearsal *r);

#endif
