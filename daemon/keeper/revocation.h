/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_REVOCATION_H
#define ACMED_KEEPER_REVOCATION_H

/* What was revoked, on disk: certs/LINEAGE/revoked.json (lib/revoked.h), readable by all, as the certificates
 * are. */

#include "daemon/keeper/store.h"
#include "lib/key.h"
#include "lib/revoked.h"

/* r is empty where there is no such file. One that is damaged is put aside, so that renewals go on, and said.
 * revoked_clear() afterwards. */
bool revocation_load(const struct store *store, const char *lineage, struct revoked *r, struct err *e);

/* False with e: a damaged list was put aside and nobody has removed it, so what was revoked is not known. */
bool revocation_is_known(const struct store *store, const char *lineage, struct err *e);

/* Notes it durably: the generation, and, where the reason is that its key is known to others, the key. at:
 * Unix seconds when the CA revoked it; 0: it was only asked for. */
bool revocation_note(const struct store *store, const char *lineage, uint64_t generation, uint64_t reason,
                     int64_t at, struct err *e);

/* Whether this key was given up as known to others: no certificate for it is installed, and none is made live
 * again. False with e: that cannot be told. */
bool revocation_check_key(const struct store *store, const char *lineage, const struct key *key,
                          struct err *e);

#endif
