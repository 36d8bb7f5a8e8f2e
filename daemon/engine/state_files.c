/* SPDX-License-Identifier: MIT */
#include "daemon/engine/state_files.h"

#include "lib/buf.h"
#include "lib/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY_MAX (64 * 1024)
#define NAME_SIZE   512
#define SPARES_KEPT 16 /* files that wait for their next text */

static void spare_name(char name[NAME_SIZE], unsigned number)
{
    (void)snprintf(name, NAME_SIZE, ".new-%u", number);
}

static void remove_spares(struct state_files *f, unsigned from, unsigned to)
{
    char name[NAME_SIZE];

    for (unsigned i = from; i < to; i++) {
        spare_name(name, i);
        (void)unlinkat(f->state_fd, name, 0);
    }
}

bool state_files_open(struct state_files *f, const char *state_dir, struct err *e)
{
    int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    f->state_fd = f->history_fd = -1;
    if (fd >= 0) {
        f->state_fd = openat(fd, "state", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        (void)close(fd);
    }
    if (f->state_fd >= 0)
        f->history_fd = openat(f->state_fd, "history", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f->history_fd < 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot open %s/state/history: %s", state_dir, strerror(errno));
        state_files_close(f);
        return false;
    }
    /* Of an earlier run, which may have ended before state_files_sync(). */
    f->n_writes = 0;
    remove_spares(f, 0, SPARES_KEPT);
    return true;
}

void state_files_close(struct state_files *f)
{
    if (f->state_fd >= 0)
        (void)close(f->state_fd);
    if (f->history_fd >= 0)
        (void)close(f->history_fd);
    f->state_fd = f->history_fd = -1;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static bool failed(struct err *e, const char *lineage)
{
    return err_set(e, ERR_CLASS_INTERNAL, "cannot write state/%s.json: %s", lineage, strerror(errno));
}

/* The file may be one that was replaced before: what is longer than the text is cut off. */
static bool fill(int fd, const char *text)
{
    size_t len = strlen(text);

    return write_all(fd, text, len) && ftruncate(fd, (off_t)len) == 0;
}

bool state_files_write(struct state_files *f, const char *lineage, const char *text, struct state_write *w,
                       struct err *e)
{
    char name[NAME_SIZE];

    w->number = f->n_writes++;
    spare_name(name, w->number);
    w->fd = openat(f->state_fd, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (w->fd < 0)
        return failed(e, lineage);
    if (fill(w->fd, text))
        return true;
    (void)failed(e, lineage);
    (void)close(w->fd);
    w->fd = -1;
    (void)unlinkat(f->state_fd, name, 0);
    return false;
}

/* What is no plain file is not kept for a later text; nor do all file systems let two files change places. */
static bool take_place(const struct state_files *f, const char *name, const char *target)
{
    struct stat st;

    if (fstatat(f->state_fd, target, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        st.st_nlink == 1 && renameat2(f->state_fd, name, f->state_fd, target, RENAME_EXCHANGE) == 0)
        return true;
    return renameat(f->state_fd, name, f->state_fd, target) == 0;
}

bool state_files_publish(struct state_files *f, const char *lineage, struct state_write *w, struct err *e)
{
    char target[NAME_SIZE];
    char name[NAME_SIZE];
    bool ok;

    spare_name(name, w->number);
    (void)snprintf(target, sizeof target, "%s.json", lineage);
    ok = fsync(w->fd) == 0 || failed(e, lineage);
    if (close(w->fd) != 0 && ok)
        ok = failed(e, lineage);
    w->fd = -1;
    if (ok && !take_place(f, name, target))
        ok = failed(e, lineage);
    if (!ok)
        (void)unlinkat(f->state_fd, name, 0);
    return ok;
}

bool state_files_sync(struct state_files *f, struct err *e)
{
    unsigned n = f->n_writes;
    bool ok = fsync(f->state_fd) == 0;

    if (!ok)
        err_set(e, ERR_CLASS_INTERNAL, "cannot write the directory state/: %s", strerror(errno));
    /* What was replaced may be in its old place after a power cut, so nothing may be written into it. */
    remove_spares(f, ok ? SPARES_KEPT : 0, n);
    f->n_writes = 0;
    return ok;
}

/* The newer half of a history that has grown too long, from a line's beginning. */
static void cut_history(struct state_files *f, const char *name, const char *text, size_t len)
{
    char new_name[NAME_SIZE + 8];
    const char *from = memchr(text + len - HISTORY_MAX / 2, '\n', HISTORY_MAX / 2);
    int fd;

    if (from == NULL)
        return;
    from++;
    (void)snprintf(new_name, sizeof new_name, ".%s.new", name);
    (void)unlinkat(f->history_fd, new_name, 0);
    fd = openat(f->history_fd, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (write_all(fd, from, (size_t)(text + len - from)))
        (void)renameat(f->history_fd, new_name, f->history_fd, name);
    (void)close(fd);
}

void state_files_append(struct state_files *f, const char *lineage, const char *text)
{
    char name[NAME_SIZE];
    struct stat st;
    int fd;

    (void)snprintf(name, sizeof name, "%s.jsonl", lineage);
    fd = openat(f->history_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    /* Half a line would spoil the next one, too. */
    if (fstat(fd, &st) == 0 && !write_all(fd, text, strlen(text)))
        (void)!ftruncate(fd, st.st_size);
    if (fstat(fd, &st) == 0 && st.st_size > HISTORY_MAX) {
        size_t len = 0;
        char *all = state_files_history(f, lineage, &len);

        if (all != NULL && len > HISTORY_MAX)
            cut_history(f, name, all, len);
        free(all);
    }
    (void)close(fd);
}

/* A whole plain file of at most max bytes. */
static char *read_file(int dir_fd, const char *name, size_t max, size_t *len, struct err *e)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct buf b;
    ssize_t n = 1;

    err_clear(e);
    if (fd < 0) {
        if (errno != ENOENT)
            err_set(e, ERR_CLASS_INTERNAL, "cannot open state file %s: %s", name, strerror(errno));
        return NULL;
    }
    buf_init(&b, max);
    while (n > 0) {
        char *p = buf_reserve(&b, b.len + 4096 <= max ? 4096 : max - b.len);

        n = p != NULL ? read(fd, p, b.len + 4096 <= max ? 4096 : max - b.len) : -1;
        if (n > 0)
            buf_grew(&b, (size_t)n);
    }
    (void)close(fd);
    if (n < 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot read state file %s: %s", name, strerror(errno));
        buf_clear(&b);
        return NULL;
    }
    return buf_take(&b, len);
}

char *state_files_load(struct state_files *f, const char *lineage, size_t *len, struct err *e)
{
    char name[NAME_SIZE];

    (void)snprintf(name, sizeof name, "%s.json", lineage);
    return read_file(f->state_fd, name, JOURNAL_MAX, len, e);
}

void state_files_quarantine(struct state_files *f, const char *lineage)
{
    char name[NAME_SIZE];
    char bad[NAME_SIZE + 8];

    (void)snprintf(name, sizeof name, "%s.json", lineage);
    (void)snprintf(bad, sizeof bad, "%s.bad", name);
    (void)renameat(f->state_fd, name, f->state_fd, bad);
}

char *state_files_history(struct state_files *f, const char *lineage, size_t *len)
{
    char name[NAME_SIZE];
    struct err e;
    char *text;

    (void)snprintf(name, sizeof name, "%s.jsonl", lineage);
    *len = 0;
    text = read_file(f->history_fd, name, 4 * HISTORY_MAX, len, &e);
    return text != NULL ? text : strdup("");
}
