/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/state_dir.h"

#include "daemon/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check_owner(const char *path, const struct stat *st, uid_t uid, struct err *e)
{
    if (!S_ISDIR(st->st_mode))
        return err_set(e, ERR_CLASS_CONFIG, "state_dir = %s: is not a directory", path);
    if (st->st_uid != uid)
        return err_set(
            e, ERR_CLASS_CONFIG,
            "state_dir = %s: belongs to uid %u, but acmed runs as uid %u; run acmed as its owner, or give "
            "the whole directory to uid %u",
            path, (unsigned)st->st_uid, (unsigned)uid, (unsigned)uid);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "state_dir = %s: can be written by others (chmod go-w %s)", path,
                       path);
    return true;
}

bool state_dir_check(const char *path, uid_t uid, struct err *e)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return check_owner(path, &st, uid, e);
    if (errno == ENOENT)
        return true;
    return err_set(e, ERR_CLASS_CONFIG, "state_dir = %s: %s", path, strerror(errno));
}

bool state_dir_prepare(const char *path, uid_t uid, struct err *e)
{
    struct stat st;

    if (mkdir(path, 0755) == 0)
        (void)chmod(path, 0755); /* whatever the umask */
    else if (errno != EEXIST)
        return err_set(e, ERR_CLASS_CONFIG, "state_dir = %s: cannot be made: %s", path, strerror(errno));
    if (stat(path, &st) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "state_dir = %s: %s", path, strerror(errno));
    return check_owner(path, &st, uid, e);
}

/* What lies in the engine's directory may have been planted by a hostile engine: a link (of either kind) is
 * not followed. */
static void give_file(int dir, const char *name, uid_t uid, gid_t gid)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid != uid)
        (void)!fchown(fd, uid, gid); /* the engine tells what it may not open */
    (void)close(fd);
}

static int open_room(int parent, const char *name, struct stat *st)
{
    int fd;

    (void)mkdirat(parent, name, 0700);
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, st) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* Takes over fd. */
static bool give_directory(int fd, const struct stat *st, uid_t uid, gid_t gid)
{
    const struct dirent *d;
    DIR *dir;

    if (st->st_uid == uid) {
        (void)close(fd);
        return true;
    }
    if (fchown(fd, uid, gid) != 0 || fchmod(fd, 0700) != 0 || (dir = fdopendir(fd)) == NULL) {
        (void)close(fd);
        return false;
    }
    while ((d = readdir(dir)) != NULL)
        give_file(dirfd(dir), d->d_name, uid, gid);
    (void)closedir(dir);
    return true;
}

bool state_dir_give(const char *path, uid_t engine_uid, gid_t engine_gid, struct err *e)
{
    int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), state = -1, history = -1;
    struct stat st, history_st;
    bool ok = false;

    if (top >= 0)
        state = open_room(top, "state", &st);
    if (state >= 0)
        history = open_room(state, "history", &history_st);
    if (history >= 0)
        ok = give_directory(history, &history_st, engine_uid, engine_gid);
    if (ok)
        ok = give_directory(state, &st, engine_uid, engine_gid);
    else if (state >= 0)
        (void)close(state);
    if (!ok)
        err_set(e, ERR_CLASS_INTERNAL, "%s/state cannot be given to uid %u: %s", path, (unsigned)engine_uid,
                strerror(errno));
    if (top >= 0)
        (void)close(top);
    return ok;
}
