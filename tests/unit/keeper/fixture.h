/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_KEEPER_FIXTURE_H
#define ACMED_TEST_KEEPER_FIXTURE_H

/* A state directory below a temporary one, and the snapshot of a configuration that uses it. */

#include "tests/unit/test.h"

#include "daemon/keeper/store.h"
#include "daemon/snapshot.h"
#include "lib/config.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64];  /* the temporary directory */
    char root[96]; /* the state directory */
    struct snapshot *snapshot;
    uid_t engine_uid;
    gid_t engine_gid;
};

#define FIXTURE_CA    "[ca test]\ndirectory = https://ca.test/dir\n"
#define FIXTURE_PLAIN FIXTURE_CA "[certificate one.test]\nca = test\n"

/* (Re)reads the configuration: what [acmed] needs, and this text, where @ stands for the temporary directory.
 */
static inline void fixture_configure(struct fixture *f, const char *text)
{
    struct config_file file = {"acmed.conf", NULL, 0};
    struct err e = {0};
    struct buf all;
    int fd;

    buf_init(&all, 1024 * 1024);
    (void)buf_addf(&all, "[acmed]\ncontact = admin@example.com\nagree_terms = yes\nstate_dir = %s\n",
                   f->root);
    for (; *text != '\0'; text++)
        (void)(*text == '@' ? buf_addstr(&all, f->dir) : buf_addch(&all, *text));
    assert_false(all.failed);
    file.text = all.data;
    file.len = all.len;
    fd = snapshot_write(
        &(struct snapshot_source){
            .files = &file, .n_files = 1, .engine_uid = f->engine_uid, .engine_gid = f->engine_gid},
        &e);
    if (fd < 0)
        fail_msg("%s", e.text);
    snapshot_free(f->snapshot);
    f->snapshot = snapshot_read(fd, &e);
    if (f->snapshot == NULL)
        fail_msg("%s", e.text);
    (void)close(fd);
    buf_clear(&all);
}

static inline void fixture_open(struct fixture *f, const char *text)
{
    memset(f, 0, sizeof *f);
    (void)umask(077);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/acmed-keeper-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->root, sizeof f->root, "%s/state", f->dir);
    assert_int_equal(mkdir(f->root, 0755), 0);
    f->engine_uid = geteuid();
    f->engine_gid = getegid();
    fixture_configure(f, text);
}

static inline int fixture_unlink(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void fixture_close(struct fixture *f)
{
    snapshot_free(f->snapshot);
    (void)nftw(f->dir, fixture_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* "DIR/PATH", in one of a few static buffers. */
static inline const char *fixture_path(const struct fixture *f, const char *path)
{
    static char paths[8][512];
    static unsigned next;
    char *p = paths[next++ % 8];

    (void)snprintf(p, sizeof paths[0], "%s/%s", f->dir, path);
    return p;
}

static inline void fixture_write(const struct fixture *f, const char *path, const char *text, mode_t mode)
{
    int fd = open(fixture_path(f, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

/* The caller frees. NULL: there is no such file. */
static inline char *fixture_read(const struct fixture *f, const char *path)
{
    char *text = calloc(1, 256 * 1024);
    int fd = open(fixture_path(f, path), O_RDONLY);
    ssize_t n;

    assert_non_null(text);
    if (fd < 0) {
        free(text);
        return NULL;
    }
    n = read(fd, text, 256 * 1024 - 1);
    assert_true(n >= 0);
    (void)close(fd);
    return text;
}

static inline bool fixture_exists(const struct fixture *f, const char *path)
{
    struct stat st;

    return lstat(fixture_path(f, path), &st) == 0;
}

static inline mode_t fixture_mode(const struct fixture *f, const char *path)
{
    struct stat st;

    assert_int_equal(lstat(fixture_path(f, path), &st), 0);
    return st.st_mode & 07777;
}

static inline void fixture_link(const struct fixture *f, const char *path, const char *target)
{
    (void)unlink(fixture_path(f, path));
    assert_int_equal(symlink(target, fixture_path(f, path)), 0);
}

/* How many entries a directory has that begin with a dot: leftovers. */
static inline size_t fixture_leftovers(const struct fixture *f, const char *path)
{
    struct err e;
    struct dir d;
    struct strv names = {0};
    size_t n = 0;

    assert_true(dir_open_path(&d, fixture_path(f, path), &e));
    assert_true(dir_list(&d, &names, &e));
    for (size_t i = 0; i < names.n; i++)
        n += names.v[i][0] == '.';
    strv_clear(&names);
    dir_close(&d);
    return n;
}

/* Opens the store of the fixture's configuration. */
static inline void fixture_store(const struct fixture *f, struct store *s)
{
    struct err e = {0};

    if (!store_open(s, f->snapshot->config, f->engine_uid, f->engine_gid, &e))
        fail_msg("%s", e.text);
}

#endif
