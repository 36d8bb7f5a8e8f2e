/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_STORE_H
#define ACMED_KEEPER_STORE_H

/* The state directory (DESIGN section 5): generations below certs/, one live/ link a lineage.
 *
 * A generation is written whole into certs/LINEAGE/.new-N, synced and renamed to N; then live/LINEAGE is made
 * beside and renamed over. Whatever instant the machine stops at, live/ resolves to a complete generation
 * (L1); names that begin with a dot are leftovers, removed at the next start. */

#include "daemon/keeper/dir.h"
#include "daemon/keeper/file.h"
#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STORE_GENERATION_MAX 999999999
#define STORE_LEFTOVER       ".new-" /* prefix of everything unfinished */

struct store {
    struct dir root; /* state_dir */
    struct dir accounts;
    struct dir certs;
    struct dir live;
};

/* Opens state_dir and makes what is missing below it: accounts/ certs/ live/ by the keeper, state/ and
 * state/history/ for the engine's user. Then removes what crashes left of the configured lineages, and no
 * generations: the clock may be wrong. */
bool store_open(struct store *s, const struct config *config, uid_t engine_uid, gid_t engine_gid,
                struct err *e);
void store_close(struct store *s);

/* Whether an issuance would find room on the disk, as far as the file system tells: asked before an order is
 * placed, whose certificate could not be kept. */
bool store_has_room(const struct store *s, struct err *e);

/* certs/LINEAGE, made when missing; durable after dir_sync(&s->certs). */
bool store_lineage(const struct store *s, const char *lineage, struct dir *d, struct err *e);

/* The generation live/LINEAGE points to: a link of acmed's own form, owned by the keeper's user or root, to
 * an existing directory. 0: none (or one that is not taken: *why, if not NULL, then says so, else it is
 * cleared). */
uint64_t store_live(const struct store *s, const char *lineage, struct err *why);

/* certs/LINEAGE/GENERATION. */
bool store_generation(const struct store *s, const char *lineage, uint64_t generation, struct dir *d,
                      struct err *e);

/* The number of the next generation, one above the newest on disk. */
bool store_next(const struct dir *lineage, uint64_t *generation, struct err *e);

/* live/LINEAGE becomes this generation, which is durable. The link itself is that after
 * dir_sync(&s->live). */
bool store_point(const struct store *s, const char *lineage, uint64_t generation, struct err *e);
/* The same, durably. */
bool store_flip(const struct store *s, const char *lineage, uint64_t generation, struct err *e);

/* Numbers of the generations on disk, newest first; the caller frees. NULL with e; none at all is an empty
 * list. */
uint64_t *store_list(const struct store *s, const char *lineage, size_t *n, struct err *e);

/* Remembers that this generation was deployed, as the link certs/LINEAGE/served; durable after dir_sync(d).
 * d: the lineage's directory, the caller's to close; closed after a failure. */
bool store_mark_served(const struct store *s, const char *lineage, uint64_t generation, struct dir *d,
                       struct err *e);

/* Removes one generation, which must not be live. */
bool store_remove(const struct store *s, const char *lineage, uint64_t generation, struct err *e);

/* Removes generations of the lineage but: the live one, the newest `keep` besides it, the one last served,
 * what is younger than 7 days at `now` (Unix seconds; not a moment that only our clock vouches for), and the
 * newest of all. */
bool store_prune(const struct store *s, const struct config_certificate *c, int64_t now, struct err *e);

#endif
