/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_STATE_DIR_H
#define ACMED_SUPERVISOR_STATE_DIR_H

/* The state directory as the supervisor finds it: made if missing, refused in foreign hands, with a room for
 * the engine, and locked. */

#include "lib/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Creates it (0755) if it is missing. False: it cannot be made, or belongs to another uid than uid. */
bool state_dir_prepare(const char *path, uid_t uid, struct err *e);

/* Checks only; a missing one is fine. */
bool state_dir_check(const char *path, uid_t uid, struct err *e);

/* Makes state_dir/state (0700) the engine's, with the files in it when the engine had another uid before. No
 * engine runs. */
bool state_dir_give(const char *path, uid_t engine_uid, gid_t engine_gid, struct err *e);

#endif
