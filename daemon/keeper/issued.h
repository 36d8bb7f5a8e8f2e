/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_ISSUED_H
#define ACMED_KEEPER_ISSUED_H

/* What is in the files of one generation on disk. */

#include "daemon/keeper/store.h"
#include "lib/cert.h"
#include "lib/key.h"

/* The content of one file ("cert.pem", ...), appended to out. */
bool issued_read(const struct store *store, const char *lineage, uint64_t generation, const char *file,
                 struct buf *out, struct err *e);

/* False: there is no such generation, which e says to who asked for it (or the disk fails). */
bool issued_exists(const struct store *store, const char *lineage, uint64_t generation, struct err *e);

/* Its private key; the caller frees. NULL with e. */
struct key *issued_key(const struct store *store, const char *lineage, uint64_t generation, struct err *e);

/* The facts of its leaf; cert_facts_clear() afterwards. */
bool issued_facts(const struct store *store, const char *lineage, uint64_t generation,
                  struct cert_facts *facts, struct err *e);

#endif
