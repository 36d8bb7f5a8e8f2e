/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CHALLENGE_H
#define ACMED_CHALLENGE_H

/* The ways to prove control of an identifier (RFC 8555 section 8, RFC 8737). One table: what a type is called
 * and what it can do. */

#include <stdbool.h>
#include <stddef.h>

enum challenge_type {
    CHALLENGE_TYPE_HTTP_01,        /* RFC 8555 section 8.3 */
    CHALLENGE_TYPE_TLS_ALPN_01,    /* RFC 8737, RFC 8738 section 6 */
    CHALLENGE_TYPE_DNS_01,         /* RFC 8555 section 8.4 */
    CHALLENGE_TYPE_DNS_ACCOUNT_01, /* draft-ietf-acme-dns-account-label */
    CHALLENGE_TYPE_DNS_PERSIST_01, /* draft-ietf-acme-dns-persist, experimental */
    CHALLENGE_TYPE_COUNT
};

/* "http-01", ... as in ACME and in the configuration. Static storage. */
const char *challenge_type_to_str(enum challenge_type type);
bool challenge_type_from_str(const char *s, enum challenge_type *type);

/* Can it prove a wildcard name (RFC 8555 section 7.1.3), an IP address (RFC 8738 section 7)? */
bool challenge_type_proves_wildcard(enum challenge_type type);
bool challenge_type_proves_ip(enum challenge_type type);

/* Is it proven by a record in the DNS, through `dns_hook`? */
bool challenge_type_is_dns(enum challenge_type type);

#define CHALLENGE_LABEL_MAX 18 /* bytes, with the NUL */

/* What stands before "._acme-challenge" in the names of dns-account-01, for the account of this URL:
 * "_ujmmovf2vn55tgye". False: it could not be computed. */
bool challenge_label(const char *account_url, char out[CHALLENGE_LABEL_MAX]);

/* The name of that record, or of the one of dns-persist-01, for the identifier (without "*."), for the
 * account of this URL; the caller frees. NULL: out of memory. */
char *challenge_record_name(enum challenge_type type, const char *identifier, const char *account_url);
/* The length of what stands before "_acme-challenge." in such a name of dns-account-01, some account's label
 * with its dot; 0: none does. */
size_t challenge_account_label(const char *record_name);

#endif
