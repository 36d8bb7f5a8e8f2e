/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_SNAPSHOT_H
#define ACMED_DAEMON_SNAPSHOT_H

/* The configuration as the supervisor read it, once: the text of all files, the numbers of all users and
 * groups it names, and the types of key that are live, in one sealed memfd from which keeper and engine parse
 * the same configuration. */

#include "lib/config.h"

#include <stdbool.h>
#include <sys/types.h>

struct snapshot {
    struct config_file *files; /* texts borrowed from `text` */
    size_t n_files;
    char *text;              /* owned */
    struct snapshot_id *ids; /* owned */
    size_t n_ids;
    struct config_live live; /* owned */
    uid_t engine_uid;        /* what the engine runs as */
    gid_t engine_gid;
    struct config *config; /* parsed; owned */
};

struct snapshot_id {
    bool group;
    char *name;
    uint32_t id;
};

/* What a snapshot is made of; everything is borrowed. */
struct snapshot_source {
    const struct config_file *files;
    size_t n_files;
    const struct snapshot_id *ids;
    size_t n_ids;
    const struct config_live *live; /* NULL: nothing */
    uid_t engine_uid;
    gid_t engine_gid;
};

/* The supervisor: writes it into a new sealed memfd. -1 with e on failure. */
int snapshot_write(const struct snapshot_source *s, struct err *e);

/* Keeper and engine: reads it back and parses the configuration. NULL on failure. */
struct snapshot *snapshot_read(int fd, struct err *e);
void snapshot_free(struct snapshot *s);

/* False: the name is not in the table (numeric names are taken as they are). */
bool snapshot_uid(const struct snapshot *s, const char *name, uid_t *uid);
bool snapshot_gid(const struct snapshot *s, const char *name, gid_t *gid);

#endif
