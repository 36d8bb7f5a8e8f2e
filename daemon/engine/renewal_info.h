/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_RENEWAL_INFO_H
#define ACMED_ENGINE_RENEWAL_INFO_H

/* Asks the CAs when they suggest to renew (RFC 9773, lib/ari.h), for all certificates. What they say is noted
 * in each journal; the certificate then plans anew.
 *
 * Polls come together: one waking serves all certificates whose time has come, a few requests at once over
 * kept connections, and no timer runs for each. A CA that cannot be reached is asked for one certificate
 * until it can. The CA's directory is fetched with the first poll and once a day; a CA that offers no renewal
 * information costs nothing else. */

#include "daemon/engine/engine.h"

#define RENEWAL_INFO_POLLS_MAX 8 /* in flight */

struct certificate;
struct renewal_info;

/* Everything is borrowed from g, whose fleet exists already. NULL: out of memory. */
struct renewal_info *renewal_info_new(struct engine *g);
/* Polls in flight are cancelled. NULL is ignored. */
void renewal_info_free(struct renewal_info *r);

/* The engine serves, or the clock was set: what is due is polled. */
void renewal_info_start(struct renewal_info *r);
/* This certificate is new. */
void renewal_info_changed(struct renewal_info *r, const struct certificate *c);

#endif
