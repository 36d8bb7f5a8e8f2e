/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/store.h"

#include "daemon/keeper/engine_dirs.h"
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CONDEMNED ".old-" /* of a generation that is being removed */
#define SERVED    "served"
#define KEPT_AGE  (7 * 24 * 3600)

/* What one issuance needs at most, by far: a key, five files, directories and links. */
#define ROOM_BYTES (256 * 1024)
#define ROOM_FILES 16

bool store_has_room(const struct store *s, struct err *e)
{
    struct statvfs st;
    uint64_t bytes;
    uint64_t files;

    if (fstatvfs(s->root.fd, &st) != 0)
        return dir_err(&s->root, "examine the file system of", NULL, errno, e);
    bytes = (uint64_t)(geteuid() == 0 ? st.f_bfree : st.f_bavail) * st.f_frsize;
    files = geteuid() == 0 ? st.f_ffree : st.f_favail;
    if (bytes < ROOM_BYTES ||
        (st.f_files != 0 && files < ROOM_FILES)) /* not every file system counts files */
        return dir_err(&s->root, "keep another certificate in", NULL, ENOSPC, e);
    return true;
}

bool store_lineage(const struct store *s, const char *lineage, struct dir *d, struct err *e)
{
    return dir_make(d, &s->certs, lineage, 0755, e);
}

/* The decimal number of a generation, as acmed itself writes it; 0: something else. */
static uint64_t parse_generation(const char *name)
{
    uint64_t n = 0;

    if (*name < '1' || *name > '9')
        return 0;
    for (; *name >= '0' && *name <= '9'; name++) {
        n = n * 10 + (uint64_t)(*name - '0');
        if (n > STORE_GENERATION_MAX)
            return 0;
    }
    return *name == '\0' ? n : 0;
}

/* What live/LINEAGE names, whether or not that exists. */
static uint64_t live_target(const struct store *s, const char *lineage, struct err *why)
{
    char target[PATH_MAX];
    char prefix[CONFIG_NAME_MAX + 16];
    struct stat st;
    ssize_t n = readlinkat(s->live.fd, lineage, target, sizeof target - 1);
    uint64_t generation;

    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0 || fstatat(s->live.fd, lineage, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        (void)dir_err(&s->live, "read the link", lineage, errno, why);
        return 0;
    }
    target[n] = '\0';
    (void)snprintf(prefix, sizeof prefix, "../certs/%s/", lineage);
    generation = strncmp(target, prefix, strlen(prefix)) == 0 ? parse_generation(target + strlen(prefix)) : 0;
    if (generation == 0)
        (void)err_set(why, ERR_CLASS_INTERNAL,
                      "%s/%s points to %s, which is no generation of this certificate", s->live.path, lineage,
                      target);
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        (void)err_set(why, ERR_CLASS_INTERNAL, "%s/%s was made by uid %u, not by acmed", s->live.path,
                      lineage, (unsigned)st.st_uid);
        return 0;
    }
    return generation;
}

bool store_generation(const struct store *s, const char *lineage, uint64_t generation, struct dir *d,
                      struct err *e)
{
    char name[32];
    struct dir parent;
    bool ok;

    *d = (struct dir)DIR_CLOSED;
    (void)snprintf(name, sizeof name, "%" PRIu64, generation);
    if (!dir_open(&parent, &s->certs, lineage, NULL, e))
        return false;
    ok = dir_open(d, &parent, name, NULL, e);
    dir_close(&parent);
    return ok;
}

uint64_t store_live(const struct store *s, const char *lineage, struct err *why)
{
    uint64_t generation;
    struct dir d;

    err_clear(why);
    generation = live_target(s, lineage, why);
    if (generation != 0 && !store_generation(s, lineage, generation, &d, why))
        return 0;
    if (generation != 0)
        dir_close(&d);
    return generation;
}

/* Numbers of the generations on disk, newest first; the caller frees. NULL with e (also when there is none:
 * *n is 0). */
static uint64_t *list_generations(const struct dir *lineage, size_t *n, struct err *e)
{
    struct strv names = {0};
    uint64_t *v;

    *n = 0;
    if (!dir_list(lineage, &names, e))
        return NULL;
    v = calloc(names.n + 1, sizeof *v);
    if (v == NULL)
        (void)err_nomem(e, "listing generations");
    for (size_t i = 0; v != NULL && i < names.n; i++) {
        uint64_t generation = parse_generation(names.v[i]);
        size_t at;

        if (generation == 0)
            continue;
        for (at = *n; at > 0 && v[at - 1] < generation; at--)
            v[at] = v[at - 1];
        v[at] = generation;
        (*n)++;
    }
    strv_clear(&names);
    return v;
}

uint64_t *store_list(const struct store *s, const char *lineage, size_t *n, struct err *e)
{
    struct dir d;
    uint64_t *v;

    if (!dir_open(&d, &s->certs, lineage, NULL, e))
        return NULL;
    v = list_generations(&d, n, e);
    dir_close(&d);
    return v;
}

bool store_next(const struct dir *lineage, uint64_t *generation, struct err *e)
{
    size_t n;
    uint64_t *existing = list_generations(lineage, &n, e);

    if (existing == NULL)
        return false;
    *generation = n > 0 ? existing[0] + 1 : 1;
    free(existing);
    return true;
}

/* Makes the symbolic link NAME, over what was there; not durable yet. */
static bool replace_link(const struct dir *d, const char *name, const char *target, struct err *e)
{
    char temporary[CONFIG_NAME_MAX + 16];
    bool ok;

    (void)snprintf(temporary, sizeof temporary, STORE_LEFTOVER "%s", name);
    if (!dir_remove(d, temporary, e))
        return false;
    ok = symlinkat(target, d->fd, temporary) == 0 || dir_err(d, "make the link", temporary, errno, e);
    ok = ok && dir_rename(d, temporary, name, e);
    if (!ok)
        (void)unlinkat(d->fd, temporary, 0);
    return ok;
}

bool store_point(const struct store *s, const char *lineage, uint64_t generation, struct err *e)
{
    char target[CONFIG_NAME_MAX + 64];

    (void)snprintf(target, sizeof target, "../certs/%s/%" PRIu64, lineage, generation);
    return replace_link(&s->live, lineage, target, e);
}

bool store_flip(const struct store *s, const char *lineage, uint64_t generation, struct err *e)
{
    return store_point(s, lineage, generation, e) && dir_sync(&s->live, e);
}

/* 0: none is known. */
static uint64_t served(const struct dir *lineage)
{
    char target[32];
    ssize_t n = readlinkat(lineage->fd, SERVED, target, sizeof target - 1);

    if (n < 0)
        return 0;
    target[n] = '\0';
    return parse_generation(target);
}

bool store_mark_served(const struct store *s, const char *lineage, uint64_t generation, struct dir *d,
                       struct err *e)
{
    char target[32];
    bool ok;

    /* There is such a generation. */
    if (!store_generation(s, lineage, generation, d, e))
        return false;
    dir_close(d);
    if (!store_lineage(s, lineage, d, e))
        return false;
    (void)snprintf(target, sizeof target, "%" PRIu64, generation);
    ok = served(d) == generation || replace_link(d, SERVED, target, e);
    if (!ok)
        dir_close(d);
    return ok;
}

/* False also for a time in the future. */
static bool is_old(const struct dir *lineage, const char *name, int64_t now)
{
    struct stat st;

    return fstatat(lineage->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && now - (int64_t)st.st_mtime > KEPT_AGE;
}

/* First out of sight, then emptied: nobody ever finds a generation with files missing. */
static bool condemn(const struct dir *lineage, const char *name, struct err *e)
{
    char condemned[64];

    (void)snprintf(condemned, sizeof condemned, CONDEMNED "%s", name);
    return dir_remove(lineage, condemned, e) && dir_rename(lineage, name, condemned, e) &&
           dir_remove(lineage, condemned, e);
}

static bool prune(const struct store *s, const struct dir *lineage, const struct config_certificate *c,
                  int64_t now, struct err *e)
{
    struct err why;
    uint64_t live;
    size_t n;
    uint64_t *v;
    unsigned kept = 0;
    bool ok = true;

    err_clear(&why);
    live = live_target(s, c->name, &why);
    if (why.class != ERR_CLASS_NONE)
        return true; /* which generation is in use is not known: all stay */
    v = list_generations(lineage, &n, e);
    if (v == NULL)
        return false;
    for (size_t i = 0; ok && i < n; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "%" PRIu64, v[i]);
        if (v[i] == live || v[i] == served(lineage))
            continue;
        if (kept < c->keep)
            kept++;
        else if (i > 0 && is_old(lineage, name, now)) /* the newest stays: its number is never given twice */
            ok = condemn(lineage, name, e);
    }
    free(v);
    return ok;
}

bool store_remove(const struct store *s, const char *lineage, uint64_t generation, struct err *e)
{
    char name[32];
    struct dir d;
    bool missing;
    bool ok;

    if (live_target(s, lineage, NULL) == generation)
        return err_set(e, ERR_CLASS_INTERNAL, "generation %" PRIu64 " of %s is live: not removed", generation,
                       lineage);
    if (!dir_open(&d, &s->certs, lineage, &missing, e))
        return missing;
    (void)snprintf(name, sizeof name, "%" PRIu64, generation);
    ok = condemn(&d, name, e);
    dir_close(&d);
    return ok;
}

bool store_prune(const struct store *s, const struct config_certificate *c, int64_t now, struct err *e)
{
    struct dir d;
    bool missing;
    bool ok;

    if (!dir_open(&d, &s->certs, c->name, &missing, e))
        return missing;
    ok = prune(s, &d, c, now, e);
    dir_close(&d);
    return ok;
}

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Looks at a lineage's directory once: that is what a start with thousands of them consists of. */
static bool clean_up(const struct dir *lineage, struct err *e)
{
    struct strv names = {0};
    bool ok = dir_list(lineage, &names, e);

    for (size_t i = 0; ok && i < names.n; i++)
        if (begins_with(names.v[i], STORE_LEFTOVER) || begins_with(names.v[i], CONDEMNED))
            ok = dir_remove(lineage, names.v[i], e);
    strv_clear(&names);
    return ok;
}

/* What a crash left of one lineage; all of it was invisible to everybody, so what cannot be removed (a disk
 * that is read-only for now, something an administrator put there) is said, and keeps no certificate waiting.
 */
static void recover(const struct store *s, const struct config_certificate *c)
{
    struct err e;
    struct dir d;
    bool missing;

    if (!dir_open(&d, &s->certs, c->name, &missing, &e)) {
        if (!missing)
            log_warning(c->name, "cannot clean up after an earlier run: %s", e.text);
        return;
    }
    if (!clean_up(&d, &e))
        log_warning(c->name, "cannot clean up after an earlier run: %s. Tried again at the next start",
                    e.text);
    dir_close(&d);
}

bool store_open(struct store *s, const struct config *config, uid_t engine_uid, gid_t engine_gid,
                struct err *e)
{
    struct err why;
    bool ok;

    *s = (struct store){DIR_CLOSED, DIR_CLOSED, DIR_CLOSED, DIR_CLOSED};
    ok = dir_open_path(&s->root, config->state_dir, e) &&
         dir_make(&s->accounts, &s->root, "accounts", 0700, e) &&
         dir_make(&s->certs, &s->root, "certs", 0755, e) && dir_make(&s->live, &s->root, "live", 0755, e) &&
         engine_dirs_make(&s->root, engine_uid, engine_gid, e) && dir_sync(&s->root, e);
    if (!ok) {
        store_close(s);
        return false;
    }
    if (!dir_sweep(&s->accounts, STORE_LEFTOVER, &why) || !dir_sweep(&s->live, STORE_LEFTOVER, &why))
        log_warning(NULL, "cannot clean up after an earlier run: %s. Tried again at the next start",
                    why.text);
    for (size_t i = 0; i < config->n_certificates; i++)
        recover(s, &config->certificates[i]);
    return true;
}

void store_close(struct store *s)
{
    dir_close(&s->root);
    dir_close(&s->accounts);
    dir_close(&s->certs);
    dir_close(&s->live);
}
