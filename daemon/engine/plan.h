/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_PLAN_H
#define ACMED_ENGINE_PLAN_H

/* What will happen when, for Plan: the next thing of each certificate, orders at the moments that the CAs'
 * limits leave them, if nothing unexpected happens. */

#include "daemon/engine/certificate.h"

#include <jansson.h>

struct planned {
    struct certificate *certificate; /* borrowed: it lives as long as the engine */
    int64_t due;                     /* Unix seconds: when it would happen without limits */
    int64_t at;
    bool selected;
};

/* All of them in order of time, of which the caller frees the array and its own selection (v, n) gets
 * selected. NULL: out of memory. */
struct planned *plan_make(const struct engine *g, struct certificate *const *v, size_t n, int64_t now,
                          size_t *n_planned);

/* New references; NULL: out of memory. */
json_t *plan_event_to_json(const struct planned *p);
/* Every CA: how it is, and what its limits leave. */
json_t *plan_of_cas(const struct engine *g, int64_t now);

#endif
