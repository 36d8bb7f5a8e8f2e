/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_GENERATION_H
#define ACMED_KEEPER_GENERATION_H

/* Whether the files of a generation are still what was installed: somebody may have written over one, or the
 * disk have lost it. Not looked at when acmed starts (that would open every key) but before anybody gets the
 * files, and when there is time. */

#include "daemon/keeper/file.h"
#include "daemon/keeper/store.h"
#include "daemon/snapshot.h"

enum generation_health {
    GENERATION_SOUND,
    GENERATION_REPAIRED, /* one file was damaged, and was made again from the others */
    GENERATION_DAMAGED,  /* nobody can use it any more */
    GENERATION_UNKNOWN   /* a file cannot be examined: the disk fails, or it is no plain file */
};

/* lineage: for the log, where a repair is told. key_attr: of the files with the key. why: unless SOUND, what
 * is the matter. */
enum generation_health generation_examine(const struct dir *d, const char *lineage, struct file_attr key_attr,
                                          struct err *why);

/* The live one's, and which that is. False with e: there is none. */
bool generation_examine_live(const struct store *store, const struct snapshot *snapshot,
                             const struct config_certificate *c, uint64_t *generation,
                             enum generation_health *health, struct err *why, struct err *e);

/* Before the files are handed to somebody: false with e when they are damaged. */
bool generation_vouch(const struct dir *d, const char *lineage, struct file_attr key_attr, struct err *e);

#endif
