/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DNS_DELEGATION_H
#define ACMED_DNS_DELEGATION_H

/* Where a CNAME record may lead to from the name of a challenge's record: `dns_delegation`. The DNS and the
 * process that asks it say where it leads, and neither is to have records set just anywhere. */

#include "lib/config.h"
#include "lib/err.h"

#include <stdbool.h>

/* May the certificate's dns_hook change records at target (dns_name_valid())? At and below the domains of
 * `dns_delegation`, at _acme-challenge.NAME of the certificate's own names (with an account's label, too),
 * and anywhere while that key is not given. identifier: what is proven there, for the message. False with e
 * (class configuration): what was asked for, and what would allow it. */
bool dns_delegation_check(const struct config_certificate *c, const char *identifier, const char *target,
                          struct err *e);

#endif
