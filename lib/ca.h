/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CA_H
#define ACMED_CA_H

/* The CAs that acmed knows by name, and what is peculiar to each: one table for the configuration (which
 * names need no section), the pacing of orders, registration and status. */

#include "lib/ledger_rates.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ca_info {
    const char *name;          /* as `ca = NAME` has it */
    const char *directory;     /* https URL */
    const char *rsa_directory; /* where certificates with an RSA key are ordered instead; NULL: there, too */
    const char *keys_from;     /* where an operator gets keys of an external account binding (RFC 8555 section
                                  7.3.4), for messages; NULL: the CA registers accounts without */
    const char *staging;       /* the CA of this table whose certificates are for trials, where orders for
                                  this one are rehearsed; NULL: none is known */
    bool keys_once;            /* such a key serves for one registration */
    bool slow;                 /* a challenge or order may be `processing` for minutes */
    bool no_rollover;          /* an account's key cannot be changed (RFC 8555 section 7.3.5) */
    unsigned limit;            /* new orders a window that acmed allows itself; 0: no limit is known */
    int64_t limit_window;      /* seconds */
    struct ledger_rates rates; /* what else it limits */
};

/* The i-th, in the order of the documentation; NULL behind the last. Static storage. */
const struct ca_info *ca_at(size_t i);

/* The CA of that name (lower case), or the one whose directory is of the same origin as this URL: a CA that
 * the configuration calls otherwise is still the same. NULL: none that is known. */
const struct ca_info *ca_by_name(const char *name);
const struct ca_info *ca_by_directory(const char *url);

#endif
