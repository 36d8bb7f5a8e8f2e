/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CLOSED_DOMAINS_H
#define ACMED_CLOSED_DOMAINS_H

/* Registered domains that a CA takes no orders for, as its 429s quote them: each is closed until the CA's
 * Retry-After, then one order of it goes first, then ever more; after 64 that came through it is forgotten. A
 * part of the gate (lib/gate.h); pure. */

#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOSED_DOMAIN_MAX 254             /* bytes of a name, with the NUL */
#define CLOSED_MAX        (2 * 24 * 3600) /* seconds */

struct closed_domain;

/* Start with {0}. */
struct closed_domains {
    struct closed_domain *v; /* owned */
    size_t n;
};

void closed_domains_clear(struct closed_domains *d);
/* False: out of memory, *copy is empty. */
bool closed_domains_copy(struct closed_domains *copy, const struct closed_domains *d);

/* The first domain that the CA's text quotes and that one of the names belongs to: Let's Encrypt writes
 * `already issued for "example.com"`. Written to out; false: none. */
bool closed_domains_quoted(const char *text, const struct strv *names, char out[CLOSED_DOMAIN_MAX]);

/* until: Unix seconds, at most CLOSED_MAX ahead: one that lies further ahead later on was told under another
 * clock, and holds nobody. Of more than 1,000 the one that has been open again for the longest time gives
 * way. False: all of them are closed, or out of memory; this one is not. */
bool closed_domains_close(struct closed_domains *d, const char *name, int64_t until, int64_t now);

/* May an order for these names go? False: *until is when to ask again at the latest; 0: when another order
 * has ended. */
bool closed_domains_allow(const struct closed_domains *d, const struct strv *names, int64_t now,
                          int64_t *until);
/* When the last of those closed for these names opens; 0: none is closed. */
int64_t closed_domains_until(const struct closed_domains *d, const struct strv *names, int64_t now);
void closed_domains_started(struct closed_domains *d, const struct strv *names);
/* passed: it was issued. */
void closed_domains_ended(struct closed_domains *d, const struct strv *names, bool passed);

#endif
