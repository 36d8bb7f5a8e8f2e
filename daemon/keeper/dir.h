/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_DIR_H
#define ACMED_KEEPER_DIR_H

/* Directories of the store, held open as descriptors: nothing below them is ever reached by a path that
 * somebody could bend in between. The path is kept for messages only. */

#include "lib/err.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <sys/types.h>

struct dir {
    int fd;     /* owned */
    char *path; /* owned; absolute */
};

#define DIR_CLOSED                                                                                           \
    {                                                                                                        \
        -1, NULL                                                                                             \
    }

/* By absolute path: the state directory, or (copy.c) a directory that was checked by itself. */
bool dir_open_path(struct dir *d, const char *path, struct err *e);

/* The subdirectory `name`, which must be a directory and no symlink. *missing (may be NULL: then it is an
 * error) is set when there is none; the result is false and e untouched then. d is closed after any failure.
 */
bool dir_open(struct dir *d, const struct dir *parent, const char *name, bool *missing, struct err *e);

/* The same; made when missing, and given exactly this mode. Refused when it belongs to another user. That it
 * exists is not durable before dir_sync(parent): what is written into it comes first, and shares the disk's
 * commit. */
bool dir_make(struct dir *d, const struct dir *parent, const char *name, mode_t mode, struct err *e);

void dir_close(struct dir *d);

/* Entries but "." and ".."; names must be empty. */
bool dir_list(const struct dir *d, struct strv *names, struct err *e);

/* Renames within d, replacing what rename(2) replaces. Not durable before dir_sync(). */
bool dir_rename(const struct dir *d, const char *from, const char *to, struct err *e);

bool dir_sync(const struct dir *d, struct err *e);

bool dir_set_mode(const struct dir *d, mode_t mode, struct err *e);

/* Removes a file, link or directory of files below d, following nothing. A missing one is fine. */
bool dir_remove(const struct dir *d, const char *name, struct err *e);

/* Removes whatever begins with this prefix: what a crash left behind. */
bool dir_sweep(const struct dir *d, const char *prefix, struct err *e);

/* Internal error "cannot WHAT DIR/NAME: strerror". name may be NULL. Always false. */
bool dir_err(const struct dir *d, const char *what, const char *name, int error, struct err *e);

#endif
