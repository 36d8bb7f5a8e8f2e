/* SPDX-License-Identifier: MIT */
#ifndef ACMED_REVOKED_H
#define ACMED_REVOKED_H

/* Which generations of a lineage were revoked, and which of its keys are known to others: what the keeper
 * notes in certs/LINEAGE/revoked.json, and the engine reads. Pure. */

#include "lib/err.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVOKED_FILE     "revoked.json"
#define REVOKED_FILE_MAX (64 * 1024)
#define REVOKED_MAX      100 /* entries kept, of each kind; the oldest go first */

struct revoked_entry {
    uint64_t generation;
    uint64_t reason; /* enum act_reason */
    int64_t at;      /* Unix seconds; 0: asked for, not yet known to be done */
};

struct revoked {
    struct revoked_entry v[REVOKED_MAX]; /* oldest first */
    size_t n;
    struct strv keys; /* thumbprints (RFC 7638) of compromised keys */
};

void revoked_clear(struct revoked *r);

/* r must be empty or cleared; untouched on failure. */
bool revoked_from_json(struct revoked *r, const char *text, size_t len, struct err *e);
/* The caller frees; NULL: out of memory. */
char *revoked_to_json(const struct revoked *r);

/* NULL: it is not noted. Borrowed. */
const struct revoked_entry *revoked_find(const struct revoked *r, uint64_t generation);
/* Notes it, over what was noted of that generation. */
void revoked_set(struct revoked *r, uint64_t generation, uint64_t reason, int64_t at);

bool revoked_has_key(const struct revoked *r, const char *thumbprint);
/* False: out of memory. */
bool revoked_add_key(struct revoked *r, const char *thumbprint);

#endif
