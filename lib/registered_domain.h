/* SPDX-License-Identifier: MIT */
#ifndef ACMED_REGISTERED_DOMAIN_H
#define ACMED_REGISTERED_DOMAIN_H

/* What CAs count certificates by: the registered domain of a DNS name (one label below its public suffix, by
 * the public suffix list as libpsl has it built in), an IPv4 address, an IPv6 network of /64. */

#include <stddef.h>

#define REGISTERED_DOMAIN_MAX 254 /* with the NUL */

/* name: an identifier in lower case, as the configuration has it (wildcards too). Written to out. A name that
 * is itself a public suffix stays as it is. */
void registered_domain(const char *name, char out[REGISTERED_DOMAIN_MAX]);

#endif
