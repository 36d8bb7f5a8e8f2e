/* SPDX-License-Identifier: MIT */
#ifndef ACMED_REHEARSAL_H
#define ACMED_REHEARSAL_H

/* `rehearse = yes`: whether an order is rehearsed before it is placed. Pure policy. */

#include "lib/renewal.h"

/* Whether what is planned has to be rehearsed first: it is for a set of names that the live certificate does
 * not have and that no rehearsal has proven yet, and nobody asked for the order. Never when the live
 * certificate has expired or only a twentieth of its lifetime is left, nor while an order is in flight. */
bool rehearsal_is_due(const struct config_certificate *c, const struct cert_facts *facts,
                      const struct journal *j, const struct renewal_plan *p, int64_t now);

/* The configured names are proven. False: out of memory, nothing has changed. */
bool rehearsal_note(struct journal *j, const struct config_certificate *c);

#endif
