/* SPDX-License-Identifier: MIT */
#include "lib/places.h"

#define NEAR_MS 40 /* up to this round trip the default stays what it is */
#define FAR     3  /* times the default, at most */

unsigned places_most(const struct config *c)
{
    return c->max_orders_set ? c->max_orders : FAR * c->max_orders;
}

unsigned places(const struct config *c, int64_t round_trip)
{
    if (c->max_orders_set || round_trip <= NEAR_MS)
        return c->max_orders;
    if (round_trip >= (int64_t)FAR * NEAR_MS)
        return places_most(c);
    return (unsigned)(c->max_orders * round_trip / NEAR_MS);
}
