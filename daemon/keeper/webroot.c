/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/webroot.h"

#include "daemon/keeper/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool walk_err(const char *path, int error, struct err *e)
{
    if (error == ELOOP || error == ENOTDIR)
        return err_set(e, ERR_CLASS_CONFIG,
                       "webroot: %s is no directory, or a symbolic link, which acmed does not follow: name "
                       "the directory itself",
                       path);
    return err_set(e, ERR_CLASS_CONFIG, "webroot: cannot open %s: %s", path, strerror(error));
}

/* From the root, one directory after the other. -1 with e. */
static int walk(const char *path, struct err *e)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), next;
    char *copy = strdup(path);
    char *rest = copy;
    const char *name;

    if (copy == NULL || fd < 0)
        err_nomem(e, "opening a directory");
    while (fd >= 0 && (name = strsep(&rest, "/")) != NULL) {
        if (*name == '\0')
            continue;
        next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            walk_err(path, errno, e);
        (void)close(fd);
        fd = next;
    }
    free(copy);
    return copy != NULL ? fd : -1;
}

static bool open_root(struct dir *d, const char *path, struct err *e)
{
    struct stat st;

    *d = (struct dir){.fd = walk(path, e), .path = strdup(path)};
    if (d->fd >= 0 && d->path != NULL && fstat(d->fd, &st) == 0) {
        if ((st.st_mode & S_IWOTH) == 0)
            return true;
        err_set(e, ERR_CLASS_CONFIG, "webroot: %s can be written by everybody (mode %04o): chmod o-w %s",
                path, (unsigned)st.st_mode & 07777, path);
    } else if (d->fd >= 0) {
        err_nomem(e, "opening a directory");
    }
    dir_close(d);
    return false;
}

/* The directory below, whoever owns it, made if make; the parent is closed. */
static bool descend(struct dir *d, const char *name, bool make, bool *missing, struct err *e)
{
    struct dir below = DIR_CLOSED;
    bool made = make && mkdirat(d->fd, name, 0755) == 0;
    bool ok = (!make || made || errno == EEXIST) || dir_err(d, "make the directory", name, errno, e);

    ok = ok && dir_open(&below, d, name, missing, e) && (!made || dir_set_mode(&below, 0755, e));
    dir_close(d);
    *d = below;
    if (!ok)
        dir_close(d);
    return ok;
}

/* Where the tokens are. *missing (NULL: it is made): there is no such directory. */
static bool open_tokens(struct dir *d, const char *path, bool *missing, struct err *e)
{
    bool make = missing == NULL;

    return open_root(d, path, e) && descend(d, ".well-known", make, missing, e) &&
           descend(d, "acme-challenge", make, missing, e);
}

bool webroot_publish(const char *dir, const char *token, const char *content, struct err *e)
{
    const struct file_content file = {
        .name = token, .data = content, .len = strlen(content), .attr = FILE_PUBLIC};
    struct dir d;
    bool ok;

    if (!open_tokens(&d, dir, NULL, e))
        return false;
    ok = file_replace(&d, &file, e);
    dir_close(&d);
    return ok;
}

static bool is_ours(const struct dir *d, const char *token, const char *content, bool *missing, struct err *e)
{
    struct buf found;
    bool ok;

    buf_init(&found, FILE_MAX);
    ok = file_read(d, token, &found, NULL, missing, e);
    if (ok && (found.len != strlen(content) || memcmp(found.data, content, found.len) != 0))
        ok = err_set(e, ERR_CLASS_INTERNAL, "%s/%s is not what acmed has put there: it is left", d->path,
                     token);
    buf_clear(&found);
    return ok;
}

bool webroot_withdraw(const char *dir, const char *token, const char *content, struct err *e)
{
    char unfinished[NAME_MAX + 8]; /* by a crash */
    bool missing = false;
    struct dir d;
    bool ok;

    if (!open_tokens(&d, dir, &missing, e))
        return missing;
    (void)snprintf(unfinished, sizeof unfinished, ".new-%s", token);
    (void)unlinkat(d.fd, unfinished, 0);
    ok = is_ours(&d, token, content, &missing, e) &&
         (unlinkat(d.fd, token, 0) == 0 || errno == ENOENT || dir_err(&d, "remove", token, errno, e));
    dir_close(&d);
    return ok || missing;
}
