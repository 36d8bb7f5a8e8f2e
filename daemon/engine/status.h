/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_STATUS_H
#define ACMED_ENGINE_STATUS_H

/* What Status says: gathered from the rooms, in the words of lib/status.h. New references; NULL: out of
 * memory. */

#include "daemon/engine/certificate.h"
#include "lib/tally.h"

/* Counts a certificate by the state that Status says of it. */
void status_count(struct tally *t, const struct certificate *c);

/* What Status says of it, without the rest. */
struct status_verdict status_verdict_of(const struct certificate *c);

/* generations: with what is on disk, which is read for it. */
json_t *status_of_certificate(const struct certificate *c, bool generations);
json_t *status_of_ca(const struct authority *a);
/* keeper_unknown: system calls the keeper's filter did not know. */
json_t *status_of_daemon(const struct engine *g, uint64_t keeper_unknown);

#endif
