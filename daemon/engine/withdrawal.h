/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_WITHDRAWAL_H
#define ACMED_ENGINE_WITHDRAWAL_H

/* Taking back what was published to answer challenges, DNS records and files in a webroot: after every order,
 * whatever came of it, and after a crash. The journal remembers what there is (published); what cannot be
 * removed is tried again. */

#include "daemon/engine/engine.h"

struct certificate;
struct withdrawals;

/* The place of a file, for journal_publish(). No DNS record has this name. */
#define WITHDRAWAL_WEBROOT "@webroot"

/* NULL: out of memory. */
struct withdrawals *withdrawals_new(struct engine *g);
void withdrawals_free(struct withdrawals *w);

/* Everything that the certificate's journal has as published, as far as it is not under way already. */
void withdraw(struct withdrawals *w, struct certificate *c);
/* None is begun or tried again for it from here on: it goes away, or publishes anew what may be the same. The
 * journal keeps what there is, for withdraw(). */
void withdraw_forget(struct withdrawals *w, const struct certificate *c);

#endif
