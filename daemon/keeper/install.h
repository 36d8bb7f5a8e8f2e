/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_INSTALL_H
#define ACMED_KEEPER_INSTALL_H

/* From a downloaded chain to a live generation: stage, check key against certificate, then publish. */

#include "daemon/keeper/pending.h"
#include "daemon/keeper/store.h"
#include "daemon/snapshot.h"
#include "lib/config.h"
#include "lib/err.h"

/* Owner, group and mode of the files of this certificate that hold its key. */
bool install_key_attr(const struct snapshot *snapshot, const struct config_certificate *c,
                      struct file_attr *attr, struct err *e);

/* Checks the PEM chain against the pending key and the configured names at `now` (Unix seconds), makes a new
 * generation and flips live/ to it, durably; then removes the pending key and what is not kept any more. A
 * chain whose leaf is live already is answered with that generation: a repetition after a crash. */
bool install_chain(const struct store *store, const struct snapshot *snapshot, struct pending *pending,
                   const struct config_certificate *c, const char *chain, size_t len, int64_t now,
                   uint64_t *generation, struct err *e);

#endif
