/* SPDX-License-Identifier: MIT */
#include "lib/places.h"

#define NEAR_MS 40 /* up to this round trip the default stays what it is */
#define FAR     3  /* times the default, at most */
#define RESTING 4  /* times max_orders, at most */

unsigned places(const struct config *c, int64_t round_trip)
{
    if (c->max_orders_set || round_trip <= NEAR_MS)
        return c->max_orders;
    if (round_trip >= (int64_t)FAR * NEAR_MS)
        return FAR * c->max_orders;
    return (unsigned)(c->max_orders * round_trip / NEAR_MS);
}

bool places_free(const struct config *c, int64_t round_trip, unsigned in_flight, unsigned resting)
{
    return resting < RESTING * c->max_orders && in_flight - resting < places(c, round_trip);
}
