/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_STAGE_H
#define ACMED_KEEPER_STAGE_H

/* A new generation on its way to certs/LINEAGE/N: written whole beside, made durable, renamed into its place,
 * its name made durable. In steps, so that several can share the disk's commits; live/ is not touched. */

#include "daemon/keeper/file.h"
#include "daemon/keeper/store.h"

struct stage {
    uint64_t number; /* of the generation */
    bool published;
    struct dir lineage;
    struct dir dir; /* .new-NUMBER, then NUMBER */
    struct file_set files;
};

/* Writes the files (at most FILE_SET_MAX, names borrowed until stage_publish()); nothing is left on failure,
 * and nothing to clear. */
bool stage_write(struct stage *g, const struct store *store, const char *lineage,
                 const struct file_content *files, size_t n, struct err *e);

/* Content durable, then in its place. */
bool stage_publish(struct stage *g, struct err *e);

/* The name is durable, but for that of the lineage: dir_sync() of the store's certs. */
bool stage_sync(const struct stage *g, struct err *e);

/* Removes what was written, unless live/ names it; nobody may have been told of it. To be cleared still. */
void stage_abandon(struct stage *g, const struct store *store, const char *lineage);

void stage_clear(struct stage *g);

#endif
