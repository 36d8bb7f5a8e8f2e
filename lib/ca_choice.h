/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CA_CHOICE_H
#define ACMED_CA_CHOICE_H

/* Which of a certificate's CAs is asked (DESIGN section 9). Pure policy.
 *
 * The first of the list is, as long as it can do the work in time. The next one takes over
 *   - at once, when a CA refuses for good: another may have another policy;
 *   - when half of the time that was left for the renewal is used up, whatever is in the way;
 *   - at once, when a CA names a moment at which three quarters of it would be;
 *   - without a certificate in use, after a quarter of an hour, or at once for a moment later than that.
 * What was passed over is asked again when all others have failed, too, and after a while; an issuance
 * forgets it all, so that the next renewal begins at the head of the list. */

#include "lib/cert.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/record.h"

#include <stdbool.h>
#include <stdint.h>

#define CA_CHOICE_NEVER INT64_MAX

/* Part of the journal. */
struct ca_choice {
    int64_t at;         /* Unix seconds of the last change; 0: nothing is known */
    int64_t since;      /* since when the CA in use fails or cannot be had; 0: it does not */
    struct strv passed; /* names of CAs passed over */
    int64_t until[CONFIG_CAS_MAX];
};

extern const struct record_type ca_choice_record;

void ca_choice_clear(struct ca_choice *ch);

/* The CA to ask now: the first that is not passed over; when all are, the one for the shortest time. Never
 * NULL. again, if not NULL: it has been passed over. */
const struct config_ca *ca_choice_now(const struct ca_choice *ch, const struct config_certificate *c,
                                      int64_t now, bool *again);

/* What is in the way of an order at the CA in use. */
struct ca_trouble {
    enum err_class class;
    int64_t opens_at; /* Unix seconds, when the CA said, or acmed's own count says, that it goes on; 0 */
    bool limit;       /* only a limit on the number of orders: with time it goes on */
};

/* When the next CA is to take over, in Unix seconds: <= now: at once. CA_CHOICE_NEVER: there is no other, or
 * waiting is better. facts: of the live certificate, or NULL. renew_at: when the renewal was due. */
int64_t ca_choice_patience(const struct ca_choice *ch, const struct config_certificate *c,
                           const struct cert_facts *facts, int64_t renew_at, const struct ca_trouble *t,
                           int64_t now);

/* The CA in use has failed, or cannot be had. */
void ca_choice_failing(struct ca_choice *ch, int64_t now);
/* It is passed over for a while, by the kind of error. False: out of memory, nothing is changed. */
bool ca_choice_pass(struct ca_choice *ch, const struct config_ca *ca, const struct ca_trouble *t,
                    int64_t now);

#endif
