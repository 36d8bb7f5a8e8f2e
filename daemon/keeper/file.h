/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_FILE_H
#define ACMED_KEEPER_FILE_H

/* Files below a held directory: made exclusively, narrow from the first instant, durable when the call
 * returns; read only when they are what acmed would have made. */

#include "daemon/keeper/dir.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FILE_MAX (1024 * 1024) /* no file of the store is larger */

struct file_attr {
    uid_t uid; /* (uid_t)-1, (gid_t)-1: left as the file is made, and not compared */
    gid_t gid;
    mode_t mode;
};

/* What a file of the keeper's own is: its own user, 0600. */
#define FILE_PRIVATE ((struct file_attr){(uid_t)-1, (gid_t)-1, 0600})
#define FILE_PUBLIC  ((struct file_attr){(uid_t)-1, (gid_t)-1, 0644})

struct file_content {
    const char *name;
    const char *data; /* borrowed */
    size_t len;
    struct file_attr attr;
};

#define FILE_SET_MAX 8

/* New files of one directory, written and not synced yet. */
struct file_set {
    size_t n;
    int fds[FILE_SET_MAX];
    const char *names[FILE_SET_MAX]; /* borrowed */
};

/* Makes new files: all are written before the first fsync, which lets the disk take them together. None may
 * exist. On failure some may be left (the caller removes the directory), but nothing is open. */
bool file_set_write(struct file_set *s, const struct dir *d, const struct file_content *files, size_t n,
                    struct err *e);
/* Makes them durable; closed in any case. The directory is not synced. */
bool file_set_finish(struct file_set *s, const struct dir *d, struct err *e);
/* As they are. */
void file_set_close(struct file_set *s);

/* The two together. */
bool file_write_all(const struct dir *d, const struct file_content *files, size_t n, struct err *e);

/* Writes ".new-NAME" beside, durably, and renames it over NAME (a symlink there is replaced, not
 * followed); then syncs the directory. On failure the old file stays and nothing else is left. */
bool file_replace(const struct dir *d, const struct file_content *file, struct err *e);

/* The same in steps, so that several files can share the disk's commit: ".new-NAME" is written, its
 * descriptor returned (-1 with e) ... */
int file_replace_begin(const struct dir *d, const struct file_content *file, struct err *e);
/* ... then made durable, closed in any case, and renamed; the directory is the caller's to sync ... */
bool file_replace_finish(const struct dir *d, const char *name, int fd, struct err *e);
/* ... or closed and removed. */
void file_replace_abandon(const struct dir *d, const char *name, int fd);

/* Appends the content (at most FILE_MAX bytes) to out. Only a plain file with a single link is read;
 * links, FIFOs and the like are refused. st: NULL or receives the metadata. *missing (may be NULL: then it is
 * an error) is set when there is none; the result is false and e untouched then. */
bool file_read(const struct dir *d, const char *name, struct buf *out, struct stat *st, bool *missing,
               struct err *e);

/* The same for a secret of the keeper's own: refused also when another user owns it or may read or change it.
 */
bool file_read_secret(const struct dir *d, const char *name, struct buf *out, bool *missing, struct err *e);

/* True when NAME is a plain file of exactly this content and these attributes. */
bool file_equals(const struct dir *d, const struct file_content *file);

#endif
