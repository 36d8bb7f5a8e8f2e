/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_WRITER_H
#define ACMED_ENGINE_WRITER_H

/* The engine's own files, state/<lineage>.json and state/history/<lineage>.jsonl, written by a thread of
 * their own so that the loop never waits for a disk. Writes that wait together share their syncs; what
 * must be durable before something is done reports back when it is. */

#include "daemon/engine/loop.h"
#include "daemon/engine/state_files.h"
#include "lib/err.h"

struct writer;

/* files: borrowed, outlive the writer. NULL with e. */
struct writer *writer_new(struct loop *l, struct state_files *files, struct err *e);
/* Writes what is queued, then ends the thread. No callbacks any more. */
void writer_free(struct writer *w);

/* Replaces state/<lineage>.json by text (taken, freed). on_durable (NULL: nobody asks): e is NULL when it is
 * durable. A later put of the same lineage may overtake this one; both callers are then told when the later
 * text is durable. */
bool writer_put(struct writer *w, const char *lineage, char *text,
                void (*on_durable)(void *arg, const struct err *e), void *arg);
/* Appends a line (without newline; taken, freed) to state/history/<lineage>.jsonl, which is cut at 64 KiB.
 * Best effort. */
void writer_append(struct writer *w, const char *lineage, char *line);
/* For who reads the files: on_settled is called when all that was given before is in them. False: it is
 * already, or memory is out; there is no call then. */
bool writer_settle(struct writer *w, void (*on_settled)(void *arg, const struct err *e), void *arg);
/* Callbacks with this arg are not called any more; their writes still happen. */
void writer_forget(struct writer *w, const void *arg);

#endif
