/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/fixture.h"

#include "daemon/keeper/install.h"
#include "lib/cert.h"
#include "lib/csr.h"
#include "tests/unit/keeper/ca.h"
#include "tests/unit/keeper/committed.h"

#include <time.h>

#define DAY 86400

struct install_fixture {
    struct fixture f;
    struct store store;
    struct batch batch;
    struct pending *pending;
    const struct config_certificate *c;
    int64_t now;
};

static void set_up(struct install_fixture *i, const char *text)
{
    fixture_open(&i->f, text);
    i->now = (int64_t)time(NULL);
    fixture_store(&i->f, &i->store);
    batch_init(&i->batch, &i->store);
    i->pending = pending_new(&i->store, i->f.snapshot->config, &i->batch);
    assert_non_null(i->pending);
    i->c = &i->f.snapshot->config->certificates[0];
}

static void tear_down(struct install_fixture *i)
{
    pending_free(i->pending);
    store_close(&i->store);
    fixture_close(&i->f);
}

/* A chain for the pending key. */
static char *order(struct install_fixture *i, const char *names, int64_t not_before, int64_t not_after)
{
    struct err e = {0};
    const struct key *key;
    char *csr;
    char *chain;

    if (commit_key(i->pending, &i->batch, i->c, &key, &e) != PENDING_READY)
        fail_msg("%s", e.text);
    csr = csr_build(key, &i->c->domains, &e);
    assert_non_null(csr);
    chain = ca_certify(csr, names, not_before, not_after);
    free(csr);
    return chain;
}

static bool install(struct install_fixture *i, const char *chain, uint64_t *generation, struct err *e)
{
    return commit_install(&i->batch, i->f.snapshot, i->pending, i->c, chain, i->now, generation, e);
}

static uint64_t installed(struct install_fixture *i, const char *chain)
{
    struct err e = {0};
    uint64_t generation = 0;

    if (!install(i, chain, &generation, &e))
        fail_msg("%s", e.text);
    return generation;
}

static void test_a_certificate_becomes_live(void **state)
{
    struct install_fixture i;
    char *chain;
    char *key;
    char *full;
    char *haproxy;
    char *leaf;

    (void)state;
    set_up(&i, FIXTURE_PLAIN "mode = 0640\n");
    chain = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_int_equal(fixture_mode(&i.f, "state/certs/one.test/pending"), 0700);
    assert_int_equal(fixture_mode(&i.f, "state/certs/one.test/pending/key.pem"), 0600);
    assert_int_equal(installed(&i, chain), 1);
    assert_int_equal(store_live(&i.store, "one.test", NULL), 1);
    assert_false(fixture_exists(&i.f, "state/certs/one.test/pending/key.pem"));
    assert_int_equal(fixture_mode(&i.f, "state/live/one.test/privkey.pem"), 0640);
    assert_int_equal(fixture_mode(&i.f, "state/live/one.test/haproxy.pem"), 0640);
    assert_int_equal(fixture_mode(&i.f, "state/live/one.test/fullchain.pem"), 0644);
    full = fixture_read(&i.f, "state/live/one.test/fullchain.pem");
    key = fixture_read(&i.f, "state/live/one.test/privkey.pem");
    haproxy = fixture_read(&i.f, "state/live/one.test/haproxy.pem");
    leaf = fixture_read(&i.f, "state/live/one.test/cert.pem");
    assert_string_equal(full, chain);
    assert_memory_equal(full, leaf, strlen(leaf));
    assert_memory_equal(haproxy, full, strlen(full));
    assert_string_equal(haproxy + strlen(full), key);
    free(full);
    free(key);
    free(haproxy);
    free(leaf);
    free(chain);
    tear_down(&i);
}

static void test_a_repetition_changes_nothing(void **state)
{
    struct install_fixture i;
    char *chain;
    char *next;

    (void)state;
    set_up(&i, FIXTURE_PLAIN);
    chain = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_int_equal(installed(&i, chain), 1);
    assert_int_equal(installed(&i, chain), 1);
    assert_false(fixture_exists(&i.f, "state/certs/one.test/2"));
    next = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_int_equal(installed(&i, next), 2);
    assert_true(fixture_exists(&i.f, "state/certs/one.test/1"));
    free(next);
    free(chain);
    tear_down(&i);
}

/* Killed between the two steps that make a generation live: it has no twin afterwards, and what was wrong
 * with it is not believed. */
static void test_a_generation_without_its_link_is_written_anew(void **state)
{
    struct install_fixture i;
    struct err e = {0};
    uint64_t generation;
    char *chain;
    char *next;
    char *live;
    char *key;

    (void)state;
    set_up(&i, FIXTURE_PLAIN);
    chain = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_int_equal(installed(&i, chain), 1);
    next = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    key = fixture_read(&i.f, "state/certs/one.test/pending/key.pem");
    assert_int_equal(installed(&i, next), 2);
    assert_true(store_flip(&i.store, "one.test", 1, NULL));
    /* Without the key of an order in flight nobody goes back to it. */
    assert_false(install(&i, next, &generation, &e));
    assert_int_equal(store_live(&i.store, "one.test", NULL), 1);
    fixture_write(&i.f, "state/certs/one.test/pending/key.pem", key, 0600);
    fixture_write(&i.f, "state/certs/one.test/2/privkey.pem", "damaged", 0666);
    assert_int_equal(installed(&i, next), 2);
    live = fixture_read(&i.f, "state/live/one.test/privkey.pem");
    assert_string_equal(live, key);
    assert_int_equal(fixture_mode(&i.f, "state/live/one.test/privkey.pem"), 0600);
    assert_int_equal(store_live(&i.store, "one.test", NULL), 2);
    assert_false(fixture_exists(&i.f, "state/certs/one.test/3"));
    assert_false(fixture_exists(&i.f, "state/certs/one.test/pending/key.pem"));
    free(live);
    free(key);
    free(next);
    free(chain);
    tear_down(&i);
}

static void set_age(const struct install_fixture *i, const char *path, int64_t age)
{
    const struct timespec times[2] = {{.tv_sec = i->now - age}, {.tv_sec = i->now - age}};

    assert_int_equal(utimensat(AT_FDCWD, fixture_path(&i->f, path), times, 0), 0);
}

static void install_next(struct install_fixture *i, int64_t not_before, uint64_t want)
{
    char *chain = order(i, "one.test", not_before, i->now + 365 * DAY);

    assert_int_equal(installed(i, chain), want);
    free(chain);
}

static void test_what_is_not_kept_is_removed(void **state)
{
    struct install_fixture i;

    (void)state;
    set_up(&i, FIXTURE_PLAIN "keep = 0\n");
    install_next(&i, i.now - 60, 1);
    install_next(&i, i.now - 60, 2);
    install_next(&i, i.now - 60, 3);
    set_age(&i, "state/certs/one.test/1", 8 * DAY);
    set_age(&i, "state/certs/one.test/2", 6 * DAY);
    store_close(&i.store);
    fixture_store(&i.f, &i.store);
    assert_true(fixture_exists(&i.f, "state/certs/one.test/1")); /* a start has only the clock's word */
    install_next(&i, i.now - 60, 4);
    assert_false(fixture_exists(&i.f, "state/certs/one.test/1"));
    assert_true(fixture_exists(&i.f, "state/certs/one.test/2"));
    assert_true(fixture_exists(&i.f, "state/certs/one.test/3"));
    tear_down(&i);
}

/* The CA's clock, which the new certificate tells, is right. */
static void test_a_clock_that_is_ahead_removes_nothing(void **state)
{
    struct install_fixture i;
    char *chain;
    int64_t now;

    (void)state;
    set_up(&i, FIXTURE_PLAIN "keep = 0\n");
    install_next(&i, i.now - 60, 1);
    install_next(&i, i.now - 60, 2);
    now = i.now;
    i.now += 30 * DAY;
    chain = order(&i, "one.test", now - 60, now + 365 * DAY);
    assert_int_equal(installed(&i, chain), 3);
    assert_int_equal(installed(&i, chain), 3); /* nor does the repetition after a crash */
    assert_true(fixture_exists(&i.f, "state/certs/one.test/1"));
    assert_true(fixture_exists(&i.f, "state/certs/one.test/2"));
    install_next(&i, i.now - 60, 4); /* now it is right */
    assert_false(fixture_exists(&i.f, "state/certs/one.test/1"));
    assert_false(fixture_exists(&i.f, "state/certs/one.test/2"));
    free(chain);
    tear_down(&i);
}

static void refused(struct install_fixture *i, char *chain, const char *why)
{
    struct err e = {0};
    uint64_t generation;

    assert_false(install(i, chain, &generation, &e));
    if (strstr(e.text, why) == NULL)
        fail_msg("%s, not %s", e.text, why);
    assert_int_equal(store_live(&i->store, "one.test", NULL), 0);
    assert_int_equal(fixture_leftovers(&i->f, "state/certs/one.test"), 0);
    assert_false(fixture_exists(&i->f, "state/certs/one.test/1"));
    assert_true(fixture_exists(&i->f, "state/certs/one.test/pending/key.pem"));
    free(chain);
}

static void test_a_bad_chain_is_refused(void **state)
{
    struct install_fixture i;
    struct err e;
    char *other;

    (void)state;
    set_up(&i, FIXTURE_PLAIN);
    refused(&i, order(&i, "two.test", i.now - 60, i.now + 90 * DAY), "one.test");
    refused(&i, order(&i, "one.test two.test", i.now - 60, i.now + 90 * DAY), "two.test");
    refused(&i, order(&i, "one.test", i.now - 90 * DAY, i.now - 60), "not installed");
    refused(&i, order(&i, "one.test", i.now + DAY, i.now + 90 * DAY), "not installed");
    refused(&i, strdup("no certificate at all"), "not installed");
    other = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_true(pending_discard(i.pending, i.c, false, &e));
    free(order(&i, "one.test", i.now - 60, i.now + 90 * DAY)); /* a new key is pending now */
    refused(&i, other, "another key");
    tear_down(&i);
}

static void test_without_its_key_a_chain_is_useless(void **state)
{
    struct install_fixture i;
    struct err e = {0};
    uint64_t generation;
    char *chain;

    (void)state;
    set_up(&i, FIXTURE_PLAIN);
    chain = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_true(pending_discard(i.pending, i.c, false, &e));
    assert_false(install(&i, chain, &generation, &e));
    assert_int_equal(e.class, ERR_CLASS_TRANSIENT);
    free(chain);
    tear_down(&i);
}

static void test_a_flip_that_fails_leaves_nothing(void **state)
{
    struct install_fixture i;
    struct err e = {0};
    uint64_t generation;
    char *chain;

    (void)state;
    set_up(&i, FIXTURE_PLAIN);
    assert_int_equal(mkdir(fixture_path(&i.f, "state/live/one.test"), 0755), 0);
    chain = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_false(install(&i, chain, &generation, &e));
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_false(fixture_exists(&i.f, "state/certs/one.test/1"));
    assert_int_equal(fixture_leftovers(&i.f, "state/live"), 0);
    assert_int_equal(fixture_leftovers(&i.f, "state/certs/one.test"), 0);
    assert_int_equal(rmdir(fixture_path(&i.f, "state/live/one.test")), 0);
    assert_int_equal(installed(&i, chain), 1); /* the same order succeeds when the way is free */
    free(chain);
    tear_down(&i);
}

static void test_keys_get_their_owner(void **state)
{
    struct install_fixture i;
    struct stat st;
    char *chain;

    (void)state;
    if (geteuid() != 0)
        skip();
    set_up(&i, FIXTURE_PLAIN "owner = 1234\ngroup = 4321\nmode = 0440\n");
    chain = order(&i, "one.test", i.now - 60, i.now + 90 * DAY);
    assert_int_equal(installed(&i, chain), 1);
    assert_int_equal(stat(fixture_path(&i.f, "state/live/one.test/privkey.pem"), &st), 0);
    assert_int_equal(st.st_uid, 1234);
    assert_int_equal(st.st_gid, 4321);
    assert_int_equal(st.st_mode & 07777, 0440);
    assert_int_equal(stat(fixture_path(&i.f, "state/live/one.test/fullchain.pem"), &st), 0);
    assert_int_equal(st.st_uid, 0);
    free(chain);
    tear_down(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_becomes_live),
        cmocka_unit_test(test_a_repetition_changes_nothing),
        cmocka_unit_test(test_a_generation_without_its_link_is_written_anew),
        cmocka_unit_test(test_what_is_not_kept_is_removed),
        cmocka_unit_test(test_a_clock_that_is_ahead_removes_nothing),
        cmocka_unit_test(test_a_bad_chain_is_refused),
        cmocka_unit_test(test_without_its_key_a_chain_is_useless),
        cmocka_unit_test(test_a_flip_that_fails_leaves_nothing),
        cmocka_unit_test(test_keys_get_their_owner),
    };

    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
