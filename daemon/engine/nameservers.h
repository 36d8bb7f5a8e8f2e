/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_NAMESERVERS_H
#define ACMED_ENGINE_NAMESERVERS_H

/* The servers that have authority over a zone, with their addresses. */

#include "daemon/engine/resolver.h"

#define NAMESERVERS_MAX 16 /* names; further ones are not asked */

struct nameserver {
    char *name;
    char *address;
};

struct nameservers;

/* Asks for them. on_done is called once, never before this returns; e: NULL, or why there are none. The
 * resolver must outlive the asking. NULL: out of memory, on_done is not called. */
struct nameservers *nameservers_new(struct resolver *r, const char *zone,
                                    void (*on_done)(void *arg, const struct err *e), void *arg);
/* After the resolver's end, or after on_done was called. NULL is ignored. */
void nameservers_free(struct nameservers *ns);

const char *nameservers_zone(const struct nameservers *ns);
/* What was found: one entry an address. Borrowed. */
const struct nameserver *nameservers_list(const struct nameservers *ns, size_t *n);

#endif
