/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_PROOF_H
#define ACMED_KEEPER_PROOF_H

/* What others publish to answer a challenge: made here, from configured names and our own account, so that
 * nobody else can have it say something else. */

#include "lib/config.h"
#include "lib/err.h"

#include <stdbool.h>

/* Whose proof it is. */
struct proof_account {
    const char *thumbprint;
    const char *url;
};

/* The TXT record that proves the identifier (without "*.") for the lineage (RFC 8555 section 8.4). Refused
 * (class internal): a challenge that is not proven so, a name that is not the lineage's, a malformed token.
 * The caller frees both. */
bool proof_dns(const struct config_certificate *c, const char *identifier, const char *token,
               const struct proof_account *account, char **name, char **value, struct err *e);

/* The content of the file in the lineage's webroot that proves the identifier (RFC 8555 section 8.3). Refused
 * likewise, and without a webroot. The caller frees. */
bool proof_http(const struct config_certificate *c, const char *identifier, const char *token,
                const struct proof_account *account, char **content, struct err *e);

#endif
