/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/copy.h"

#include "daemon/keeper/generation.h"
#include "daemon/keeper/install.h"
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOBODY ((uid_t)-1)

/* Who may put something else in the place of what is in this directory: its owner, and those who may write to
 * it. The directory that takes the copy may belong to the user whom the copy is for (postgresql's own, say):
 * what he can do there he can do with the copy anyhow; `owner` is that user, NOBODY for the directories
 * above, where a sticky one will do. */
static bool is_safe(const struct stat *st, bool last, uid_t owner)
{
    bool group = (st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 && st->st_gid != getegid();

    if (st->st_uid != 0 && st->st_uid != geteuid() && (owner == NOBODY || st->st_uid != owner))
        return false;
    if (!last && (st->st_mode & S_ISVTX) != 0)
        return true;
    return (st->st_mode & S_IWOTH) == 0 && !group;
}

static bool check(int fd, const char *path, bool last, uid_t owner, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot examine %s: %s", path, strerror(errno));
    if (is_safe(&st, last, owner))
        return true;
    return err_set(
        e, ERR_CLASS_CONFIG,
        "%s (uid %u, gid %u, mode %04o) can be changed by others than root and acmed: no copy is put below "
        "it. Make it root's (chown root, chmod go-w), or copy elsewhere",
        path, (unsigned)st.st_uid, (unsigned)st.st_gid, (unsigned)(st.st_mode & 07777));
}

/* Each directory as the path names it, from the root: none can be exchanged after it was looked at, because
 * the one above was found safe. */
static bool check_down(char *path, struct err *e)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        int fd;
        bool ok;

        *slash = '\0';
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        ok = fd >= 0
                 ? check(fd, path, false, NOBODY, e)
                 : err_set(e, ERR_CLASS_CONFIG, "cannot open the directory %s: %s", path, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        *slash = '/';
        if (!ok)
            return false;
    }
    return true;
}

/* And each as it really is, where the path went through symbolic links. */
static bool check_up(const struct dir *d, struct err *e)
{
    struct stat below;
    struct stat here = {0};
    int fd = openat(d->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fstat(fd, &here) == 0;

    do {
        int up = ok ? openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

        below = here;
        ok = up >= 0 && fstat(up, &here) == 0;
        if (fd >= 0)
            (void)close(fd);
        fd = up;
        if (ok && !check(fd, d->path, false, NOBODY, e)) {
            (void)close(fd);
            return err_wrap(e, "a directory above %s", d->path);
        }
    } while (ok && (here.st_dev != below.st_dev || here.st_ino != below.st_ino));
    if (fd >= 0)
        (void)close(fd);
    return ok || dir_err(d, "examine what is above", NULL, errno, e);
}

/* Opens the directory of the path's last component, *name, which points into the path. */
static bool open_parent(struct dir *d, const char *path, uid_t owner, const char **name, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *parent;
    bool ok;

    if (*path != '/' || slash == NULL || slash[1] == '\0')
        return err_set(e, ERR_CLASS_CONFIG, "%s does not name a file", path);
    parent = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    if (parent == NULL)
        return err_nomem(e, "copying");
    ok = check_down(parent, e) && dir_open_path(d, parent, e);
    free(parent);
    if (!ok)
        return false;
    if (!check(d->fd, d->path, true, owner, e) || !check_up(d, e)) {
        dir_close(d);
        return false;
    }
    *name = slash + 1;
    return true;
}

static bool has_key(enum copy_kind kind)
{
    return kind == COPY_PRIVKEY || kind == COPY_HAPROXY;
}

/* What is copied from. */
struct source {
    const struct dir *live;
    const char *lineage;
    struct file_attr key_attr;
    bool vouched; /* its files are whole */
};

static struct file_attr attr_of(const struct source *s, const struct config_copy *copy)
{
    return has_key(copy->kind) ? s->key_attr : FILE_PUBLIC;
}

/* Writes the copy unless it is there already; only looks for it where write is false. */
static bool place(const struct source *s, const struct config_copy *copy, const struct buf *content,
                  bool write, struct err *e)
{
    struct file_content file = {NULL, content->len > 0 ? content->data : "", content->len, attr_of(s, copy)};
    struct dir d;
    bool ok;

    if (!open_parent(&d, copy->path, s->key_attr.uid, &file.name, e))
        return false;
    ok = file_equals(&d, &file);
    if (!ok && write) {
        ok = file_replace(&d, &file, e);
        if (ok)
            log_info(s->lineage, "wrote %s", copy->path);
    }
    dir_close(&d);
    return ok;
}

static bool read_source(const struct source *s, const struct config_copy *copy, struct buf *content,
                        struct err *e)
{
    char name[32];

    buf_clear(content);
    (void)snprintf(name, sizeof name, "%s.pem", copy_kind_to_str(copy->kind));
    return file_read(s->live, name, content, NULL, NULL, e);
}

/* A good copy is not replaced by a damaged file: the source is examined before the first that is written. */
static bool vouch(struct source *s, struct err *e)
{
    s->vouched = s->vouched || generation_vouch(s->live, s->lineage, s->key_attr, e);
    return s->vouched;
}

static bool copy_one(struct source *s, const struct config_copy *copy, struct err *e)
{
    struct buf content;
    bool ok;

    buf_init_secret(&content, FILE_MAX + 8192);
    ok = (read_source(s, copy, &content, NULL) && place(s, copy, &content, false, NULL)) ||
         (vouch(s, e) && read_source(s, copy, &content, e) && place(s, copy, &content, true, e));
    buf_clear(&content);
    return ok || err_wrap(e, "copy of %s to %s", copy_kind_to_str(copy->kind), copy->path);
}

/* A server that reloads in between must find a certificate with its key: the old pair, or the new one. */
static unsigned turn_of(enum copy_kind kind)
{
    return kind == COPY_PRIVKEY ? 2 : kind == COPY_HAPROXY ? 1 : 0;
}

bool copy_all(const struct store *store, const struct snapshot *snapshot, const struct config_certificate *c,
              struct err *e)
{
    struct dir live;
    struct source source = {.live = &live, .lineage = c->name};
    struct err why;
    uint64_t generation;
    bool good[3] = {true, true, true}; /* a turn */

    if (c->n_copies == 0)
        return true;
    generation = store_live(store, c->name, &why);
    if (generation == 0)
        return err_set(e, ERR_CLASS_INTERNAL, "there is nothing to copy: %s",
                       why.class != ERR_CLASS_NONE ? why.text : "no certificate is live");
    if (!install_key_attr(snapshot, c, &source.key_attr, e) ||
        !store_generation(store, c->name, generation, &live, e))
        return false;
    for (unsigned turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < c->n_copies; i++) {
            if (turn_of(c->copies[i].kind) != turn || (turn == 2 && !good[0]))
                continue;
            if (!copy_one(&source, &c->copies[i], &why)) {
                if (good[0] && good[1] && good[2] && e != NULL)
                    *e = why;
                good[turn] = false;
            }
        }
    }
    dir_close(&live);
    return good[0] && good[1] && good[2];
}
