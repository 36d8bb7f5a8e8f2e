/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A generation directory holds files; one level more is more than acmed ever makes. */
#define DEPTH_MAX 3

bool dir_err(const struct dir *d, const char *what, const char *name, int error, struct err *e)
{
    return err_set(e, ERR_CLASS_INTERNAL, "cannot %s %s%s%s: %s", what, d->path, name != NULL ? "/" : "",
                   name != NULL ? name : "", strerror(error));
}

bool dir_open_path(struct dir *d, const char *path, struct err *e)
{
    *d = (struct dir)DIR_CLOSED;
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot open the directory %s: %s", path, strerror(errno));
    d->path = strdup(path);
    if (d->path == NULL) {
        dir_close(d);
        return err_nomem(e, "opening a directory");
    }
    return true;
}

bool dir_open(struct dir *d, const struct dir *parent, const char *name, bool *missing, struct err *e)
{
    *d = (struct dir)DIR_CLOSED;
    if (missing != NULL)
        *missing = false;
    d->fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (d->fd < 0 && errno == ENOENT && missing != NULL) {
        *missing = true;
        return false;
    }
    if (d->fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        return err_set(e, ERR_CLASS_INTERNAL,
                       "%s/%s is not a directory; acmed uses nothing that was put in its place", parent->path,
                       name);
    if (d->fd < 0)
        return dir_err(parent, "open the directory", name, errno, e);
    if (asprintf(&d->path, "%s/%s", parent->path, name) < 0) {
        d->path = NULL;
        dir_close(d);
        return err_nomem(e, "opening a directory");
    }
    return true;
}

/* Ownership and mode of a directory that is open. */
static bool settle(const struct dir *d, mode_t mode, struct err *e)
{
    struct stat st;

    if (fstat(d->fd, &st) != 0)
        return dir_err(d, "examine", NULL, errno, e);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return err_set(
            e, ERR_CLASS_INTERNAL,
            "%s belongs to uid %u, not to the one acmed runs as (%u): refused. If you trust what is in it, "
            "chown it",
            d->path, (unsigned)st.st_uid, (unsigned)geteuid());
    return (st.st_mode & 07777) == mode || dir_set_mode(d, mode, e);
}

bool dir_make(struct dir *d, const struct dir *parent, const char *name, mode_t mode, struct err *e)
{
    bool made = mkdirat(parent->fd, name, 0700) == 0;

    *d = (struct dir)DIR_CLOSED;
    if (!made && errno != EEXIST)
        return dir_err(parent, "make the directory", name, errno, e);
    if (!dir_open(d, parent, name, NULL, e))
        return false;
    if (!settle(d, mode, e)) {
        dir_close(d);
        return false;
    }
    return true;
}

void dir_close(struct dir *d)
{
    if (d->fd >= 0)
        (void)close(d->fd);
    free(d->path);
    *d = (struct dir)DIR_CLOSED;
}

bool dir_list(const struct dir *d, struct strv *names, struct err *e)
{
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool ok = true;

    if (stream == NULL) {
        int error = errno;

        if (fd >= 0)
            (void)close(fd);
        return dir_err(d, "list", NULL, error, e);
    }
    errno = 0;
    while (ok && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = strv_add(names, entry->d_name) || err_nomem(e, "listing a directory");
    }
    if (ok && errno != 0)
        ok = dir_err(d, "list", NULL, errno, e);
    (void)closedir(stream);
    if (!ok)
        strv_clear(names);
    return ok;
}

bool dir_rename(const struct dir *d, const char *from, const char *to, struct err *e)
{
    if (renameat(d->fd, from, d->fd, to) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot rename %s/%s to %s: %s", d->path, from, to,
                       strerror(errno));
    return true;
}

bool dir_sync(const struct dir *d, struct err *e)
{
    return fsync(d->fd) == 0 || dir_err(d, "make durable", NULL, errno, e);
}

bool dir_set_mode(const struct dir *d, mode_t mode, struct err *e)
{
    return fchmod(d->fd, mode) == 0 || dir_err(d, "set the mode of", NULL, errno, e);
}

static bool remove_below(const struct dir *d, const char *name, unsigned depth, struct err *e)
{
    struct dir sub;
    struct strv names = {0};
    bool missing;
    bool ok;

    if (unlinkat(d->fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR)
        return dir_err(d, "remove", name, errno, e);
    if (depth == 0)
        return err_set(e, ERR_CLASS_INTERNAL, "%s/%s is deeper than anything acmed makes: not removed",
                       d->path, name);
    if (!dir_open(&sub, d, name, &missing, e))
        return missing;
    ok = dir_list(&sub, &names, e);
    for (size_t i = 0; ok && i < names.n; i++)
        ok = remove_below(&sub, names.v[i], depth - 1, e);
    strv_clear(&names);
    dir_close(&sub);
    if (ok && unlinkat(d->fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        ok = dir_err(d, "remove", name, errno, e);
    return ok;
}

bool dir_remove(const struct dir *d, const char *name, struct err *e)
{
    return remove_below(d, name, DEPTH_MAX, e);
}

bool dir_sweep(const struct dir *d, const char *prefix, struct err *e)
{
    struct strv names = {0};
    bool ok = dir_list(d, &names, e);

    for (size_t i = 0; ok && i < names.n; i++)
        if (strncmp(names.v[i], prefix, strlen(prefix)) == 0)
            ok = dir_remove(d, names.v[i], e);
    strv_clear(&names);
    return ok;
}
