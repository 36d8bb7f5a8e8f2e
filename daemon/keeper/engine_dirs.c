/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/engine_dirs.h"

#include "lib/strv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One entry of state/, which another user of acmed's made before `user` was changed. Links are left as they
 * are. */
static bool hand_over(const struct dir *d, const char *name, uid_t from, uid_t uid, gid_t gid, struct err *e)
{
    struct stat st;
    int fd;
    bool ok;

    if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return true;
    fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return dir_err(d, "open", name, errno, e);
    ok = true;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == from)
        ok = fchown(fd, uid, gid) == 0 || dir_err(d, "change the owner of", name, errno, e);
    (void)close(fd);
    return ok;
}

static bool hand_over_all(const struct dir *d, uid_t from, uid_t uid, gid_t gid, struct err *e)
{
    struct strv names = {0};
    bool ok = dir_list(d, &names, e);

    for (size_t i = 0; ok && i < names.n; i++)
        ok = hand_over(d, names.v[i], from, uid, gid, e);
    strv_clear(&names);
    /* The directory last: until then its old owner's name says that the work is not done. */
    if (ok && fchown(d->fd, uid, gid) != 0)
        ok = dir_err(d, "change the owner of", NULL, errno, e);
    return ok;
}

/* A directory of the engine's; the keeper looks inside only when it has to change hands. */
static bool make_engine_dir(struct dir *d, const struct dir *parent, const char *name, uid_t uid, gid_t gid,
                            struct err *e)
{
    struct stat st;
    bool ok;

    if (mkdirat(parent->fd, name, 0700) != 0 && errno != EEXIST)
        return dir_err(parent, "make the directory", name, errno, e);
    if (!dir_open(d, parent, name, NULL, e))
        return false;
    ok = fstat(d->fd, &st) == 0 || dir_err(d, "examine", NULL, errno, e);
    if (ok && (st.st_mode & 07777) != 0700)
        ok = fchmod(d->fd, 0700) == 0 || dir_err(d, "set the mode of", NULL, errno, e);
    if (ok && st.st_uid != uid)
        ok = hand_over_all(d, st.st_uid, uid, gid, e);
    if (!ok)
        dir_close(d);
    return ok;
}

bool engine_dirs_make(const struct dir *root, uid_t uid, gid_t gid, struct err *e)
{
    struct dir state = DIR_CLOSED;
    struct dir history = DIR_CLOSED;
    bool ok = make_engine_dir(&state, root, "state", uid, gid, e);

    if (!ok)
        return false;
    ok = make_engine_dir(&history, &state, "history", uid, gid, e);
    if (ok)
        dir_close(&history);
    dir_close(&state);
    return ok;
}
