/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_INSTALL_H
#define ACMED_KEEPER_INSTALL_H

/* From a downloaded chain to a live generation: stage, check key against certificate, then publish. */

#include "daemon/keeper/batch.h"
#include "daemon/keeper/pending.h"
#include "daemon/keeper/store.h"
#include "daemon/snapshot.h"
#include "lib/config.h"
#include "lib/err.h"

/* Owner, group and mode of the files of this certificate that hold its key. */
bool install_key_attr(const struct snapshot *snapshot, const struct config_certificate *c,
                      struct file_attr *attr, struct err *e);

/* How it ended: e NULL, then this generation is live, durably; else e is borrowed. */
typedef void install_done(void *arg, uint64_t generation, const struct err *e);

/* Checks the PEM chain against the pending key and the configured names at `now` (Unix seconds) and writes a
 * new generation; the batch, which is wanted for it, makes it durable and flips live/ to it. Then the pending
 * key is removed, and what is not kept any more by the new certificate's date. A repetition after a crash
 * ends with the generation that is live already, or takes the place of the newest if live/ never pointed to
 * that. False with e: nothing was begun, on_done is not called. */
bool install_begin(struct batch *batch, const struct snapshot *snapshot, struct pending *pending,
                   const struct config_certificate *c, const char *chain, size_t len, int64_t now,
                   install_done *on_done, void *arg, struct err *e);

#endif
