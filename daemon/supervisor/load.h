/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_LOAD_H
#define ACMED_SUPERVISOR_LOAD_H

/* The configuration as files: read, their owners checked, parsed, users and groups resolved. */

#include "daemon/snapshot.h"

struct load {
    struct config *config;     /* owned */
    struct config_file *files; /* owned, with paths and texts */
    size_t n_files;
    struct snapshot_id *ids; /* owned, with names */
    size_t n_ids;
    struct config_live live; /* owned */
    uid_t engine_uid;
    gid_t engine_gid;
    struct config_messages messages; /* errors and warnings */
};

/* path: acmed.conf; conf.d/ is looked for beside it. uid: who will run acmed. True when there is no error;
 * messages tell in any case. load_clear() afterwards, whatever came of it. */
bool load_read(struct load *l, const char *path, uid_t uid);
void load_clear(struct load *l);

/* Messages as "file:line: text" lines. errors/warnings: which of them. The caller frees; NULL: out of memory.
 */
char *load_messages(const struct config_messages *m, bool errors, bool warnings);

/* Each as a line of the log. */
void load_log_messages(const struct config_messages *m, bool errors, bool warnings);

/* A sealed memfd of it for the children; -1 with e. */
int load_snapshot(const struct load *l, struct err *e);

/* The number of a user or group from the table, as snapshot_uid() has it. */
bool load_uid(const struct load *l, const char *name, uid_t *uid);
bool load_gid(const struct load *l, const char *name, gid_t *gid);

#endif
