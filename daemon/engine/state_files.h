/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_STATE_FILES_H
#define ACMED_ENGINE_STATE_FILES_H

/* The engine's own files below the state directory: state/<lineage>.json, replaced whole by a rename, and
 * state/history/<lineage>.jsonl, append only and cut at 64 KiB. Blocking: the writer's thread calls the
 * functions that write, the loop only those that read, at start and for `history`. Lineages come from the
 * configuration. */

#include "lib/err.h"

#include <stddef.h>

struct state_files {
    int state_fd;
    int history_fd;
    unsigned n_writes; /* since the last state_files_sync(): the next one's number */
};

/* A replacement on its way: state/.new-NUMBER. It changes places with what it replaces, whose file is written
 * anew by a later one: making and removing a file each time costs file systems far more. */
struct state_write {
    int fd; /* -1: failed, or published */
    unsigned number;
};

/* Both directories exist: the keeper makes them. */
bool state_files_open(struct state_files *f, const char *state_dir, struct err *e);
void state_files_close(struct state_files *f);

/* First half of a replacement: the text beside its target, not synced. */
bool state_files_write(struct state_files *f, const char *lineage, const char *text, struct state_write *w,
                       struct err *e);
/* Second half: syncs, closes, renames. After a failure, which is never retried on the same file, the old text
 * stays. */
bool state_files_publish(struct state_files *f, const char *lineage, struct state_write *w, struct err *e);
/* Syncs the directory: what was published is durable, and the files of what was replaced are free. */
bool state_files_sync(struct state_files *f, struct err *e);

/* Best effort: history is for people. */
void state_files_append(struct state_files *f, const char *lineage, const char *text);

/* NULL: there is no such file (e->class NONE) or it cannot be read. The caller frees. */
char *state_files_load(struct state_files *f, const char *lineage, size_t *len, struct err *e);
/* Moves a journal that cannot be used aside, to <lineage>.json.bad. */
void state_files_quarantine(struct state_files *f, const char *lineage);
/* "" when there is none; NULL: out of memory. The caller frees. */
char *state_files_history(struct state_files *f, const char *lineage, size_t *len);

#endif
