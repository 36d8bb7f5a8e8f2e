/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/fixture.h"

#include "daemon/keeper/account.h"
#include "daemon/keeper/install.h"
#include "daemon/log.h"
#include "lib/cert.h"
#include "lib/csr.h"
#include "lib/jws.h"
#include "tests/unit/keeper/ca.h"
#include "tests/unit/keeper/committed.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* The keeper's work is ended by SIGKILL before each system call in turn that changes something. After each,
 * the store is opened anew, L1 must hold, and the work must be able to be finished. */

#define CHANGES_MAX  500
#define LINEAGES_MAX 2

static const char *const lineages[LINEAGES_MAX] = {"one.test", "two.test"};

struct work {
    struct fixture f;
    bool together;             /* all lineages are installed, in one batch */
    char *chain[LINEAGES_MAX]; /* of the orders in flight */
    int64_t now;
    bool installing; /* else: making keys from nothing */
    bool changing;   /* else, too: another key for the account, instead of this one: */
    char old[64];
    bool saw_old;
    bool saw_new;
};

static unsigned count(const struct work *w)
{
    return w->together ? LINEAGES_MAX : 1;
}

static int key_and_account(struct work *w, struct store *s)
{
    const struct config *config = w->f.snapshot->config;
    const struct config_ca *ca = config_find_ca(config, "test");
    struct accounts *accounts = accounts_new(s, config);
    struct pending *pending;
    struct batch batch;
    const struct key *key;
    bool ok;

    batch_init(&batch, s);
    pending = pending_new(s, config, &batch);
    ok = accounts_get(accounts, ca, NULL) != NULL &&
         commit_url(accounts, &batch, ca, "https://ca.test/acct/1", NULL) &&
         commit_key(pending, &batch, &config->certificates[0], &key, NULL) == PENDING_READY;
    pending_free(pending);
    accounts_free(accounts);
    return ok ? 0 : 1;
}

/* All of them in one batch. */
static int install(struct work *w, struct store *s)
{
    const struct config *config = w->f.snapshot->config;
    struct committed done[LINEAGES_MAX] = {0};
    struct pending *pending;
    struct batch batch;
    struct err e = {0};
    bool ok = true;

    batch_init(&batch, s);
    pending = pending_new(s, config, &batch);
    for (unsigned i = 0; ok && i < count(w) && i < LINEAGES_MAX; i++)
        ok = install_begin(&batch, w->f.snapshot, pending, config_find(config, lineages[i]), w->chain[i],
                           strlen(w->chain[i]), w->now, committed_install, &done[i], &e);
    if (!ok)
        (void)fprintf(stderr, "%s\n", e.text);
    batch_commit(&batch);
    for (unsigned i = 0; i < count(w); i++)
        ok = ok && done[i].ok;
    pending_free(pending);
    return ok ? 0 : 1;
}

/* The CA took the next key, whatever happens here. */
static int change_key(struct work *w, struct store *s)
{
    const struct config *config = w->f.snapshot->config;
    const struct config_ca *ca = config_find_ca(config, "test");
    struct accounts *accounts = accounts_new(s, config);
    const struct account *account = accounts_get(accounts, ca, NULL);
    bool ok = account != NULL;

    if (ok && strcmp(account->thumbprint, w->old) == 0)
        ok = accounts_next(accounts, ca, NULL) && accounts_settle(accounts, ca, true, NULL);
    accounts_free(accounts);
    return ok ? 0 : 1;
}

static int do_work(struct work *w)
{
    struct store s;
    int rc = 1;

    if (!store_open(&s, w->f.snapshot->config, w->f.engine_uid, w->f.engine_gid, NULL))
        return 1;
    rc = w->installing ? install(w, &s) : w->changing ? change_key(w, &s) : key_and_account(w, &s);
    store_close(&s);
    return rc;
}

/* The calls that change what is on the disk; between two of them nothing differs. */
static bool is_change(pid_t pid)
{
    static const long changes[] = {SYS_write,    SYS_fsync,     SYS_fchmod,   SYS_fchown,
                                   SYS_mkdirat,  SYS_unlinkat,  SYS_openat,   SYS_symlinkat,
                                   SYS_renameat, SYS_renameat2, SYS_fchmodat, SYS_ftruncate};
    struct __ptrace_syscall_info info;

    memset(&info, 0, sizeof info);
    assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return false;
    if (info.entry.nr == SYS_openat)
        return (info.entry.args[2] & O_CREAT) != 0;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if ((long)info.entry.nr == changes[i])
            return true;
    return false;
}

/* Runs the work until its n-th change. True: it was ended before that; false: it was through. */
static bool killed_at(struct work *w, unsigned n)
{
    unsigned changes = 0;
    int status;
    long rc;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        (void)raise(SIGSTOP);
        _exit(do_work(w));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): that is how ptrace(2) takes its options */
    rc = ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    assert_int_equal(rc, 0);
    while (WIFSTOPPED(status) && changes < n) {
        assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSTOPPED(status))
            changes += is_change(pid);
    }
    if (WIFSTOPPED(status)) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return true;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static bool can_trace(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status == 0;
}

/* L1: live/ is the old certificate or the new one, whole, with its key. 0: none. */
static uint64_t live_is_whole(const struct work *w, unsigned i)
{
    struct strv names = {0};
    struct cert_chain chain;
    struct err e = {0};
    struct key *key;
    char path[64];
    char *pem;
    char *full;
    bool is_new;

    (void)snprintf(path, sizeof path, "state/live/%s/privkey.pem", lineages[i]);
    pem = fixture_read(&w->f, path);
    (void)snprintf(path, sizeof path, "state/live/%s/fullchain.pem", lineages[i]);
    full = fixture_read(&w->f, path);
    assert_non_null(pem);
    assert_non_null(full);
    key = key_from_pem(pem, strlen(pem), &e);
    assert_non_null(key);
    assert_true(strv_add(&names, lineages[i]));
    if (!cert_chain_check(&chain, full, strlen(full), key, &names, w->now, &e))
        fail_msg("%s", e.text);
    is_new = strcmp(full, w->chain[i]) == 0;
    cert_chain_clear(&chain);
    strv_clear(&names);
    key_free(key);
    free(pem);
    free(full);
    return is_new ? 2 : 1;
}

/* New orders up to their chains. */
static void order(struct work *w)
{
    const struct config *config = w->f.snapshot->config;
    struct err e = {0};
    struct store s;
    struct batch batch;
    struct pending *pending;
    const struct key *key;

    fixture_store(&w->f, &s);
    batch_init(&batch, &s);
    pending = pending_new(&s, config, &batch);
    assert_non_null(pending);
    for (unsigned i = 0; i < count(w); i++) {
        const struct config_certificate *c = config_find(config, lineages[i]);
        char *csr;

        if (commit_key(pending, &batch, c, &key, &e) != PENDING_READY)
            fail_msg("%s", e.text);
        csr = csr_build(key, &c->domains, &e);
        assert_non_null(csr);
        free(w->chain[i]);
        w->chain[i] = ca_certify(csr, lineages[i], w->now - 60, w->now + 86400);
        free(csr);
    }
    pending_free(pending);
    store_close(&s);
}

static void no_leftovers(const struct work *w)
{
    char path[64];

    assert_int_equal(fixture_leftovers(&w->f, "state/accounts"), 0);
    assert_int_equal(fixture_leftovers(&w->f, "state/live"), 0);
    for (unsigned i = 0; i < count(w); i++) {
        (void)snprintf(path, sizeof path, "state/certs/%s", lineages[i]);
        assert_int_equal(fixture_leftovers(&w->f, path), 0);
        /* Two orders made two generations, whatever became of the first try to install the second. */
        (void)snprintf(path, sizeof path, "state/certs/%s/3", lineages[i]);
        assert_false(fixture_exists(&w->f, path));
    }
}

/* Ends the work at ever later changes until it is through; each time, looks at what is left and finishes. */
static void crash_everywhere(struct work *w, void (*prepare)(struct work *w), void (*look)(struct work *w))
{
    unsigned n = 1;

    w->now = (int64_t)time(NULL);
    if (!can_trace())
        skip();
    for (; n < CHANGES_MAX; n++) {
        bool killed;

        fixture_open(&w->f, FIXTURE_PLAIN "[certificate two.test]\nca = test\n");
        prepare(w);
        killed = killed_at(w, n);
        look(w);
        assert_int_equal(do_work(w), 0);
        look(w);
        no_leftovers(w);
        fixture_close(&w->f);
        for (unsigned i = 0; i < count(w); i++) {
            free(w->chain[i]);
            w->chain[i] = NULL;
        }
        if (!killed)
            break;
    }
    assert_in_range(n, 20, CHANGES_MAX - 1);
}

static void prepare_second_order(struct work *w)
{
    w->installing = true;
    order(w);
    assert_int_equal(do_work(w), 0);
    order(w);
}

static void look_at_live(struct work *w)
{
    for (unsigned i = 0; i < count(w); i++) {
        uint64_t live = live_is_whole(w, i);

        assert_in_range(live, 1, 2);
        w->saw_old = w->saw_old || live == 1;
        w->saw_new = w->saw_new || live == 2;
    }
}

static void test_installing(void **state)
{
    struct work w = {0};

    (void)state;
    crash_everywhere(&w, prepare_second_order, look_at_live);
    assert_true(w.saw_old && w.saw_new);
}

static void test_installing_together(void **state)
{
    struct work w = {.together = true};

    (void)state;
    crash_everywhere(&w, prepare_second_order, look_at_live);
    assert_true(w.saw_old && w.saw_new);
}

static void prepare_nothing(struct work *w)
{
    w->installing = false;
}

/* Whatever is there under its final name is whole. */
static void look_at_keys(struct work *w)
{
    static const char *const keys[] = {"state/accounts/test/key.pem", "state/certs/one.test/pending/key.pem"};

    for (size_t i = 0; i < 2; i++) {
        char *pem = fixture_read(&w->f, keys[i]);
        struct key *key = pem != NULL ? key_from_pem(pem, strlen(pem), NULL) : NULL;

        if (pem != NULL)
            assert_non_null(key);
        key_free(key);
        free(pem);
    }
    assert_false(fixture_exists(&w->f, "state/accounts/test.~1~"));
}

static void test_making_keys(void **state)
{
    struct work w = {0};

    (void)state;
    crash_everywhere(&w, prepare_nothing, look_at_keys);
}

static char *thumbprint_of(const struct work *w, const char *path)
{
    char *pem = fixture_read(&w->f, path);
    struct key *key = pem != NULL ? key_from_pem(pem, strlen(pem), NULL) : NULL;
    char *thumbprint = key != NULL ? jws_thumbprint(key, NULL) : NULL;

    assert_true(pem == NULL || thumbprint != NULL); /* whole, if it is there */
    key_free(key);
    free(pem);
    return thumbprint;
}

static void prepare_account(struct work *w)
{
    char *old;

    w->changing = false;
    assert_int_equal(do_work(w), 0);
    w->changing = true;
    old = thumbprint_of(w, "state/accounts/test/key.pem");
    assert_non_null(old);
    (void)snprintf(w->old, sizeof w->old, "%s", old);
    free(old);
}

/* A usable key is in its place at every moment, and the one before is not lost. */
static void look_at_account(struct work *w)
{
    char *now = thumbprint_of(w, "state/accounts/test/key.pem");
    char *before = thumbprint_of(w, "state/accounts/test/key.old.pem");

    assert_non_null(now);
    if (strcmp(now, w->old) == 0) {
        w->saw_old = true;
    } else {
        w->saw_new = true;
        assert_non_null(before);
        assert_string_equal(before, w->old);
    }
    free(thumbprint_of(w, "state/accounts/test/next.pem"));
    free(before);
    free(now);
}

static void test_changing_the_accounts_key(void **state)
{
    struct work w = {0};

    (void)state;
    crash_everywhere(&w, prepare_account, look_at_account);
    assert_true(w.saw_old && w.saw_new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changing_the_accounts_key),
        cmocka_unit_test(test_installing),
        cmocka_unit_test(test_installing_together),
        cmocka_unit_test(test_making_keys),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
