/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/trust.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A user's private group (primary, of the same name) is as good as the user. */
static bool private_group(uid_t owner, gid_t group)
{
    const struct passwd *pw = getpwuid(owner);
    char name[LOGIN_NAME_MAX];
    const struct group *gr;

    if (pw == NULL || pw->pw_gid != group || strlen(pw->pw_name) >= sizeof name)
        return false;
    (void)snprintf(name, sizeof name, "%s", pw->pw_name);
    gr = getgrgid(group);
    return gr != NULL && strcmp(gr->gr_name, name) == 0;
}

bool trust_stat(const char *path, const struct stat *st, uid_t uid, struct err *e)
{
    bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;

    if (st->st_uid != 0 && st->st_uid != uid)
        return err_set(e, ERR_CLASS_CONFIG, "%s belongs to uid %u; it must belong to root%s (chown root %s)",
                       path, (unsigned)st->st_uid, uid == 0 ? "" : " or to the user that runs acmed", path);
    if (sticky)
        return true;
    if ((st->st_mode & S_IWOTH) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s can be written by everybody (mode %04o); chmod o-w %s", path,
                       (unsigned)st->st_mode & 07777, path);
    if ((st->st_mode & S_IWGRP) != 0 && !private_group(st->st_uid, st->st_gid))
        return err_set(e, ERR_CLASS_CONFIG, "%s can be written by group %u (mode %04o); chmod g-w %s", path,
                       (unsigned)st->st_gid, (unsigned)st->st_mode & 07777, path);
    return true;
}

/* Each directory above the last component, "/" included. */
static bool check_parents(const char *path, uid_t uid, struct err *e)
{
    char dir[PATH_MAX];
    struct stat st;
    char *slash;

    if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
        return err_set(e, ERR_CLASS_CONFIG, "%s: the path is too long", path);
    while ((slash = strrchr(dir, '/')) != NULL) {
        slash[slash == dir ? 1 : 0] = '\0';
        if (stat(dir, &st) != 0)
            return err_set(e, ERR_CLASS_CONFIG, "%s: %s", dir, strerror(errno));
        if (!trust_stat(dir, &st, uid, e))
            return err_wrap(e, "%s is not safe", path);
        if (slash == dir)
            break;
    }
    return true;
}

bool trust_parents(const char *path, uid_t uid, struct err *e)
{
    char *resolved;
    bool ok;

    if (!check_parents(path, uid, e))
        return false;
    resolved = realpath(path, NULL);
    if (resolved == NULL)
        return err_set(e, ERR_CLASS_CONFIG, "%s: %s", path, strerror(errno));
    ok = strcmp(resolved, path) == 0 || check_parents(resolved, uid, e);
    free(resolved);
    return ok;
}
