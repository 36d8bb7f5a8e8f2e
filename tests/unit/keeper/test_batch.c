/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/fixture.h"

#include "daemon/log.h"
#include "lib/csr.h"
#include "tests/unit/keeper/ca.h"
#include "tests/unit/keeper/committed.h"

#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>

/* Installs that wait together: how often the disk is asked, and what becomes of them when it fails. */

#define DAY        86400
#define LINEAGES   3
#define SYNCED_MAX 256

static const char *const lineages[LINEAGES] = {"one.test", "two.test", "three.test"};

/* The keeper's fsync(), which comes here: what was synced, and what cannot be. */
static struct {
    char failing[64]; /* the end of a path; "": none */
    size_t n;
    char paths[SYNCED_MAX][PATH_MAX];
} disk;

int fsync(int fd)
{
    char link[64];
    char *path = disk.paths[disk.n];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    assert_true(n > 0);
    path[n] = '\0';
    if (disk.n < SYNCED_MAX - 1)
        disk.n++;
    if (*disk.failing != '\0' && (size_t)n >= strlen(disk.failing) &&
        strcmp(path + n - strlen(disk.failing), disk.failing) == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static size_t synced(const char *end)
{
    size_t found = 0;

    for (size_t i = 0; i < disk.n; i++) {
        size_t n = strlen(disk.paths[i]);

        found += n >= strlen(end) && strcmp(disk.paths[i] + n - strlen(end), end) == 0;
    }
    return found;
}

struct together {
    struct fixture f;
    struct store store;
    struct batch batch;
    struct pending *pending;
    int64_t now;
    char *chain[LINEAGES];
    struct committed done[LINEAGES];
};

static const struct config_certificate *certificate(const struct together *t, size_t i)
{
    return config_find(t->f.snapshot->config, lineages[i]);
}

/* Orders all three up to their chains. */
static void order(struct together *t)
{
    struct err e = {0};
    const struct key *key;

    for (size_t i = 0; i < LINEAGES; i++) {
        char *csr;

        if (commit_key(t->pending, &t->batch, certificate(t, i), &key, &e) != PENDING_READY)
            fail_msg("%s", e.text);
        csr = csr_build(key, &certificate(t, i)->domains, &e);
        assert_non_null(csr);
        free(t->chain[i]);
        t->chain[i] = ca_certify(csr, lineages[i], t->now - 60, t->now + 90 * DAY);
        free(csr);
    }
}

static bool begin(struct together *t, size_t i, struct err *e)
{
    memset(&t->done[i], 0, sizeof t->done[i]);
    return install_begin(&t->batch, t->f.snapshot, t->pending, certificate(t, i), t->chain[i],
                         strlen(t->chain[i]), t->now, committed_install, &t->done[i], e);
}

static void install(struct together *t)
{
    struct err e = {0};

    for (size_t i = 0; i < LINEAGES; i++)
        if (!begin(t, i, &e))
            fail_msg("%s", e.text);
    assert_true(batch_is_wanted(&t->batch));
    disk.n = 0;
    batch_commit(&t->batch);
    assert_false(batch_is_wanted(&t->batch));
}

static void live_is(const struct together *t, size_t i, uint64_t generation)
{
    char path[64];

    assert_int_equal(store_live(&t->store, lineages[i], NULL), generation);
    (void)snprintf(path, sizeof path, "state/certs/%s", lineages[i]);
    assert_int_equal(fixture_leftovers(&t->f, path), 0);
    assert_int_equal(fixture_leftovers(&t->f, "state/live"), 0);
}

/* Three certificates with a generation each, and the next ordered. */
static void set_up(struct together *t)
{
    memset(t, 0, sizeof *t);
    *disk.failing = '\0';
    fixture_open(&t->f,
                 FIXTURE_PLAIN "[certificate two.test]\nca = test\n[certificate three.test]\nca = test\n");
    t->now = (int64_t)time(NULL);
    fixture_store(&t->f, &t->store);
    batch_init(&t->batch, &t->store);
    t->pending = pending_new(&t->store, t->f.snapshot->config, &t->batch);
    assert_non_null(t->pending);
    order(t);
    install(t);
    for (size_t i = 0; i < LINEAGES; i++)
        assert_true(t->done[i].ok);
    order(t);
}

static void tear_down(struct together *t)
{
    for (size_t i = 0; i < LINEAGES; i++)
        free(t->chain[i]);
    pending_free(t->pending);
    store_close(&t->store);
    fixture_close(&t->f);
}

static void fail_at(const char *end)
{
    (void)snprintf(disk.failing, sizeof disk.failing, "%s", end);
}

/* For who records the system calls (tests/kill/test_power.py): from here on. */
static void mark(void)
{
    assert_true(open("/mark/installs-begin", O_RDONLY) < 0);
}

static void tell(const char *who)
{
    int fd = open("/dev/null", O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, who, strlen(who)), (int)strlen(who));
    (void)close(fd);
}

static void test_they_share_what_can_be_shared(void **state)
{
    struct together t;

    (void)state;
    set_up(&t);
    mark();
    install(&t);
    for (size_t i = 0; i < LINEAGES; i++) {
        assert_true(t.done[i].ok);
        assert_int_equal(t.done[i].generation, 2);
        tell(lineages[i]);
        live_is(&t, i, 2);
    }
    assert_int_equal(synced("/certs"), 1);
    assert_int_equal(synced("/live"), 1);
    assert_int_equal(synced("/privkey.pem"), LINEAGES);
    assert_int_equal(synced("/certs/two.test"), 1);
    assert_int_equal(disk.n,
                     2 + LINEAGES * (5 + 2)); /* a certificate: its files, their directory, its name */
    tear_down(&t);
}

static void test_keys_and_accounts_go_along(void **state)
{
    struct together t;
    struct committed saved = {0};
    const struct config_ca *ca;
    struct accounts *accounts;
    const struct key *key;
    struct err e;

    (void)state;
    set_up(&t);
    ca = config_find_ca(t.f.snapshot->config, "test");
    accounts = accounts_new(&t.store, t.f.snapshot->config);
    assert_non_null(accounts_get(accounts, ca, &e));
    assert_true(pending_discard(t.pending, certificate(&t, 2), false, &e));
    assert_true(begin(&t, 0, &e));
    assert_int_equal(pending_get(t.pending, certificate(&t, 2), &key, &e), PENDING_WAIT);
    assert_true(
        accounts_save_url(accounts, &t.batch, ca, "https://ca.test/acct/9", committed_save, &saved, &e));
    assert_false(saved.told);
    disk.n = 0;
    batch_commit(&t.batch);
    assert_int_equal(synced("/certs"), 1);
    assert_true(saved.ok);
    assert_string_equal(accounts_get(accounts, ca, &e)->url, "https://ca.test/acct/9");
    live_is(&t, 0, 2);
    assert_int_equal(pending_get(t.pending, certificate(&t, 2), &key, &e), PENDING_READY);
    accounts_free(accounts);
    tear_down(&t);
}

/* Whatever cannot be made durable for the second certificate: it alone fails, and succeeds when asked again.
 */
static void test_one_that_fails_fails_alone(void **state)
{
    static const char *const points[] = {"/two.test/.new-2/cert.pem", "/two.test/.new-2/haproxy.pem",
                                         "/two.test/.new-2", "/certs/two.test"};
    struct together t;
    struct err e;

    (void)state;
    for (size_t p = 0; p < sizeof points / sizeof points[0]; p++) {
        set_up(&t);
        fail_at(points[p]);
        install(&t);
        assert_true(t.done[0].ok && t.done[2].ok);
        assert_false(t.done[1].ok);
        assert_non_null(strstr(t.done[1].e.text, strerror(EIO)));
        assert_int_equal(t.done[1].e.class, ERR_CLASS_INTERNAL);
        live_is(&t, 0, 2);
        live_is(&t, 1, 1);
        live_is(&t, 2, 2);
        assert_false(fixture_exists(&t.f, "state/certs/two.test/2"));
        fail_at("");
        assert_true(begin(&t, 1, &e));
        batch_commit(&t.batch);
        assert_true(t.done[1].ok);
        live_is(&t, 1, 2);
        tear_down(&t);
    }
}

static void test_a_link_that_cannot_be_made_fails_alone(void **state)
{
    struct together t;

    (void)state;
    set_up(&t);
    assert_int_equal(unlink(fixture_path(&t.f, "state/live/two.test")), 0);
    assert_int_equal(mkdir(fixture_path(&t.f, "state/live/two.test"), 0755), 0);
    install(&t);
    assert_true(t.done[0].ok && !t.done[1].ok && t.done[2].ok);
    assert_false(fixture_exists(&t.f, "state/certs/two.test/2"));
    assert_int_equal(rmdir(fixture_path(&t.f, "state/live/two.test")), 0);
    tear_down(&t);
}

/* certs/ is everybody's: without it nobody's generation is sure to be there tomorrow. */
static void test_what_is_shared_fails_for_all(void **state)
{
    struct together t;

    (void)state;
    set_up(&t);
    fail_at("/state/certs");
    install(&t);
    for (size_t i = 0; i < LINEAGES; i++) {
        assert_false(t.done[i].ok);
        live_is(&t, i, 1);
    }
    assert_int_equal(synced("/certs"), 1); /* a second one would lie */
    assert_int_equal(synced("/live"), 0);
    fail_at("");
    install(&t);
    for (size_t i = 0; i < LINEAGES; i++) {
        assert_true(t.done[i].ok);
        live_is(&t, i, 2);
    }
    tear_down(&t);
}

/* The links show the new generations already, but may be the old ones after a power cut. So nobody is told,
 * and the repetition makes them anew. */
static void test_a_failed_sync_of_live_is_not_trusted(void **state)
{
    struct together t;
    struct stat before;
    struct stat after;

    (void)state;
    set_up(&t);
    fail_at("/state/live");
    install(&t);
    for (size_t i = 0; i < LINEAGES; i++) {
        assert_false(t.done[i].ok);
        live_is(&t, i, 2);
    }
    assert_int_equal(synced("/live"), 1);
    fail_at("");
    assert_int_equal(lstat(fixture_path(&t.f, "state/live/one.test"), &before), 0);
    install(&t);
    assert_int_equal(lstat(fixture_path(&t.f, "state/live/one.test"), &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(synced("/live"), 1);
    for (size_t i = 0; i < LINEAGES; i++) {
        assert_true(t.done[i].ok);
        assert_int_equal(t.done[i].generation, 2);
        live_is(&t, i, 2);
    }
    assert_false(fixture_exists(&t.f, "state/certs/one.test/pending/key.pem"));
    tear_down(&t);
}

static void test_a_mark_is_not_told_before_it_is_durable(void **state)
{
    struct together t;
    struct dir d;
    struct err e;

    (void)state;
    set_up(&t);
    disk.n = 0;
    assert_true(store_mark_served(&t.store, "one.test", 1, &d, &e));
    assert_int_equal(disk.n, 0);
    assert_true(dir_sync(&d, &e));
    dir_close(&d);
    assert_false(store_mark_served(&t.store, "one.test", 7, &d, &e));
    assert_int_equal(d.fd, -1);
    tear_down(&t);
}

static bool sync_nothing(void *write, struct err *e)
{
    (void)write;
    (void)e;
    return true;
}

static void count(void *write, const struct err *failure)
{
    assert_null(failure);
    ++*(unsigned *)write;
}

static void test_a_full_batch_is_committed(void **state)
{
    static const struct batch_steps counting = {.sync = sync_nothing, .finish = count};
    struct together t;
    unsigned finished = 0;

    (void)state;
    set_up(&t);
    for (size_t i = 0; i < BATCH_MAX; i++)
        batch_add(&t.batch, &counting, &finished, NULL);
    assert_int_equal(finished, 0);
    assert_false(batch_is_wanted(&t.batch));
    batch_add(&t.batch, &counting, &finished, NULL);
    assert_int_equal(finished, BATCH_MAX);
    batch_remove(&t.batch, &finished);
    batch_commit(&t.batch);
    assert_int_equal(finished, BATCH_MAX);
    tear_down(&t);
}

static void test_settling(void **state)
{
    struct together t;
    struct err e;

    (void)state;
    set_up(&t);
    assert_true(begin(&t, 0, &e));
    batch_settle(&t.batch, certificate(&t, 1));
    assert_false(t.done[0].told);
    batch_settle(&t.batch, certificate(&t, 0));
    assert_true(t.done[0].ok);
    tear_down(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_share_what_can_be_shared),
        cmocka_unit_test(test_keys_and_accounts_go_along),
        cmocka_unit_test(test_one_that_fails_fails_alone),
        cmocka_unit_test(test_a_link_that_cannot_be_made_fails_alone),
        cmocka_unit_test(test_what_is_shared_fails_for_all),
        cmocka_unit_test(test_a_failed_sync_of_live_is_not_trusted),
        cmocka_unit_test(test_a_mark_is_not_told_before_it_is_durable),
        cmocka_unit_test(test_a_full_batch_is_committed),
        cmocka_unit_test(test_settling),
    };

    log_set_level(LOG_LEVEL_ERROR);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
