/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_ZONE_H
#define ACMED_ENGINE_ZONE_H

/* Where a name is in the DNS: what CNAMEs make of it, and in which zone that lies. */

#include "daemon/engine/resolver.h"

#define ZONE_ALIASES_MAX 8 /* CNAMEs in a row */

struct zone_search;

/* done is called once, never before this returns. target: where the aliases end, name itself where there are
 * none; zone: what it lies in; both canonical and borrowed. Else NULL and e. The resolver must outlive the
 * search. NULL: out of memory, done is not called. */
struct zone_search *zone_search_start(struct resolver *r, const char *name,
                                      void (*done)(void *arg, const char *target, const char *zone,
                                                   const struct err *e),
                                      void *arg);
/* After the resolver's end, or after done was called. NULL is ignored. */
void zone_search_free(struct zone_search *s);

#endif
