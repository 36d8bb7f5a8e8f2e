/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_DRAFT_H
#define ACMED_KEEPER_DRAFT_H

/* A new key on its way to certs/LINEAGE/pending/key.pem: written, not durable and not in its place yet. The
 * drafts of several lineages are published together, and share the disk's commit. */

#include "daemon/keeper/store.h"
#include "lib/key.h"

struct pending;

#define DRAFT_DIRECTORY "pending"
#define DRAFT_FILE      "key.pem"

struct draft {
    struct pending *owner; /* the owner's, as is: */
    size_t index;
    struct key *key; /* owned */
    struct dir lineage;
    struct dir dir;
    int fd; /* -1: published, or nothing was written */
};

/* Takes the key, also when it fails (then there is nothing to clear). */
bool draft_write_take(struct draft *d, const struct store *store, const char *lineage, struct key *key,
                      struct err *e);

/* In its place, and its content durable. Its name is that after draft_sync() and a dir_sync() of the store's
 * certs. */
bool draft_publish(struct draft *d, struct err *e);
bool draft_sync(const struct draft *d, struct err *e);

/* What was not published is removed. */
void draft_clear(struct draft *d);

#endif
