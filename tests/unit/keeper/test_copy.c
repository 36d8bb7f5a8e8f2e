/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/fixture.h"
#include "tests/unit/keeper/generation.h"

#include "daemon/keeper/copy.h"

struct copy_fixture {
    struct fixture f;
    struct store store;
    const struct config_certificate *c;
};

/* A live generation and a directory out/. */
static void set_up(struct copy_fixture *x, const char *text)
{
    struct err e = {0};
    uint64_t generation;

    fixture_open(&x->f, text);
    fixture_store(&x->f, &x->store);
    assert_int_equal(mkdir(fixture_path(&x->f, "out"), 0755), 0);
    assert_int_equal(chmod(fixture_path(&x->f, "out"), 0755), 0);
    generation = generation_add(&x->store, "one.test");
    assert_true(store_flip(&x->store, "one.test", generation, &e));
    x->c = &x->f.snapshot->config->certificates[0];
}

static void tear_down(struct copy_fixture *x)
{
    store_close(&x->store);
    fixture_close(&x->f);
}

static void copied(struct copy_fixture *x)
{
    struct err e = {0};

    if (!copy_all(&x->store, x->f.snapshot, x->c, &e))
        fail_msg("%s", e.text);
}

static void refused(struct copy_fixture *x, enum err_class class, const char *why)
{
    struct err e = {0};

    assert_false(copy_all(&x->store, x->f.snapshot, x->c, &e));
    if (strstr(e.text, why) == NULL)
        fail_msg("%s, not %s", e.text, why);
    assert_int_equal(e.class, class);
}

static void holds(const struct copy_fixture *x, const char *path, const char *text)
{
    char *is = fixture_read(&x->f, path);

    assert_non_null(is);
    assert_string_equal(is, text);
    free(is);
}

/* The copy is what this file of the live generation is. */
static void equals(const struct copy_fixture *x, const char *path, const char *file)
{
    char live[64];
    char *text;

    (void)snprintf(live, sizeof live, "state/live/one.test/%s", file);
    text = fixture_read(&x->f, live);
    assert_true(text != NULL && strlen(text) > 100);
    holds(x, path, text);
    free(text);
}

static ino_t inode(const struct copy_fixture *x, const char *path)
{
    struct stat st;

    assert_int_equal(lstat(fixture_path(&x->f, path), &st), 0);
    return st.st_ino;
}

#define COPIES                                                                                               \
    FIXTURE_PLAIN                                                                                            \
    "copy = privkey:@/out/key.pem fullchain:@/out/full.pem chain:@/out/chain.pem haproxy:@/out/h.pem\n"

static void test_copies_follow_live(void **state)
{
    struct copy_fixture x;
    ino_t before;

    (void)state;
    set_up(&x, COPIES "mode = 0640\n");
    copied(&x);
    equals(&x, "out/key.pem", "privkey.pem");
    equals(&x, "out/full.pem", "fullchain.pem");
    equals(&x, "out/chain.pem", "chain.pem");
    equals(&x, "out/h.pem", "haproxy.pem");
    assert_int_equal(fixture_mode(&x.f, "out/key.pem"), 0640);
    assert_int_equal(fixture_mode(&x.f, "out/h.pem"), 0640);
    assert_int_equal(fixture_mode(&x.f, "out/full.pem"), 0644);
    before = inode(&x, "out/key.pem");
    copied(&x); /* nothing differs: nothing is written */
    assert_int_equal(inode(&x, "out/key.pem"), before);
    fixture_write(&x.f, "out/full.pem", "something else", 0644);
    assert_int_equal(chmod(fixture_path(&x.f, "out/key.pem"), 0644), 0);
    copied(&x);
    equals(&x, "out/full.pem", "fullchain.pem");
    assert_int_equal(fixture_mode(&x.f, "out/key.pem"), 0640);
    assert_int_equal(fixture_leftovers(&x.f, "out"), 0);
    tear_down(&x);
}

static void test_a_link_is_replaced_not_followed(void **state)
{
    struct copy_fixture x;

    (void)state;
    set_up(&x, COPIES);
    fixture_write(&x.f, "precious", "precious", 0600);
    fixture_link(&x.f, "out/key.pem", fixture_path(&x.f, "precious"));
    fixture_link(&x.f, "out/.new-full.pem", fixture_path(&x.f, "precious"));
    assert_int_equal(link(fixture_path(&x.f, "precious"), fixture_path(&x.f, "out/h.pem")), 0);
    copied(&x);
    holds(&x, "precious", "precious");
    equals(&x, "out/key.pem", "privkey.pem");
    equals(&x, "out/h.pem", "haproxy.pem");
    assert_int_equal(fixture_leftovers(&x.f, "out"), 0);
    tear_down(&x);
}

static void test_hostile_directories_are_refused(void **state)
{
    struct copy_fixture x;

    (void)state;
    set_up(&x, COPIES);
    assert_int_equal(chmod(fixture_path(&x.f, "out"), 0777), 0);
    refused(&x, ERR_CLASS_CONFIG, "/out");
    assert_int_equal(chmod(fixture_path(&x.f, "out"), 01777), 0);
    refused(&x, ERR_CLASS_CONFIG, "/out");
    assert_int_equal(chmod(fixture_path(&x.f, "out"), 0755), 0);
    assert_int_equal(chmod(x.f.dir, 0777), 0); /* above it */
    refused(&x, ERR_CLASS_CONFIG, x.f.dir);
    assert_int_equal(chmod(x.f.dir, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(fixture_path(&x.f, "out"), 1234, 1234), 0);
        refused(&x, ERR_CLASS_CONFIG, "1234");
        assert_int_equal(chown(fixture_path(&x.f, "out"), 0, 1234), 0);
        assert_int_equal(chmod(fixture_path(&x.f, "out"), 0775), 0);
        refused(&x, ERR_CLASS_CONFIG, "1234");
    }
    assert_false(fixture_exists(&x.f, "out/full.pem"));
    tear_down(&x);
}

/* postgresql's own directory takes a copy that is postgresql's; one of a third user does not. */
static void test_a_directory_of_the_owner_takes_the_copy(void **state)
{
    struct copy_fixture x;

    (void)state;
    if (geteuid() != 0)
        skip();
    set_up(&x, COPIES "owner = 1234\n");
    assert_int_equal(chown(fixture_path(&x.f, "out"), 4321, 4321), 0);
    refused(&x, ERR_CLASS_CONFIG, "4321");
    assert_int_equal(chown(fixture_path(&x.f, "out"), 1234, 1234), 0);
    copied(&x);
    assert_true(fixture_exists(&x.f, "out/full.pem"));
    tear_down(&x);
}

/* The path is fine to look at, the directory it leads to is not. */
static void test_a_link_to_a_hostile_place_is_refused(void **state)
{
    struct copy_fixture x;

    (void)state;
    set_up(&x, COPIES);
    assert_int_equal(mkdir(fixture_path(&x.f, "open"), 0777), 0);
    assert_int_equal(mkdir(fixture_path(&x.f, "open/inner"), 0755), 0);
    assert_int_equal(chmod(fixture_path(&x.f, "open"), 0777), 0);
    assert_int_equal(rmdir(fixture_path(&x.f, "out")), 0);
    fixture_link(&x.f, "out", fixture_path(&x.f, "open/inner"));
    refused(&x, ERR_CLASS_CONFIG, "above");
    assert_int_equal(chmod(fixture_path(&x.f, "open"), 0755), 0);
    copied(&x);
    equals(&x, "open/inner/key.pem", "privkey.pem");
    tear_down(&x);
}

/* Good copies outlive the files that they were made of. */
static void test_a_damaged_file_is_not_copied(void **state)
{
    struct copy_fixture x;
    char *good;

    (void)state;
    set_up(&x, COPIES);
    copied(&x);
    good = fixture_read(&x.f, "out/key.pem");
    fixture_write(&x.f, "state/certs/one.test/1/privkey.pem", "zeroes", 0600);
    fixture_write(&x.f, "state/certs/one.test/1/haproxy.pem", "zeroes", 0600);
    refused(&x, ERR_CLASS_INTERNAL, "damaged: privkey.pem is not the key of cert.pem");
    holds(&x, "out/key.pem", good);
    fixture_write(&x.f, "state/certs/one.test/1/privkey.pem", good, 0600);
    copied(&x); /* the other damaged file is made again from what is there */
    equals(&x, "out/h.pem", "haproxy.pem");
    assert_int_equal(fixture_mode(&x.f, "state/certs/one.test/1/haproxy.pem"), 0600);
    holds(&x, "out/key.pem", good);
    free(good);
    tear_down(&x);
}

static void test_no_key_without_its_certificate(void **state)
{
    struct copy_fixture x;

    (void)state;
    set_up(&x,
           FIXTURE_PLAIN "copy = privkey:@/out/key.pem haproxy:@/out/h.pem fullchain:@/missing/full.pem\n");
    refused(&x, ERR_CLASS_INTERNAL, "missing");
    assert_false(fixture_exists(&x.f, "out/key.pem"));
    equals(&x, "out/h.pem", "haproxy.pem"); /* it holds both: nothing to wait for */
    tear_down(&x);
}

static void test_nothing_live_nothing_copied(void **state)
{
    struct copy_fixture x;

    (void)state;
    set_up(&x, COPIES);
    assert_int_equal(unlink(fixture_path(&x.f, "state/live/one.test")), 0);
    refused(&x, ERR_CLASS_INTERNAL, "no certificate is live");
    tear_down(&x);
}

static void test_copies_get_their_owner(void **state)
{
    struct copy_fixture x;
    struct stat st;

    (void)state;
    if (geteuid() != 0)
        skip();
    set_up(&x, COPIES "owner = 1234\ngroup = 4321\n");
    copied(&x);
    assert_int_equal(stat(fixture_path(&x.f, "out/key.pem"), &st), 0);
    assert_int_equal(st.st_uid, 1234);
    assert_int_equal(st.st_gid, 4321);
    assert_int_equal(stat(fixture_path(&x.f, "out/full.pem"), &st), 0);
    assert_int_equal(st.st_uid, 0);
    tear_down(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_follow_live),
        cmocka_unit_test(test_a_link_is_replaced_not_followed),
        cmocka_unit_test(test_hostile_directories_are_refused),
        cmocka_unit_test(test_a_directory_of_the_owner_takes_the_copy),
        cmocka_unit_test(test_a_link_to_a_hostile_place_is_refused),
        cmocka_unit_test(test_a_damaged_file_is_not_copied),
        cmocka_unit_test(test_no_key_without_its_certificate),
        cmocka_unit_test(test_nothing_live_nothing_copied),
        cmocka_unit_test(test_copies_get_their_owner),
    };

    return cmocka_run_group_tests(tests, generation_setup, generation_teardown);
}
