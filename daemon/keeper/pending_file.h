/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_PENDING_FILE_H
#define ACMED_KEEPER_PENDING_FILE_H

/* The key of an order in flight as it lies on disk: what an earlier keeper left is looked at before it is
 * used. */

#include "daemon/keeper/store.h"
#include "lib/config.h"
#include "lib/key.h"

/* *key (the caller frees) is NULL when there is none, or none that may serve: such a one is removed, and the
 * log says why. False with e: that cannot be told. */
bool pending_file_load(const struct store *store, const struct config_certificate *c, struct key **key,
                       struct err *e);

/* Whether there is one, and it is the live generation's. */
bool pending_file_is_live(const struct store *store, const struct config_certificate *c);

/* Durably, unless it is installed: a key that came back after a power cut would be seen to be that. */
bool pending_file_remove(const struct store *store, const struct config_certificate *c, bool installed,
                         struct err *e);

#endif
