/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool write_bytes(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* The owner changes while only the keeper may read the file; only then is it opened to others. */
static bool set_attr(int fd, const struct file_attr *attr)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    if ((attr->uid != (uid_t)-1 && attr->uid != st.st_uid) ||
        (attr->gid != (gid_t)-1 && attr->gid != st.st_gid))
        if (fchown(fd, attr->uid, attr->gid) != 0)
            return false;
    return fchmod(fd, attr->mode) == 0;
}

/* An open descriptor of the written, not yet synced file; -1 with e. */
static int write_one(const struct dir *d, const char *name, const struct file_content *f, struct err *e)
{
    int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        (void)dir_err(d, "create", name, errno, e);
        return -1;
    }
    if (!write_bytes(fd, f->data, f->len))
        (void)dir_err(d, "write", name, errno, e);
    else if (!set_attr(fd, &f->attr))
        (void)dir_err(d, "set owner and mode of", name, errno, e);
    else
        return fd;
    (void)close(fd);
    return -1;
}

/* A failed fsync is final: the kernel may have dropped the pages, so a second one would lie. */
static bool finish(const struct dir *d, const char *name, int fd, struct err *e)
{
    bool ok = fsync(fd) == 0 || dir_err(d, "make durable", name, errno, e);

    if (close(fd) != 0 && ok)
        ok = dir_err(d, "close", name, errno, e);
    return ok;
}

bool file_set_write(struct file_set *s, const struct dir *d, const struct file_content *files, size_t n,
                    struct err *e)
{
    s->n = 0;
    if (n > FILE_SET_MAX)
        return err_set(e, ERR_CLASS_INTERNAL, "too many files at once");
    for (size_t i = 0; i < n; i++) {
        int fd = write_one(d, files[i].name, &files[i], e);

        if (fd < 0) {
            file_set_close(s);
            return false;
        }
        s->names[s->n] = files[i].name;
        s->fds[s->n++] = fd;
    }
    /* Blocks are given out now: else each fsync would find a file still without, and pay for a commit of its
     * own. */
    for (size_t i = 0; i < n; i++)
        (void)sync_file_range(s->fds[i], 0, 0, SYNC_FILE_RANGE_WRITE);
    return true;
}

bool file_set_finish(struct file_set *s, const struct dir *d, struct err *e)
{
    bool ok = true;

    for (size_t i = 0; i < s->n; i++) {
        if (ok)
            ok = finish(d, s->names[i], s->fds[i], e);
        else
            (void)close(s->fds[i]);
    }
    s->n = 0;
    return ok;
}

void file_set_close(struct file_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        (void)close(s->fds[i]);
    s->n = 0;
}

bool file_write_all(const struct dir *d, const struct file_content *files, size_t n, struct err *e)
{
    struct file_set s;

    return file_set_write(&s, d, files, n, e) && file_set_finish(&s, d, e);
}

/* What a file is called until it is in its place; the caller frees. */
static char *beside(const char *name)
{
    char *temporary;

    return asprintf(&temporary, ".new-%s", name) < 0 ? NULL : temporary;
}

int file_replace_begin(const struct dir *d, const struct file_content *file, struct err *e)
{
    char *temporary = beside(file->name);
    int fd = -1;

    if (temporary == NULL) {
        (void)err_nomem(e, "writing a file");
        return -1;
    }
    if (dir_remove(d, temporary, e)) {
        fd = write_one(d, temporary, file, e);
        if (fd < 0)
            (void)unlinkat(d->fd, temporary, 0);
        else
            (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    free(temporary);
    return fd;
}

bool file_replace_finish(const struct dir *d, const char *name, int fd, struct err *e)
{
    char *temporary = beside(name);
    bool ok;

    if (temporary == NULL) {
        (void)close(fd);
        return err_nomem(e, "writing a file");
    }
    ok = finish(d, temporary, fd, e) && dir_rename(d, temporary, name, e);
    if (!ok)
        (void)unlinkat(d->fd, temporary, 0);
    free(temporary);
    return ok;
}

void file_replace_abandon(const struct dir *d, const char *name, int fd)
{
    char *temporary = beside(name);

    (void)close(fd);
    if (temporary != NULL)
        (void)unlinkat(d->fd, temporary, 0);
    free(temporary);
}

bool file_replace(const struct dir *d, const struct file_content *file, struct err *e)
{
    int fd = file_replace_begin(d, file, e);

    return fd >= 0 && file_replace_finish(d, file->name, fd, e) && dir_sync(d, e);
}

/* -1 with *missing or e. */
static int open_plain(const struct dir *d, const char *name, struct stat *st, bool *missing, struct err *e)
{
    /* O_NONBLOCK: a FIFO planted here must not stop the keeper. */
    int fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && missing != NULL) {
        *missing = true;
    } else if (fd < 0 && errno == ELOOP) {
        (void)err_set(e, ERR_CLASS_INTERNAL, "%s/%s is a symbolic link where acmed keeps a file: refused",
                      d->path, name);
    } else if (fd < 0) {
        (void)dir_err(d, "open", name, errno, e);
    } else if (fstat(fd, st) != 0) {
        (void)dir_err(d, "examine", name, errno, e);
    } else if (!S_ISREG(st->st_mode) || st->st_nlink != 1) {
        (void)err_set(e, ERR_CLASS_INTERNAL, "%s/%s is %s: refused. Remove it if you did not put it there",
                      d->path, name,
                      S_ISREG(st->st_mode) ? "also linked from elsewhere" : "not a plain file");
    } else {
        return fd;
    }
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static bool read_bytes(int fd, struct buf *out)
{
    for (;;) {
        char *room = buf_reserve(out, 4096);
        ssize_t n;

        if (room == NULL) {
            errno = EFBIG;
            return false;
        }
        n = read(fd, room, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        buf_grew(out, (size_t)n);
    }
}

bool file_read(const struct dir *d, const char *name, struct buf *out, struct stat *st, bool *missing,
               struct err *e)
{
    struct stat own;
    int fd;
    bool ok;

    if (st == NULL)
        st = &own;
    if (missing != NULL)
        *missing = false;
    fd = open_plain(d, name, st, missing, e);
    if (fd < 0)
        return false;
    if (st->st_size > FILE_MAX)
        ok = dir_err(d, "read", name, EFBIG, e);
    else
        ok = read_bytes(fd, out) || dir_err(d, "read", name, errno, e);
    (void)close(fd);
    return ok;
}

bool file_read_secret(const struct dir *d, const char *name, struct buf *out, bool *missing, struct err *e)
{
    struct stat st;

    if (!file_read(d, name, out, &st, missing, e))
        return false;
    if ((st.st_uid == geteuid() || st.st_uid == 0) && (st.st_mode & 077) == 0)
        return true;
    buf_clear(out);
    return err_set(
        e, ERR_CLASS_INTERNAL,
        "%s/%s (uid %u, mode %04o) may have been read or changed by others: refused. If you trust it: "
        "chown it to uid %u, chmod 0600",
        d->path, name, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777), (unsigned)geteuid());
}

bool file_equals(const struct dir *d, const struct file_content *file)
{
    struct buf content;
    struct stat st;
    bool missing;
    bool equal;

    buf_init_secret(&content, FILE_MAX + 8192);
    equal = file_read(d, file->name, &content, &st, &missing, NULL) &&
            (file->attr.uid == (uid_t)-1 || st.st_uid == file->attr.uid) &&
            (file->attr.gid == (gid_t)-1 || st.st_gid == file->attr.gid) &&
            (st.st_mode & 07777) == file->attr.mode && content.len == file->len &&
            (file->len == 0 || memcmp(content.data, file->data, file->len) == 0);
    buf_clear(&content);
    return equal;
}
