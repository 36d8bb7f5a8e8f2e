/* SPDX-License-Identifier: MIT */
#ifndef ACMED_PLACES_H
#define ACMED_PLACES_H

/* How many orders may be in flight at once at a CA: as many as max_orders says, and no CA takes places from
 * another.
 *
 * Where max_orders is not set, eight, and more at a CA that is far away: an order is some seven round trips
 * one after the other, so that what a CA sees of eight orders in a second is the less the longer its path is.
 * Beyond 40 ms the number grows with the round trip, so that the CA sees as many orders a second as of a
 * client that is 40 ms away, up to three times eight.
 *
 * An order that waits for what may take long (for its key, for a DNS record, for a CA that is at work) rests:
 * it holds no place. One whose request has failed does not: a CA that is in trouble is not sent more. So many
 * may rest that a few dozen that all wait for the same thing do not stop the others, and so few that a CA
 * which is slow in everything is not sent all that there are. */

#include "lib/config.h"

#include <stdbool.h>
#include <stdint.h>

#define PLACES_LONG_WAIT_MS                                                                                  \
    5000 /* what the CA may take without the order that waits for it being at rest                           \
          */

/* round_trip: ms, of the quickest reply that the CA gave; 0: not known. */
unsigned places(const struct config *c, int64_t round_trip);
/* in_flight: orders at this CA, of which some rest. */
bool places_free(const struct config *c, int64_t round_trip, unsigned in_flight, unsigned resting);

#endif
