/* SPDX-License-Identifier: MIT */
#ifndef ACMED_LEDGER_RATES_H
#define ACMED_LEDGER_RATES_H

/* Limits of a CA on certificates and on failed validations: which there are, and what CAs publish. */

#include <stddef.h>
#include <stdint.h>

enum ledger_limit {
    LEDGER_DOMAIN,   /* new certificates of one registered domain */
    LEDGER_SET,      /* certificates of exactly the same names */
    LEDGER_FAILURES, /* failed validations of one name */
    LEDGER_LIMITS
};

const char *ledger_limit_to_str(enum ledger_limit limit); /* "domain", "set", "failures" */

/* "7 days", "3 h", "90 s". */
void ledger_window_to_str(int64_t window_s, char *text, size_t size);

struct ledger_rate {
    unsigned n; /* 0: no limit */
    int64_t window_s;
};

struct ledger_rates {
    struct ledger_rate v[LEDGER_LIMITS];
};

/* Published by the CA whose directory this is (lib/ca.h): Let's Encrypt's 50 in 7 days for a registered
 * domain, 5 in 7 days for a set of names, 5 failed validations an hour for a name. NULL: none are known. */
const struct ledger_rates *ledger_rates(const char *directory_url);

#endif
