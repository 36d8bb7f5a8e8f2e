/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_CLOCK_H
#define ACMED_ENGINE_CLOCK_H

/* Whether the system's clock can be believed (lib/renewal.h): after a jump nothing is ordered by itself until
 * a CA has been reached over verified TLS under the new time. */

#include "daemon/engine/engine.h"

/* NULL: out of memory. */
struct clock *clock_new(struct engine *g);
void clock_free(struct clock *k);

/* Compares the clocks; the first doubt begins the proof, whose success plans every certificate anew. */
bool clock_is_believed(struct engine *g);
/* Why not, for people; "" when it is. */
void clock_describe(const struct engine *g, char *text, size_t size);

#endif
