/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/trust.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel follows */

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

/* The link at `dir`/`name` must be as safe as what it leads to, and so must each directory on its way:
 * replaces `rest` by what is to be walked from here on. */
static bool follow(const char *link, const struct stat *st, uid_t uid, char *dir, char rest[PATH_MAX],
                   struct err *e)
{
    char target[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t n = readlink(link, target, sizeof target - 1);

    if (n < 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s: %s", link, strerror(errno));
    target[n] = '\0';
    if (st->st_uid != 0 && st->st_uid != uid)
        return err_set(e, ERR_CLASS_CONFIG, "the symbolic link %s belongs to uid %u; it must belong to root",
                       link, (unsigned)st->st_uid);
    (void)snprintf(joined, sizeof joined, "%s%s%s", target, rest[0] != '\0' ? "/" : "", rest);
    if (strlen(joined) >= PATH_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "%s: the path is too long", link);
    memcpy(rest, joined, strlen(joined) + 1);
    if (target[0] == '/')
        dir[0] = '\0';
    return true;
}

/* Walks the path as the kernel does, by way of every link: realpath() would pass over a link in a directory
 * of somebody else that leads on to a safe place today. */
static bool check_links(const char *path, uid_t uid, struct err *e)
{
    char dir[PATH_MAX] = "", rest[PATH_MAX], full[2 * PATH_MAX];
    struct stat st;

    (void)snprintf(rest, sizeof rest, "%s", path);
    for (int links = 0; links < LINKS_MAX;) {
        size_t skip = strspn(rest, "/"), len = strcspn(rest + skip, "/");

        if (len == 0)
            return true;
        (void)snprintf(full, sizeof full, "%s/%.*s", dir, (int)len, rest + skip);
        memmove(rest, rest + skip + len, strlen(rest + skip + len) + 1);
        memmove(rest, rest + strspn(rest, "/"), strlen(rest + strspn(rest, "/")) + 1);
        if (lstat(full, &st) != 0 || strlen(full) >= sizeof dir)
            return err_set(e, ERR_CLASS_CONFIG, "%s: %s", full, strerror(errno));
        if (S_ISLNK(st.st_mode)) {
            links++;
            if (!follow(full, &st, uid, dir, rest, e))
                return err_wrap(e, "%s is not safe", path);
        } else {
            if (S_ISDIR(st.st_mode) && !trust_stat(full, &st, uid, e))
                return err_wrap(e, "%s is not safe", path);
            memcpy(dir, full, strlen(full) + 1);
        }
    }
    return err_set(e, ERR_CLASS_CONFIG, "%s: too many symbolic links", path);
}

bool trust_parents(const char *path, uid_t uid, struct err *e)
{
    return check_parents(path, uid, e) && check_links(path, uid, e);
}

bool trust_file(const char *path, uid_t uid, bool program, struct err *e)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_CLASS_CONFIG, "%s is not a regular file", path);
    if (program && (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s is not executable (chmod +x %s)", path, path);
    return trust_stat(path, &st, uid, e) && trust_parents(path, uid, e);
}
