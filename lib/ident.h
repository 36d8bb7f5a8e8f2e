/* SPDX-License-Identifier: MIT */
#ifndef ACMED_IDENT_H
#define ACMED_IDENT_H

/* Identifiers as certificates have them: DNS names, wildcards among them (RFC 8555 section 7.1.4, RFC 5280
 * section 4.2.1.6), and IP addresses (RFC 8738). Inside of acmed an identifier is its canonical text, which
 * also tells its type: A-labels in lower case without trailing dot, "*." in front of a wildcard; IPv4 dotted;
 * IPv6 as RFC 5952 section 4 has it, without brackets. Two identifiers are the same when the texts are. */

#include "lib/err.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENT_MAX         253 /* bytes of an identifier */
#define IDENT_ADDRESS_MAX 39  /* bytes of an IP address among them */

enum ident_type { IDENT_DNS, IDENT_IP };

/* "dns", "ip": as ACME has it. Static storage. */
const char *ident_type_to_str(enum ident_type type);

/* What an administrator writes (U-labels or A-labels, a wildcard, an address) made canonical. False with e
 * (class configuration, or internal when memory is out) that says what would be right; out is then untouched.
 * out may be s. */
bool ident_parse(const char *s, char out[IDENT_MAX + 1], struct err *e);

/* The same for the name of a host: neither wildcard nor address. */
bool ident_dns(const char *s, char out[IDENT_MAX + 1], struct err *e);

/* What a CA names in an order or an authorization, made canonical; it is not checked any further, so that it
 * can be told in a message. False when it is nothing that an identifier of that type ("dns", "ip") could be.
 */
bool ident_read(const char *type, const char *value, char out[IDENT_MAX + 1]);

/* Of a canonical identifier. */
enum ident_type ident_type(const char *ident);
bool ident_is_wildcard(const char *ident);
/* The name that a wildcard stands below, else the identifier itself; within ident. */
const char *ident_base(const char *ident);
/* Whether a certificate for ident is good for a host (canonical too): a wildcard stands for one label (RFC
 * 6125 section 6.4.3). */
bool ident_covers(const char *ident, const char *host);

/* True for IPv4 and (without brackets) IPv6 addresses in their usual notation. */
bool ident_is_address(const char *s);
/* The address's bytes in network order: 4 or 16 of them, 0 when s is no address. */
size_t ident_address_bytes(const char *s, uint8_t out[16]);
/* The reverse, canonical. False when an address has another length. */
bool ident_from_address(const uint8_t *bytes, size_t len, char out[IDENT_ADDRESS_MAX + 1]);

/* Why no public CA issues for this identifier ("a private address", ...); NULL when nothing speaks against
 * it. Static storage. */
const char *ident_not_public(const char *ident);

/* The server name to ask a server for (RFC 6066 section 3) which presents a certificate for these names: the
 * first DNS name; where there are wildcards only, host if one covers it, else a name below the first. False:
 * there are only addresses, for which no server name is sent. */
bool ident_server_name(const struct strv *names, const char *host, char out[IDENT_MAX + 1]);

/* The U-labels of an identifier, "*.bücher.example", where they lead back to the same A-labels and to no
 * others (RFC 5891 section 5.4). The caller frees; NULL: there are none, or memory is out. */
char *ident_to_unicode(const char *ident);

/* For people: "bücher.example (xn--bcher-kva.example)", or the identifier alone where its U-labels are no
 * others, or are not to be trusted. UTF-8. The caller frees; NULL: out of memory. */
char *ident_to_people(const char *ident);

#endif
