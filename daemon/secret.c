/* SPDX-License-Identifier: MIT */
#include "daemon/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "credential:";

bool secret_is_credential(const char *value)
{
    return strncmp(value, prefix, sizeof prefix - 1) == 0;
}

bool secret_path(const char *value, char path[PATH_MAX], struct err *e)
{
    const char *name = value + sizeof prefix - 1;
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    int n;

    if (!secret_is_credential(value))
        n = snprintf(path, PATH_MAX, "%s", value);
    else if (dir == NULL || dir[0] != '/')
        return err_set(e, ERR_CLASS_CONFIG,
                       "systemd passed no credentials: give the unit of acmed `LoadCredential=%s:PATH` "
                       "(systemctl edit acmed) and restart it",
                       name);
    else
        n = snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return n < PATH_MAX || err_set(e, ERR_CLASS_CONFIG, "the path is too long");
}

bool secret_check(const char *value, const struct stat *st, uid_t uid, struct err *e)
{
    /* Where the unit has a User=, systemd lets it in by an access control list, whose mask looks like rights
     * of the group. */
    mode_t others = secret_is_credential(value) ? 0007 : 0077;

    if (!S_ISREG(st->st_mode))
        return err_set(e, ERR_CLASS_CONFIG, "is not a plain file");
    if (st->st_uid != 0 && st->st_uid != uid)
        return err_set(e, ERR_CLASS_CONFIG, "belongs to uid %u; it must belong to root%s (chown root %s)",
                       (unsigned)st->st_uid, uid == 0 ? "" : " or to the user that runs acmed", value);
    if ((st->st_mode & others) != 0)
        return err_set(
            e, ERR_CLASS_CONFIG,
            "can be read or written by others (mode %04o), and whoever has this key can act in your "
            "name: chmod 0600 %s",
            (unsigned)st->st_mode & 07777, value);
    return true;
}

static bool read_all(int fd, struct buf *out, struct err *e)
{
    char *room;
    ssize_t n;

    do {
        room = buf_reserve(out, 1024);
        n = room != NULL ? read(fd, room, 1024) : 0;
        if (n > 0)
            buf_grew(out, (size_t)n);
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (room == NULL)
        return err_set(e, ERR_CLASS_CONFIG, "is too large for a secret");
    return n == 0 || err_set(e, ERR_CLASS_CONFIG, "cannot be read: %s", strerror(errno));
}

/* What is checked is what is read: everything is done on one descriptor. */
bool secret_read(const char *value, struct buf *out, struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    bool ok;
    int fd;

    if (!secret_path(value, path, e))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set(e, ERR_CLASS_CONFIG, "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &st) != 0)
        ok = err_set(e, ERR_CLASS_CONFIG, "cannot be examined: %s", strerror(errno));
    else
        ok = secret_check(value, &st, geteuid(), e) && read_all(fd, out, e);
    (void)close(fd);
    return ok;
}
