/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_BINDING_H
#define ACMED_KEEPER_BINDING_H

/* External account bindings (RFC 8555 section 7.3.4). Their HMAC keys are read when an account is
 * registered and at no other time. */

#include "lib/config.h"
#include "lib/err.h"
#include "lib/key.h"

/* The binding of this CA's eab_kid and eab_hmac_file for a newAccount request to url, as JSON text; the
 * caller frees. NULL with e (class configuration: the file is not there, not as it ought to be, or others can
 * read it). */
char *binding_make(const struct config_ca *ca, const struct key *account_key, const char *url, struct err *e);

#endif
