/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_PERMIT_H
#define ACMED_KEEPER_PERMIT_H

/* What the supervisor told the keeper that a person may have done (DESIGN section 3, "Authority"): each
 * permit is for one act and ends by itself after PERMIT_LIFE_S. Requests of the same act may be repeated
 * meanwhile (a refused nonce asks for another signature); what completes the act ends its permit. */

#include "lib/act.h"

#include <stdbool.h>

#define PERMIT_LIFE_S 120
#define PERMITS_MAX   16

struct permits {
    struct permit {
        struct act act;
        int64_t until; /* CLOCK_BOOTTIME, seconds; 0: a free place */
        bool begun;
    } v[PERMITS_MAX];
};

/* Takes the place of one for the same act and subject, else of a free one, else of the oldest. */
void permit_add(struct permits *p, const struct act *act);

/* NULL with e: there is none (any more) of this kind for this subject. Borrowed until the next call. */
const struct act *permit_find(struct permits *p, enum act_kind kind, const char *subject, struct err *e);

/* The act has begun: from now on its completion is that of this permit, not of an earlier one that was cut
 * off. */
void permit_begin(struct permits *p, enum act_kind kind, const char *subject);
bool permit_has_begun(struct permits *p, enum act_kind kind, const char *subject);

void permit_end(struct permits *p, enum act_kind kind, const char *subject);

#endif
