/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/fixture.h"

#include "tests/unit/keeper/committed.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>

#define DAY (24 * 3600)

static int64_t now;

/* What the store is told of its file system. NULL: nothing. */
static const struct statvfs *file_system;

int fstatvfs(int fd, struct statvfs *st)
{
    (void)fd;
    if (file_system == NULL) {
        errno = EIO;
        return -1;
    }
    *st = *file_system;
    return 0;
}

static void add(const struct store *s, uint64_t want)
{
    const struct file_content files[] = {{"cert.pem", "cert", 4, FILE_PUBLIC},
                                         {"privkey.pem", "key", 3, FILE_PRIVATE}};
    struct err e = {0};
    uint64_t generation = 0;

    if (!commit_generation(s, "one.test", files, 2, &generation, &e))
        fail_msg("%s", e.text);
    assert_int_equal(generation, want);
}

static void flip(const struct store *s, uint64_t generation)
{
    struct err e = {0};

    if (!store_flip(s, "one.test", generation, &e))
        fail_msg("%s", e.text);
}

static void set_age(const struct fixture *f, const char *path, int64_t age)
{
    const struct timespec times[2] = {{.tv_sec = now - age}, {.tv_sec = now - age}};

    assert_int_equal(utimensat(AT_FDCWD, fixture_path(f, path), times, 0), 0);
}

static void test_directories_are_made(void **state)
{
    struct fixture f;
    struct store s;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_store(&f, &s);
    assert_int_equal(fixture_mode(&f, "state/accounts"), 0700);
    assert_int_equal(fixture_mode(&f, "state/certs"), 0755);
    assert_int_equal(fixture_mode(&f, "state/live"), 0755);
    assert_int_equal(fixture_mode(&f, "state/state"), 0700);
    assert_int_equal(fixture_mode(&f, "state/state/history"), 0700);
    store_close(&s);
    fixture_close(&f);
}

static void test_add_and_flip(void **state)
{
    struct fixture f;
    struct store s;
    char target[128] = "";

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_store(&f, &s);
    assert_int_equal(store_live(&s, "one.test", NULL), 0);
    add(&s, 1);
    assert_int_equal(store_live(&s, "one.test", NULL), 0);
    flip(&s, 1);
    add(&s, 2);
    assert_int_equal(store_live(&s, "one.test", NULL), 1);
    flip(&s, 2);
    assert_int_equal(store_live(&s, "one.test", NULL), 2);
    assert_true(readlink(fixture_path(&f, "state/live/one.test"), target, sizeof target - 1) > 0);
    assert_string_equal(target, "../certs/one.test/2");
    assert_int_equal(fixture_mode(&f, "state/certs/one.test"), 0755);
    assert_int_equal(fixture_mode(&f, "state/live/one.test/"), 0755);
    assert_int_equal(fixture_mode(&f, "state/live/one.test/cert.pem"), 0644);
    assert_int_equal(fixture_mode(&f, "state/live/one.test/privkey.pem"), 0600);
    assert_int_equal(fixture_leftovers(&f, "state/certs/one.test"), 0);
    assert_int_equal(fixture_leftovers(&f, "state/live"), 0);
    store_close(&s);
    fixture_close(&f);
}

/* What a machine that stops leaves at each step of add, flip and prune. */
static void test_leftovers_of_a_crash_are_removed(void **state)
{
    struct fixture f;
    struct store s;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_store(&f, &s);
    add(&s, 1);
    flip(&s, 1);
    add(&s, 2); /* renamed, not flipped */
    store_close(&s);
    assert_int_equal(mkdir(fixture_path(&f, "state/certs/one.test/.new-3"), 0700), 0);
    fixture_write(&f, "state/certs/one.test/.new-3/privkey.pem", "half a", 0600);
    assert_int_equal(mkdir(fixture_path(&f, "state/certs/one.test/.old-9"), 0755), 0);
    fixture_write(&f, "state/certs/one.test/.old-9/chain.pem", "x", 0644);
    fixture_link(&f, "state/live/.new-one.test", "../certs/one.test/3");
    assert_int_equal(mkdir(fixture_path(&f, "state/accounts/.new-test"), 0700), 0);
    fixture_write(&f, "state/accounts/.new-test/key.pem", "x", 0600);
    fixture_store(&f, &s);
    assert_int_equal(fixture_leftovers(&f, "state/certs/one.test"), 0);
    assert_int_equal(fixture_leftovers(&f, "state/live"), 0);
    assert_int_equal(fixture_leftovers(&f, "state/accounts"), 0);
    assert_int_equal(store_live(&s, "one.test", NULL), 1);
    add(&s, 3);
    store_close(&s);
    fixture_close(&f);
}

static void prune(const struct fixture *f, const struct store *s, int64_t at)
{
    struct err e = {0};

    if (!store_prune(s, &f->snapshot->config->certificates[0], at, &e))
        fail_msg("%s", e.text);
}

static void test_prune_keeps_what_it_must(void **state)
{
    struct fixture f;
    struct store s;
    char name[64];

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN "keep = 2\n");
    fixture_store(&f, &s);
    for (unsigned i = 1; i <= 7; i++) {
        add(&s, i);
        (void)snprintf(name, sizeof name, "state/certs/one.test/%u", i);
        set_age(&f, name, 30 * DAY);
    }
    flip(&s, 2);
    set_age(&f, "state/certs/one.test/3", 6 * DAY);
    prune(&f, &s, 1000); /* a clock that was never set */
    assert_true(fixture_exists(&f, "state/certs/one.test/1"));
    prune(&f, &s, now);
    assert_false(fixture_exists(&f, "state/certs/one.test/1"));
    assert_true(fixture_exists(&f, "state/certs/one.test/2")); /* live */
    assert_true(fixture_exists(&f, "state/certs/one.test/3")); /* young */
    assert_false(fixture_exists(&f, "state/certs/one.test/4"));
    assert_false(fixture_exists(&f, "state/certs/one.test/5"));
    assert_true(fixture_exists(&f, "state/certs/one.test/6")); /* the newest two */
    assert_true(fixture_exists(&f, "state/certs/one.test/7"));
    assert_int_equal(fixture_leftovers(&f, "state/certs/one.test"), 0);
    store_close(&s);
    fixture_close(&f);
}

static void test_what_was_served_last_is_kept(void **state)
{
    struct fixture f;
    struct store s;
    struct err e = {0};

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN "keep = 0\n");
    fixture_store(&f, &s);
    add(&s, 1);
    add(&s, 2);
    add(&s, 3);
    flip(&s, 3);
    set_age(&f, "state/certs/one.test/1", 30 * DAY);
    set_age(&f, "state/certs/one.test/2", 30 * DAY);
    assert_false(commit_served(&s, "one.test", 9, &e));
    assert_true(commit_served(&s, "one.test", 1, &e));
    assert_true(commit_served(&s, "one.test", 1, &e));
    prune(&f, &s, now);
    assert_true(fixture_exists(&f, "state/certs/one.test/1"));
    assert_false(fixture_exists(&f, "state/certs/one.test/2"));
    assert_true(commit_served(&s, "one.test", 3, &e));
    prune(&f, &s, now);
    assert_false(fixture_exists(&f, "state/certs/one.test/1"));
    assert_int_equal(fixture_leftovers(&f, "state/certs/one.test"), 0);
    store_close(&s);
    fixture_close(&f);
}

static void test_prune_stops_when_live_is_unclear(void **state)
{
    struct fixture f;
    struct store s;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN "keep = 0\n");
    fixture_store(&f, &s);
    add(&s, 1);
    add(&s, 2);
    set_age(&f, "state/certs/one.test/1", 30 * DAY);
    fixture_link(&f, "state/live/one.test", "/elsewhere");
    prune(&f, &s, now);
    assert_true(fixture_exists(&f, "state/certs/one.test/1"));
    flip(&s, 2);
    prune(&f, &s, now);
    assert_false(fixture_exists(&f, "state/certs/one.test/1"));
    store_close(&s);
    fixture_close(&f);
}

static void test_live_link_of_another_form_is_not_taken(void **state)
{
    static const char *const targets[] = {
        "/etc",
        "../certs/two.test/1",
        "../certs/one.test/01",
        "../certs/one.test/1/..",
        "../certs/one.test/",
        "../certs/one.test/9999999999",
        "../certs/one.test/2", /* does not exist */
    };
    struct fixture f;
    struct store s;
    struct err why;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_store(&f, &s);
    add(&s, 1);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        fixture_link(&f, "state/live/one.test", targets[i]);
        assert_int_equal(store_live(&s, "one.test", &why), 0);
        assert_int_equal(why.class, ERR_CLASS_INTERNAL);
    }
    fixture_link(&f, "state/live/one.test", "../certs/one.test/1"); /* an administrator's own hand */
    assert_int_equal(store_live(&s, "one.test", &why), 1);
    assert_int_equal(why.class, ERR_CLASS_NONE);
    if (geteuid() == 0) {
        assert_int_equal(lchown(fixture_path(&f, "state/live/one.test"), 1234, 1234), 0);
        assert_int_equal(store_live(&s, "one.test", &why), 0);
        assert_non_null(strstr(why.text, "1234"));
    }
    store_close(&s);
    fixture_close(&f);
}

static void test_planted_directories_are_refused(void **state)
{
    const struct file_content file = {"cert.pem", "cert", 4, FILE_PUBLIC};
    struct fixture f;
    struct store s;
    struct err e;
    uint64_t generation;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_store(&f, &s);
    assert_int_equal(mkdir(fixture_path(&f, "elsewhere"), 0755), 0);
    fixture_link(&f, "state/certs/one.test", fixture_path(&f, "elsewhere"));
    assert_false(commit_generation(&s, "one.test", &file, 1, &generation, &e));
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_int_equal(rmdir(fixture_path(&f, "elsewhere")), 0); /* still empty */
    store_close(&s);
    fixture_close(&f);
}

static void test_a_full_disk_leaves_nothing(void **state)
{
    static char large[64 * 1024];
    const struct file_content files[] = {{"cert.pem", "cert", 4, FILE_PUBLIC},
                                         {"privkey.pem", large, sizeof large, FILE_PRIVATE}};
    struct rlimit old;
    struct rlimit small;
    struct fixture f;
    struct store s;
    struct err e;
    uint64_t generation = 77;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_store(&f, &s);
    add(&s, 1);
    flip(&s, 1);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){4096, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_false(commit_generation(&s, "one.test", files, 2, &generation, &e));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_non_null(strstr(e.text, "privkey.pem"));
    assert_non_null(strstr(e.text, strerror(EFBIG)));
    assert_int_equal(generation, 77);
    assert_int_equal(fixture_leftovers(&f, "state/certs/one.test"), 0);
    assert_false(fixture_exists(&f, "state/certs/one.test/2"));
    assert_int_equal(store_live(&s, "one.test", NULL), 1);
    add(&s, 2);
    store_close(&s);
    fixture_close(&f);
}

/* What is reserved for root (bfree over bavail) is of no use to others. */
static void test_room_is_looked_for(void **state)
{
    const bool root = geteuid() == 0;
    const struct statvfs kinds[] = {
        {.f_frsize = 4096, .f_bfree = 1000, .f_bavail = 1000, .f_files = 99, .f_ffree = 50, .f_favail = 50},
        {.f_frsize = 4096, .f_bfree = 1000, .f_bavail = 1000}, /* does not count files */
        {.f_frsize = 4096, .f_bfree = 1000, .f_files = 99, .f_ffree = 50, .f_favail = 50},
        {.f_frsize = 4096, .f_bfree = 3, .f_bavail = 3, .f_files = 99, .f_ffree = 50, .f_favail = 50},
        {.f_frsize = 4096, .f_bfree = 1000, .f_bavail = 1000, .f_files = 99, .f_ffree = 5, .f_favail = 5},
    };
    const bool enough[] = {true, true, root, false, false};
    struct fixture f;
    struct store s;
    struct err e;

    (void)state;
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_store(&f, &s);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        file_system = &kinds[i];
        assert_int_equal(store_has_room(&s, &e), enough[i]);
        if (!enough[i]) {
            assert_int_equal(e.class, ERR_CLASS_INTERNAL);
            assert_non_null(strstr(e.text, strerror(ENOSPC)));
            assert_non_null(strstr(e.text, f.root));
        }
    }
    file_system = NULL;
    assert_false(store_has_room(&s, &e));
    assert_non_null(strstr(e.text, strerror(EIO)));
    store_close(&s);
    fixture_close(&f);
}

static void assert_owner(const struct fixture *f, const char *path, uid_t uid)
{
    struct stat st;

    assert_int_equal(lstat(fixture_path(f, path), &st), 0);
    assert_int_equal(st.st_uid, uid);
}

static void test_state_goes_to_a_new_user(void **state)
{
    struct fixture f;
    struct store s;

    (void)state;
    if (geteuid() != 0)
        skip();
    fixture_open(&f, FIXTURE_PLAIN);
    f.engine_uid = 1234;
    f.engine_gid = 1234;
    fixture_store(&f, &s);
    store_close(&s);
    assert_owner(&f, "state/state", 1234);
    assert_owner(&f, "state/state/history", 1234);
    fixture_write(&f, "state/state/one.test.json", "{}", 0600);
    assert_int_equal(chown(fixture_path(&f, "state/state/one.test.json"), 1234, 1234), 0);
    fixture_write(&f, "secret", "root's", 0600);
    fixture_link(&f, "state/state/link.json", fixture_path(&f, "secret"));
    assert_int_equal(link(fixture_path(&f, "secret"), fixture_path(&f, "state/state/hard.json")), 0);
    f.engine_uid = 4321;
    fixture_store(&f, &s);
    store_close(&s);
    assert_owner(&f, "state/state", 4321);
    assert_owner(&f, "state/state/history", 4321);
    assert_owner(&f, "state/state/one.test.json", 4321);
    assert_owner(&f, "secret", 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directories_are_made),
        cmocka_unit_test(test_add_and_flip),
        cmocka_unit_test(test_leftovers_of_a_crash_are_removed),
        cmocka_unit_test(test_prune_keeps_what_it_must),
        cmocka_unit_test(test_what_was_served_last_is_kept),
        cmocka_unit_test(test_prune_stops_when_live_is_unclear),
        cmocka_unit_test(test_live_link_of_another_form_is_not_taken),
        cmocka_unit_test(test_planted_directories_are_refused),
        cmocka_unit_test(test_a_full_disk_leaves_nothing),
        cmocka_unit_test(test_room_is_looked_for),
        cmocka_unit_test(test_state_goes_to_a_new_user),
    };

    now = (int64_t)time(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
