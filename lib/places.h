/* SPDX-License-Identifier: MIT */
#ifndef ACMED_PLACES_H
#define ACMED_PLACES_H

/* How many orders may be in flight at once: as many as max_orders says. Where it says nothing, eight, and
 * more at a CA that is far away: an order is some seven round trips one after the other, so that what a CA
 * sees of eight orders in a second is the less the longer its path is. Beyond 40 ms the number grows with the
 * round trip, so that the CA sees as many orders a second as of a client that is 40 ms away, up to three
 * times eight. */

#include "lib/config.h"

#include <stdint.h>

/* round_trip: ms, of the quickest reply that the CA gave; 0: not known. */
unsigned places(const struct config *c, int64_t round_trip);
/* Whatever the round trip is, there are no more. */
unsigned places_most(const struct config *c);

#endif
