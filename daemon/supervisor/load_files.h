/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_LOAD_FILES_H
#define ACMED_SUPERVISOR_LOAD_FILES_H

/* Parts of load.c: the files, and the programs and certificates they name. */

#include "daemon/supervisor/load.h"

/* Reads acmed.conf and conf.d/; problems become messages. */
void load_files(struct load *l, const char *path, uid_t uid);

/* Hooks and ca_files that the configuration names: exist, and are in trusted hands. */
void load_check_paths(struct load *l, uid_t uid);

/* Users and groups by name into l->ids; the engine's. */
void load_resolve_ids(struct load *l, uid_t uid);

#endif
