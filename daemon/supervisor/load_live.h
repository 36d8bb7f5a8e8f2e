/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_LOAD_LIVE_H
#define ACMED_SUPERVISOR_LOAD_LIVE_H

/* What live/ has for sections with several types of key: it decides which lineage has the section's plain
 * name (DESIGN section 5), so that a changed order of the list renames nothing. */

#include "daemon/supervisor/load.h"

/* Fills l->live from the certificates below the state directory; what is missing or cannot be read is left
 * out: the first type listed counts then. False: out of memory. */
bool load_live(struct load *l);

#endif
