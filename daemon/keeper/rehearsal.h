/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_REHEARSAL_H
#define ACMED_KEEPER_REHEARSAL_H

/* The keys of rehearsals: in memory only, for the CSR and the check of what came of it; never a certificate's
 * and never written. EC keys are made at once, RSA keys in a child. */

#include "daemon/keeper/pending.h"

#define REHEARSAL_CHILDREN_MAX 2 /* RSA keys being made at a time; further ones wait */

struct rehearsals;

/* config is borrowed. NULL: out of memory. */
struct rehearsals *rehearsals_new(const struct config *config);
void rehearsals_free(struct rehearsals *r); /* ends children */

/* The key of this rehearsal, made if there is none; borrowed until rehearsals_end(). As pending_get(): WAIT:
 * ask again after rehearsals_dispatch(); FAILED (with e) is told once. */
enum pending_result rehearsals_get(struct rehearsals *r, const struct config_certificate *c,
                                   const struct key **key, struct err *e);

/* NULL: there is none (any more). */
const struct key *rehearsals_existing(const struct rehearsals *r, const struct config_certificate *c);

/* Forgets the key, finished or not. */
void rehearsals_end(struct rehearsals *r, const struct config_certificate *c);

/* What to poll for the children: at most REHEARSAL_CHILDREN_MAX entries; returns their number. */
size_t rehearsals_poll(const struct rehearsals *r, struct pollfd *fds);
/* It is readable. True: it is one of them. */
bool rehearsals_dispatch(struct rehearsals *r, int fd);

#endif
