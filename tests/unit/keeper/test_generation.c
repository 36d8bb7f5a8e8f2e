/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/generation.h"

#include "daemon/keeper/generation.h"

struct examined {
    struct fixture f;
    struct store store;
    const struct config_certificate *c;
    struct err why;
};

static void set_up(struct examined *x)
{
    struct err e = {0};

    fixture_open(&x->f, FIXTURE_PLAIN "mode = 0640\n");
    fixture_store(&x->f, &x->store);
    assert_true(store_flip(&x->store, "one.test", generation_add(&x->store, "one.test"), &e));
    x->c = &x->f.snapshot->config->certificates[0];
}

static void tear_down(struct examined *x)
{
    store_close(&x->store);
    fixture_close(&x->f);
}

static const char *path_of(const char *file)
{
    static char path[64];

    (void)snprintf(path, sizeof path, "state/certs/one.test/1/%s", file);
    return path;
}

static void expect(struct examined *x, enum generation_health health)
{
    enum generation_health is;
    struct err e = {0};
    uint64_t generation;

    if (!generation_examine_live(&x->store, x->f.snapshot, x->c, &generation, &is, &x->why, &e))
        fail_msg("%s", e.text);
    assert_int_equal(generation, 1);
    if (is != health)
        fail_msg("health %d, not %d: %s", (int)is, (int)health, x->why.text);
}

/* Whatever happened to one file, it is what it was, and what its owner and mode were. */
static void test_each_file_is_repaired(void **state)
{
    static const char *const files[] = {"cert.pem", "chain.pem", "fullchain.pem", "privkey.pem",
                                        "haproxy.pem"};
    struct examined x;

    (void)state;
    set_up(&x);
    expect(&x, GENERATION_SOUND);
    for (size_t i = 0; i < 5; i++) {
        bool secret = i >= 3;
        char *good = fixture_read(&x.f, path_of(files[i]));
        char *flipped = strdup(good);
        char *is;

        flipped[strlen(flipped) / 2] ^= 2;
        for (unsigned damage = 0; damage < 3; damage++) {
            if (damage == 0)
                fixture_write(&x.f, path_of(files[i]), flipped, 0644);
            else if (damage == 1)
                fixture_write(&x.f, path_of(files[i]), "", 0644);
            else
                assert_int_equal(unlink(fixture_path(&x.f, path_of(files[i]))), 0);
            expect(&x, GENERATION_REPAIRED);
            is = fixture_read(&x.f, path_of(files[i]));
            assert_string_equal(is, good);
            assert_int_equal(fixture_mode(&x.f, path_of(files[i])), secret ? 0640 : 0644);
            free(is);
            expect(&x, GENERATION_SOUND);
        }
        free(good);
        free(flipped);
    }
    assert_int_equal(fixture_leftovers(&x.f, "state/certs/one.test/1"), 0);
    tear_down(&x);
}

/* Nothing is guessed: all stays as it was found. */
static void test_two_files_are_not(void **state)
{
    struct examined x;
    struct dir d;
    char *is;

    (void)state;
    set_up(&x);
    fixture_write(&x.f, path_of("privkey.pem"), "", 0600);
    fixture_write(&x.f, path_of("haproxy.pem"), "broken", 0600);
    expect(&x, GENERATION_DAMAGED);
    assert_string_equal(x.why.text, "privkey.pem is missing or empty");
    assert_true(store_generation(&x.store, "one.test", 1, &d, &x.why));
    assert_false(generation_vouch(&d, "one.test", FILE_PRIVATE, &x.why));
    assert_non_null(strstr(x.why.text, "/certs/one.test/1, are damaged: privkey.pem is missing or empty"));
    dir_close(&d);
    is = fixture_read(&x.f, path_of("haproxy.pem"));
    assert_string_equal(is, "broken");
    free(is);
    tear_down(&x);
}

/* A backup that links files is no damage. */
static void test_what_cannot_be_examined_is_not_called_damaged(void **state)
{
    struct examined x;

    (void)state;
    set_up(&x);
    assert_int_equal(link(fixture_path(&x.f, path_of("privkey.pem")), fixture_path(&x.f, "backup")), 0);
    expect(&x, GENERATION_UNKNOWN);
    assert_non_null(strstr(x.why.text, "privkey.pem"));
    tear_down(&x);
}

static void test_nothing_is_live(void **state)
{
    struct examined x;
    enum generation_health is;
    struct err e = {0};
    uint64_t generation;

    (void)state;
    set_up(&x);
    assert_int_equal(unlink(fixture_path(&x.f, "state/live/one.test")), 0);
    assert_false(generation_examine_live(&x.store, x.f.snapshot, x.c, &generation, &is, &x.why, &e));
    assert_string_equal(e.text, "no certificate is live");
    tear_down(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_file_is_repaired),
        cmocka_unit_test(test_two_files_are_not),
        cmocka_unit_test(test_what_cannot_be_examined_is_not_called_damaged),
        cmocka_unit_test(test_nothing_is_live),
    };

    return cmocka_run_group_tests(tests, generation_setup, generation_teardown);
}
