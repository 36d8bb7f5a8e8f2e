/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ADVICE_H
#define ACMED_ADVICE_H

/* What an administrator can do about a failed order, besides what its error says: one table from the type of
 * the CA's problem (RFC 8555 section 6.7) and what it came of. */

#include "lib/challenge.h"
#include "lib/unpause.h"

#include <stdbool.h>

#define ADVICE_MAX (UNPAUSE_LINK_MAX + 1024) /* bytes, with the NUL */

/* error: as an order ends with it (lib/order.h): the type of the problem is taken from there. challenge: how
 * the names are proven. Written to out, as sentences; false: there is nothing to add, out is "". */
bool advice_for(const char *error, enum challenge_type challenge, char out[ADVICE_MAX]);

#endif
