/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_FLEET_H
#define ACMED_CTL_FLEET_H

/* What Status said: the certificates, and the daemon's own state. */

#include "lib/status.h"

#include <jansson.h>

struct fleet {
    struct status_certificate *v; /* owned, each cleared with it */
    size_t n;
    json_t *daemon; /* type Daemon; NULL: not told; owned */
};

void fleet_clear(struct fleet *f);

/* Adds the certificates of a reply of Status or Watch, in place of older facts about the same lineage. The
 * daemon's state is taken over too, if the reply has it. On failure what came before the bad one is added. */
bool fleet_add(struct fleet *f, const json_t *reply, struct err *e);

/* NULL: not there. Borrowed. */
const struct status_certificate *fleet_find(const struct fleet *f, const char *lineage);

#endif
