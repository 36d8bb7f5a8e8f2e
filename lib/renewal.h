/* SPDX-License-Identifier: MIT */
#ifndef ACMED_RENEWAL_H
#define ACMED_RENEWAL_H

/* When to renew, and when to try again: pure policy (DESIGN section 9). */

#include "lib/cert.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/journal.h"

#include <stdbool.h>
#include <stdint.h>

enum renewal_reason {
    RENEWAL_NOT_DUE,
    RENEWAL_MISSING,     /* there is no certificate */
    RENEWAL_LIFETIME,    /* the share of the lifetime (or renew_before) is reached */
    RENEWAL_NAMES,       /* the configured names are not those of the certificate */
    RENEWAL_KEY_TYPE,    /* likewise the key type */
    RENEWAL_EXPIRED,
    RENEWAL_REQUESTED    /* `renew now` */
};

const char *renewal_reason_to_str(enum renewal_reason reason); /* "no certificate yet", ... for people */

struct renewal_plan {
    int64_t at;                 /* Unix seconds of the next issuance attempt; <= now: at once */
    enum renewal_reason reason; /* why then */
    int64_t renew_at;           /* when the lifetime rule says to renew, whatever back-off and floors say */
    bool held;                  /* back-off or a floor moved `at` behind what the reason alone says */
    bool capped;                /* renew_before was longer than half of the lifetime and was capped */
};

/* facts: of the live certificate, or NULL. seed: any stable 64-bit number of the lineage and certificate (renewal_seed()), from
 * which the jitter comes, so that it needs no journal and does not change on restart. requested: a person asked. */
struct renewal_plan renewal_plan(const struct config_certificate *c, const struct cert_facts *facts,
                                 const struct journal *j, bool requested, uint64_t seed, int64_t now);

uint64_t renewal_seed(const char *lineage, const struct cert_facts *facts);

/* Seconds from now until the attempt after the `attempts`-th failure in a row (1, 2, ...) of the given
 * class; facts: the live certificate or NULL. jitter: 0..UINT32_MAX, random; spreads by +-10 %. e->retry_at is obeyed (clamped to 24 h). Never under 60,
 * never beyond an eighth of the remaining lifetime (but for retry_at and the floor), never overflows. */
int64_t renewal_backoff(const struct err *e, unsigned attempts, const struct cert_facts *facts, uint32_t jitter,
                        int64_t now);

/* Back-off of a deployment step: 1, 2, 5, 10 min, then every 30 min, +-10 %. */
int64_t renewal_deploy_backoff(unsigned attempts, uint32_t jitter);

/* The clock is sane: not before this program was built (day), as a booting machine without a clock has it. */
bool renewal_clock_sane(int64_t now);

#endif
