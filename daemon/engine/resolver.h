/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_RESOLVER_H
#define ACMED_ENGINE_RESOLVER_H

/* Questions to DNS servers, on the engine's loop. The only file that sees c-ares, which repeats lost
 * questions, tries the next server, and takes TCP for long replies. */

#include "daemon/engine/loop.h"
#include "lib/dns_reply.h"
#include "lib/strv.h"

struct resolver;

/* servers: "ADDRESS:PORT", "[ADDRESS]:PORT"; NULL, or none: those of /etc/resolv.conf as it is now.
 * recursive: they are to ask others (RFC 1035 section 4.1.1, RD). NULL with e. */
struct resolver *resolver_new(struct loop *l, const struct strv *servers, bool recursive, struct err *e);
/* What was asked is not answered any more. NULL is ignored. */
void resolver_free(struct resolver *r);

/* done is called once, never before this returns; it may free the resolver. reply: that there is no such name
 * or no such record is one, too; borrowed. Else NULL and e: no server gave one. False: out of memory, done is
 * not called. */
bool resolver_ask(struct resolver *r, const char *name, enum dns_type type,
                  void (*done)(void *arg, const struct dns_reply *reply, const struct err *e), void *arg);

#endif
