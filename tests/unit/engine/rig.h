/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_RIG_H
#define ACMED_TEST_RIG_H

/* What the tests of the engine's rooms share: turning the loop until something has happened, directories
 * and sockets of their own. */

#include "tests/unit/test.h"

#include "daemon/engine/loop.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RIG_PATIENCE_MS 20000 /* no test waits that long unless it fails */

static inline void rig_stop(void *arg)
{
    loop_stop(arg);
}

#define RIG_TURNS 6

/* Lets the loop run for ms, and some turns more: on a busy machine all of ms may pass before the first turn,
 * and accepting, reading and answering is a turn each. */
static inline void rig_run(struct loop *l, int64_t ms)
{
    struct loop_delay *d = loop_delay_new(l, rig_stop, l);

    assert_non_null(d);
    for (int i = 0; i < RIG_TURNS; i++) {
        loop_delay_start(d, i == 0 ? ms : 0);
        loop_run(l);
    }
    loop_delay_free(d);
}

/* Lets the loop run until *flag is at least `wanted`. */
static inline void rig_until(struct loop *l, const unsigned *flag, unsigned wanted)
{
    int64_t end = loop_monotonic_ms() + RIG_PATIENCE_MS;

    while (*flag < wanted && loop_monotonic_ms() < end)
        rig_run(l, 1);
    assert_true(*flag >= wanted);
}

static inline void rig_pair(int sv[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
}

/* Lets the loop run until fd has size - 1 bytes or its peer has closed; the text is NUL-terminated. Returns
 * its length; *closed (NULL: not asked) tells of the end. */
static inline size_t rig_read(struct loop *l, int fd, char *text, size_t size, bool *closed)
{
    int64_t end = loop_monotonic_ms() + RIG_PATIENCE_MS;
    size_t len = 0;
    ssize_t n = -1;

    while (len < size - 1 && n != 0 && loop_monotonic_ms() < end) {
        rig_run(l, 1);
        n = recv(fd, text + len, size - 1 - len, MSG_DONTWAIT);
        if (n > 0)
            len += (size_t)n;
    }
    text[len] = '\0';
    if (closed != NULL)
        *closed = n == 0;
    return len;
}

static inline char *rig_dir(void)
{
    char *dir = strdup("/tmp/acmed-test-XXXXXX");

    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static inline int rig_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void rig_dir_free(char *dir)
{
    (void)nftw(dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

/* "dir/name", good until the next call. */
static inline const char *rig_path(const char *dir, const char *name)
{
    static char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static inline void rig_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* The whole file, NUL-terminated; NULL: there is none. The caller frees. */
static inline char *rig_slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text;
    size_t n;

    if (f == NULL)
        return NULL;
    text = calloc(1, 512 * 1024);
    assert_non_null(text);
    n = fread(text, 1, 512 * 1024 - 1, f);
    text[n] = '\0';
    (void)fclose(f);
    return text;
}

#endif
