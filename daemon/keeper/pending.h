/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_PENDING_H
#define ACMED_KEEPER_PENDING_H

/* The keys of orders in flight: certs/LINEAGE/pending/key.pem, durable before anybody hears of it (L2: those
 * made meanwhile become durable together, when the batch they are in is committed), reused by a resumed
 * order, gone when its certificate is installed. EC keys are made at once, RSA keys in a child; with
 * reuse_key the live key takes the place of a new one (reuse.h). */

#include "daemon/keeper/batch.h"
#include "daemon/keeper/store.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/key.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define PENDING_CHILDREN_MAX 4 /* RSA keys being made at a time; further ones wait */

struct pending;

enum pending_result { PENDING_READY, PENDING_WAIT, PENDING_FAILED };

/* All are borrowed. NULL: out of memory. */
struct pending *pending_new(const struct store *store, const struct config *config, struct batch *batch);
void pending_free(struct pending *p); /* ends children */

/* The lineage will need a key soon: made, if there is none, by a later pending_work(). */
void pending_want(struct pending *p, const struct config_certificate *c);

/* One piece of what pending_want() asked for; true: there is more that can be done at once. Failures show in
 * pending_get(). */
bool pending_work(struct pending *p);

/* The durable pending key (borrowed until discarded), made now if there is none. WAIT: it is being made, or
 * the batch is wanted for it; ask again after pending_work(), pending_dispatch() and batch_commit(). FAILED
 * (with e) is told once: the next call tries again. */
enum pending_result pending_get(struct pending *p, const struct config_certificate *c, const struct key **key,
                                struct err *e);

/* The pending key if there is one on disk (borrowed), else *key is NULL. False with e: it cannot be read. */
bool pending_existing(struct pending *p, const struct config_certificate *c, const struct key **key,
                      struct err *e);

/* Removes the pending key, finished or not; durably, unless its generation is installed: then a key that came
 * back would be seen to be that. One that is not installed was refused by the CA: were it the live key, that
 * is not offered again. */
bool pending_discard(struct pending *p, const struct config_certificate *c, bool installed, struct err *e);

/* What to poll for the children: at most PENDING_CHILDREN_MAX entries; returns their number. */
size_t pending_poll(const struct pending *p, struct pollfd *fds);
/* One of them is readable. */
void pending_dispatch(struct pending *p, int fd);

#endif
