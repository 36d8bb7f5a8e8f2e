/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_SOLVER_H
#define ACMED_ENGINE_SOLVER_H

/* What an order needs so that the CA can validate its challenges: made ready once, taken back when the order
 * ends, whatever came of it. The ways (solver_responder.c, solver_dns.c) stand behind the table of solver.c.
 */

#include "daemon/engine/authority.h"
#include "daemon/engine/engine.h"
#include "lib/order.h"

struct certificate;
struct solver;

/* on_ready is called once for each solver_present(), never before that returns: e is NULL when every
 * challenge can be answered, else it says what is in the way. Everything is borrowed and outlives the solver.
 * NULL: out of memory. */
struct solver *solver_new(struct engine *g, struct authority *a, struct certificate *c,
                          void (*on_ready)(void *arg, const struct err *e), void *arg);

/* Takes back what was presented; on_ready is not called any more. NULL is ignored. */
void solver_free(struct solver *s);

/* Makes every challenge of order_challenge() answerable. Again after another order took the first one's
 * place: what both have is kept. */
bool solver_present(struct solver *s, const struct order *o, struct err *e);

#endif
