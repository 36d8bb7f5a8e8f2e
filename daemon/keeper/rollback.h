/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_ROLLBACK_H
#define ACMED_KEEPER_ROLLBACK_H

/* An earlier generation made live again. */

#include "daemon/keeper/store.h"

/* Whether `generation` may be live: it is there and not live already, its files fit together, it is valid at
 * `now` (Unix seconds), for the configured names, and neither it nor its key was revoked. 0 stands for the
 * newest of those before the live one that may. *target: which it is. */
bool rollback_find(const struct store *store, const struct config_certificate *c, uint64_t generation,
                   int64_t now, uint64_t *target, struct err *e);

/* The same check, then flips live/ to it, durably. */
bool rollback_perform(const struct store *store, const struct config_certificate *c, uint64_t generation,
                      int64_t now, struct err *e);

#endif
