/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DNS_PERSIST_H
#define ACMED_DNS_PERSIST_H

/* The record of dns-persist-01 (draft-ietf-acme-dns-persist): it says which account may have certificates
 * from which CA, and stays. Nothing in it is secret. */

#include "lib/strv.h"

#include <stdbool.h>
#include <stdint.h>

/* Its content; the caller frees. issuer: one of the names that the CA goes by; wildcard: for *.NAME, too.
 * NULL: out of memory. */
char *dns_persist_record(const char *issuer, const char *account_url, bool wildcard);

/* The whole record as a line of a zone file, its content in strings of at most 255 bytes: NAME. TXT "...".
 * The caller frees; NULL: out of memory. */
char *dns_persist_line(const char *name, const char *content);

/* Whether a TXT record, anything at all, allows this account of this CA (one of the issuers) what is wanted,
 * at now (Unix seconds). */
bool dns_persist_allows(const char *txt, const struct strv *issuers, const char *account_url, bool wildcard,
                        int64_t now);

#endif
