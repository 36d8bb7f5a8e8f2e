/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/state_files.h"
#include "lib/journal.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The engine's fsync(), which comes here. */
static int failing_fd = -1;

int fsync(int fd)
{
    if (fd == failing_fd) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

struct rig {
    char *dir;
    struct state_files files;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct err e;

    assert_non_null(r);
    r->dir = rig_dir();
    assert_int_equal(mkdir(rig_path(r->dir, "state"), 0700), 0);
    assert_int_equal(mkdir(rig_path(r->dir, "state/history"), 0700), 0);
    assert_true(state_files_open(&r->files, r->dir, &e));
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    state_files_close(&r->files);
    state_files_close(&r->files); /* twice is harmless */
    rig_dir_free(r->dir);
    free(r);
    return 0;
}

static bool put(struct rig *r, const char *lineage, const char *text, struct err *e)
{
    struct state_write w;

    return state_files_write(&r->files, lineage, text, &w, e) &&
           state_files_publish(&r->files, lineage, &w, e) && state_files_sync(&r->files, e);
}

static void expect(struct rig *r, const char *lineage, const char *wanted)
{
    struct err e;
    size_t len = 0;
    char *text = state_files_load(&r->files, lineage, &len, &e);

    assert_non_null(text);
    assert_string_equal(text, wanted);
    assert_int_equal(len, strlen(wanted));
    free(text);
}

static void test_replace(void **state)
{
    struct rig *r = *state;
    struct stat st;
    struct err e;

    assert_true(put(r, "a.example", "one", &e));
    expect(r, "a.example", "one");
    assert_true(put(r, "a.example", "two, longer", &e));
    expect(r, "a.example", "two, longer");
    assert_int_equal(stat(rig_path(r->dir, "state/a.example.json"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static ino_t inode(const struct rig *r, const char *path)
{
    struct stat st;

    return stat(rig_path(r->dir, path), &st) == 0 ? st.st_ino : 0;
}

/* Two files change places, and no third is ever made. What is longer than its successor leaves nothing. */
static void test_files_are_used_again(void **state)
{
    struct rig *r = *state;
    struct err e;
    ino_t first;
    ino_t second;

    assert_true(put(r, "x", "one, which is the longest", &e));
    first = inode(r, "state/x.json");
    assert_true(put(r, "x", "two", &e));
    second = inode(r, "state/x.json");
    assert_true(second != first);
    assert_int_equal(inode(r, "state/.new-0"), first);
    assert_true(put(r, "x", "three", &e));
    expect(r, "x", "three");
    assert_int_equal(inode(r, "state/x.json"), first);
    assert_true(put(r, "y", "another's, in the same file", &e)); /* has none to change places with */
    assert_int_equal(inode(r, "state/y.json"), second);
    assert_int_equal(inode(r, "state/.new-0"), 0);
    expect(r, "x", "three");
}

/* Until the directory is synced a power cut may bring the old names back: their files are left alone. */
static void test_a_file_is_free_when_its_successor_is_durable(void **state)
{
    struct rig *r = *state;
    struct state_write w[2];
    struct err e;
    char *old;

    assert_true(put(r, "x", "x, old", &e));
    assert_true(put(r, "y", "y, old", &e));
    assert_true(state_files_write(&r->files, "x", "x, new", &w[0], &e));
    assert_true(state_files_publish(&r->files, "x", &w[0], &e));
    assert_true(state_files_write(&r->files, "y", "y, new", &w[1], &e));
    old = rig_slurp(rig_path(r->dir, "state/.new-0"));
    assert_string_equal(old, "x, old");
    free(old);
    assert_true(state_files_publish(&r->files, "y", &w[1], &e));
    /* The sync fails, so they are never free. */
    failing_fd = r->files.state_fd;
    assert_false(state_files_sync(&r->files, &e));
    failing_fd = -1;
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_int_equal(inode(r, "state/.new-0"), 0);
    assert_int_equal(inode(r, "state/.new-1"), 0);
    expect(r, "x", "x, new");
    expect(r, "y", "y, new");
}

static void test_few_files_wait(void **state)
{
    struct rig *r = *state;
    struct state_write w[40];
    char name[32];
    struct err e;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 40; i++) {
            (void)snprintf(name, sizeof name, "n%u", i);
            assert_true(state_files_write(&r->files, name, "text", &w[i], &e));
        }
        for (unsigned i = 0; i < 40; i++) {
            (void)snprintf(name, sizeof name, "n%u", i);
            assert_true(state_files_publish(&r->files, name, &w[i], &e));
        }
        assert_true(state_files_sync(&r->files, &e));
    }
    assert_int_not_equal(inode(r, "state/.new-15"), 0);
    for (unsigned i = 16; i < 40; i++) {
        (void)snprintf(name, sizeof name, "state/.new-%u", i);
        assert_int_equal(inode(r, name), 0);
    }
    /* A new run begins without those of the last one. */
    state_files_close(&r->files);
    assert_true(state_files_open(&r->files, r->dir, &e));
    assert_int_equal(inode(r, "state/.new-0"), 0);
    expect(r, "n39", "text");
}

/* Nothing of the new text is visible before it is published, and a leftover of a crash is in nobody's way. */
static void test_old_text_stays_until_published(void **state)
{
    struct rig *r = *state;
    struct state_write w;
    struct err e;

    rig_write(rig_path(r->dir, "state/.new-0"), "left by a crash, and quite long");
    assert_true(put(r, "x", "old", &e));
    assert_true(state_files_write(&r->files, "x", "new", &w, &e));
    expect(r, "x", "old");
    assert_true(state_files_publish(&r->files, "x", &w, &e));
    expect(r, "x", "new");
}

static void test_missing(void **state)
{
    struct rig *r = *state;
    struct err e;
    size_t len;

    assert_null(state_files_load(&r->files, "none", &len, &e));
    assert_int_equal(e.class, ERR_CLASS_NONE);
}

/* What is no plain file of ours is not followed, and does not hang. */
static void test_other_kinds_of_file(void **state)
{
    struct rig *r = *state;
    struct err e;
    size_t len;
    char *text;

    rig_write(rig_path(r->dir, "elsewhere"), "secret");
    assert_int_equal(symlink("../elsewhere", rig_path(r->dir, "state/link.json")), 0);
    assert_null(state_files_load(&r->files, "link", &len, &e));
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_int_equal(mkdir(rig_path(r->dir, "state/dir.json"), 0700), 0);
    assert_null(state_files_load(&r->files, "dir", &len, &e));
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_int_equal(mkfifo(rig_path(r->dir, "state/fifo.json"), 0600), 0);
    text = state_files_load(&r->files, "fifo", &len, &e);
    assert_true(text == NULL || len == 0);
    free(text);

    assert_true(put(r, "link", "ours", &e)); /* replaces the link, not what it points to */
    expect(r, "link", "ours");
    text = rig_slurp(rig_path(r->dir, "elsewhere"));
    assert_string_equal(text, "secret");
    free(text);
}

static void test_failures(void **state)
{
    struct rig *r = *state;
    struct state_write w;
    struct err e;

    assert_true(put(r, "x", "old", &e));
    /* Something in the way of the new file. */
    assert_int_equal(mkdir(rig_path(r->dir, "state/.new-0"), 0700), 0);
    assert_false(state_files_write(&r->files, "x", "new", &w, &e));
    assert_int_equal(w.fd, -1);
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_non_null(strstr(e.text, "state/x.json"));
    assert_int_equal(rmdir(rig_path(r->dir, "state/.new-0")), 0);
    expect(r, "x", "old");
    /* The rename fails. */
    assert_int_equal(mkdir(rig_path(r->dir, "state/d.json"), 0700), 0);
    assert_true(state_files_write(&r->files, "d", "new", &w, &e));
    assert_false(state_files_publish(&r->files, "d", &w, &e));
    assert_int_not_equal(access(rig_path(r->dir, "state/.new-1"), F_OK), 0);
    /* The directory is gone altogether. */
    rig_dir_free(r->dir);
    r->dir = rig_dir();
    assert_false(state_files_write(&r->files, "x", "new", &w, &e));
    state_files_append(&r->files, "x", "line\n");
}

/* The disk is full in the middle of a text. */
static void test_short_write(void **state)
{
    struct rig *r = *state;
    struct rlimit old;
    struct rlimit small;
    char text[4096];
    char *history;
    struct state_write w;
    struct err e;
    bool written;

    memset(text, 'x', sizeof text - 2);
    text[sizeof text - 2] = '\n';
    text[sizeof text - 1] = '\0';
    assert_true(put(r, "x", "old", &e));
    state_files_append(&r->files, "x", "first\n");
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = 100, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    written = state_files_write(&r->files, "x", text, &w, &e);
    state_files_append(&r->files, "x", text);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(written);
    assert_int_not_equal(access(rig_path(r->dir, "state/.new-0"), F_OK), 0);
    expect(r, "x", "old");
    state_files_append(&r->files, "x", "second\n");
    history = rig_slurp(rig_path(r->dir, "state/history/x.jsonl"));
    assert_string_equal(history, "first\nsecond\n"); /* half a line is taken back */
    free(history);
}

static void test_quarantine(void **state)
{
    struct rig *r = *state;
    struct err e;
    size_t len;
    char *text;

    assert_true(put(r, "x", "\x01garbage", &e));
    state_files_quarantine(&r->files, "x");
    assert_null(state_files_load(&r->files, "x", &len, &e));
    assert_int_equal(e.class, ERR_CLASS_NONE);
    text = rig_slurp(rig_path(r->dir, "state/x.json.bad"));
    assert_string_equal(text, "\x01garbage");
    free(text);
    state_files_quarantine(&r->files, "x"); /* nothing there */
}

/* A planted giant costs bounded memory. */
static void test_giant(void **state)
{
    struct rig *r = *state;
    struct err e;
    size_t len = 0;
    char *text;

    rig_write(rig_path(r->dir, "state/x.json"), "");
    assert_int_equal(truncate(rig_path(r->dir, "state/x.json"), INT64_C(1) << 32), 0);
    text = state_files_load(&r->files, "x", &len, &e);
    assert_true(text == NULL || len <= JOURNAL_MAX);
    free(text);
}

static void test_history(void **state)
{
    struct rig *r = *state;
    size_t len = 1;
    char *text = state_files_history(&r->files, "x", &len);

    assert_string_equal(text, "");
    assert_int_equal(len, 0);
    free(text);
    state_files_append(&r->files, "x", "one\n");
    state_files_append(&r->files, "x", "two\n");
    text = state_files_history(&r->files, "x", &len);
    assert_string_equal(text, "one\ntwo\n");
    assert_int_equal(len, 8);
    free(text);
}

/* Never much above 64 KiB, whole lines only, the newest kept. */
static void test_history_is_cut(void **state)
{
    struct rig *r = *state;
    unsigned cuts = 0;
    size_t before = 0;

    for (unsigned i = 0; i < 3000; i++) {
        char line[128];
        unsigned first;
        unsigned last;
        size_t len;
        char *text;

        (void)snprintf(line, sizeof line, "%05u %*s\n", i, (int)(i % 90), "");
        state_files_append(&r->files, "x", line);
        text = state_files_history(&r->files, "x", &len);
        assert_true(len <= 64 * 1024);
        cuts += len < before;
        before = len;
        assert_int_equal(text[len - 1], '\n');
        first = (unsigned)strtoul(text, NULL, 10);
        assert_int_equal(text[5], ' '); /* begins with a line */
        assert_true(first <= i && (cuts > 0 || first == 0));
        last = (unsigned)strtoul(text + len - strlen(line), NULL, 10);
        assert_int_equal(last, i);
        free(text);
    }
    assert_true(cuts >= 2);
    assert_int_not_equal(access(rig_path(r->dir, "state/history/.x.jsonl.new"), F_OK), 0);
}

static void test_open_fails(void **state)
{
    struct state_files f;
    struct err e;
    char *dir = rig_dir();

    (void)state;
    assert_false(state_files_open(&f, "/nonexistent/acmed", &e));
    assert_false(state_files_open(&f, dir, &e));
    assert_non_null(strstr(e.text, dir));
    assert_int_equal(mkdir(rig_path(dir, "real"), 0700), 0);
    assert_int_equal(symlink("real", rig_path(dir, "state")), 0);
    assert_false(state_files_open(&f, dir, &e));
    assert_int_equal(f.state_fd, -1);
    rig_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_are_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_is_free_when_its_successor_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few_files_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_text_stays_until_published, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_kinds_of_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_short_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quarantine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_giant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_history_is_cut, setup, teardown),
        cmocka_unit_test(test_open_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
