/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_ENGINE_DIRS_H
#define ACMED_KEEPER_ENGINE_DIRS_H

/* state/ and state/history/ below the state directory: the engine's own, which the keeper makes for it. */

#include "daemon/keeper/dir.h"
#include "lib/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Makes what is missing, mode 0700; what belonged to another user of acmed's changes hands, file by file. */
bool engine_dirs_make(const struct dir *root, uid_t uid, gid_t gid, struct err *e);

#endif
