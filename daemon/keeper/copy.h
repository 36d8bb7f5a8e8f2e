/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_COPY_H
#define ACMED_KEEPER_COPY_H

/* Copies of a live generation's files at configured places, for servers that want them there. */

#include "daemon/keeper/store.h"
#include "daemon/snapshot.h"
#include "lib/config.h"
#include "lib/err.h"

/* Makes every configured copy of this certificate equal to the live generation: those that differ in content,
 * owner or mode are written beside their target and renamed over it (a symlink there is replaced),
 * certificates before keys. A copy is refused when somebody else could change the directory it goes to. The
 * others are made all the same, but no key without its certificate. False with e (the first failure). */
bool copy_all(const struct store *store, const struct snapshot *snapshot, const struct config_certificate *c,
              struct err *e);

#endif
