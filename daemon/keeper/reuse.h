/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_REUSE_H
#define ACMED_KEEPER_REUSE_H

/* reuse_key: the live generation's key serves the next certificate too, for those who publish it (TLSA
 * records, pins). */

#include "daemon/keeper/store.h"
#include "lib/config.h"
#include "lib/key.h"

/* The live key, if the configuration wants it kept and it may be: it belongs to the live leaf, is of the
 * configured type, was not refused by a CA, and was not given up as known to others. The caller frees. NULL:
 * a new one is to be made; why is cleared where there is none to keep, else it says why not. */
struct key *reuse_live_key(const struct store *store, const struct config_certificate *c, struct err *why);

/* Notes durably that a CA refused the live key: it is not offered again. */
bool reuse_refuse(const struct store *store, const struct config_certificate *c, struct err *e);

/* Whether this key was given up as known to others since it was taken for an order. What cannot be told is
 * no reason here: nothing is installed before it can be. */
bool reuse_is_given_up(const struct store *store, const struct config_certificate *c, const struct key *key);

#endif
