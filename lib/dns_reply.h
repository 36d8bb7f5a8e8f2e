/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DNS_REPLY_H
#define ACMED_DNS_REPLY_H

/* Replies of DNS servers (RFC 1035 section 4), as far as proofs in the DNS need them. What comes from the
 * network is taken for hostile: sizes are bounded, names are checked. */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX      255 /* bytes of a name in text, more than any has */
#define DNS_MESSAGE_MAX   65535
#define DNS_RECORDS_MAX   256 /* of one reply; further ones are not looked at */
#define DNS_RCODE_OK      0
#define DNS_RCODE_NX_NAME 3

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
};

/* A record of one of these types. */
struct dns_record {
    char *name; /* canonical: lower case, no dot at the end; the root is "." */
    uint16_t type;
    bool answer; /* of the answer section; else of the authority section */
    char *data; /* A, AAAA: the address; NS, CNAME, SOA: the (first) name, canonical; TXT: its strings, joined
                 */
};

struct dns_reply {
    unsigned rcode;
    bool authoritative; /* says the server */
    struct dns_record *v;
    size_t n;
};

/* Records of other types or classes, with names that no host has, or with a NUL in their text are left out. r
 * is untouched on failure; else dns_reply_clear() ends it. */
bool dns_reply_parse(struct dns_reply *r, const uint8_t *message, size_t len, struct err *e);
void dns_reply_clear(struct dns_reply *r);

/* The i-th (0, 1, ...) answer of this owner and type; NULL: there are fewer. Borrowed. */
const char *dns_reply_find(const struct dns_reply *r, const char *name, enum dns_type type, size_t i);

/* A name that records may have: 1 to 63 letters, digits, `-` and `_` between dots, 253 in all. */
bool dns_name_valid(const char *name);
/* The name is the zone's own or one below. */
bool dns_name_is_below(const char *name, const char *zone);

#endif
