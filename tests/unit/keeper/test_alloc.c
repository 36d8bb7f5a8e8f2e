/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/fixture.h"

#include "daemon/keeper/account.h"
#include "daemon/keeper/binding.h"
#include "daemon/keeper/copy.h"
#include "daemon/keeper/install.h"
#include "daemon/log.h"
#include "lib/csr.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/keeper/ca.h"
#include "tests/unit/keeper/committed.h"

#include <time.h>

/* Memory that runs out at any point makes an error, no damage: the same work succeeds afterwards. */

struct work {
    struct fixture f;
    struct batch batch;
    const struct config *config;
    char *chain;
    char thumbprint[64]; /* of the account that has been told of */
};

static bool make_keys(struct work *w, struct store *s, struct pending *pending)
{
    struct accounts *accounts = accounts_new(s, w->config);
    const struct config_ca *ca = &w->config->cas[0];
    const struct account *account;
    const struct key *key;
    struct err e;
    bool ok = false;

    if (accounts == NULL)
        return false;
    for (size_t i = 0; i < w->config->n_cas; i++)
        if (strcmp(w->config->cas[i].name, "test") == 0)
            ca = &w->config->cas[i];
    account = accounts_get(accounts, ca, &e);
    if (account != NULL) {
        if (*w->thumbprint != '\0')
            assert_string_equal(account->thumbprint, w->thumbprint);
        (void)snprintf(w->thumbprint, sizeof w->thumbprint, "%s", account->thumbprint);
        ok = commit_url(accounts, &w->batch, ca, "https://ca.test/acct/1", &e) &&
             commit_key(pending, &w->batch, &w->config->certificates[0], &key, &e) == PENDING_READY;
    }
    accounts_free(accounts);
    if (!ok)
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    return ok;
}

static bool install(struct work *w, struct store *s, struct pending *pending)
{
    const struct config_certificate *c = &w->config->certificates[0];
    uint64_t generation;
    struct err e;
    bool ok = commit_install(&w->batch, w->f.snapshot, pending, c, w->chain, (int64_t)time(NULL), &generation,
                             &e) &&
              copy_all(s, w->f.snapshot, c, &e);

    if (!ok)
        assert_int_not_equal(e.class, ERR_CLASS_NONE);
    return ok;
}

static bool run(struct work *w, bool (*work)(struct work *w, struct store *s, struct pending *pending))
{
    struct store s;
    struct pending *pending;
    bool ok = false;

    if (!store_open(&s, w->config, w->f.engine_uid, w->f.engine_gid, NULL))
        return false;
    batch_init(&w->batch, &s);
    pending = pending_new(&s, w->config, &w->batch);
    if (pending != NULL)
        ok = work(w, &s, pending);
    pending_free(pending);
    store_close(&s);
    return ok;
}

static bool order(struct work *w, struct store *s, struct pending *pending)
{
    const struct config_certificate *c = &w->config->certificates[0];
    int64_t now = (int64_t)time(NULL);
    const struct key *key;
    char *csr;

    (void)s;
    assert_int_equal(commit_key(pending, &w->batch, c, &key, NULL), PENDING_READY);
    csr = csr_build(key, &c->domains, NULL);
    assert_non_null(csr);
    w->chain = ca_certify(csr, "one.test", now - 60, now + 86400);
    free(csr);
    return true;
}

/* True: the n-th allocation was needed. */
static bool fails_at(bool (*work)(struct work *w, struct store *s, struct pending *pending), size_t n)
{
    struct work w = {0};
    bool failed;

    fixture_open(&w.f, FIXTURE_PLAIN "copy = fullchain:@/full.pem privkey:@/key.pem\n");
    w.config = w.f.snapshot->config;
    if (work == install)
        assert_true(run(&w, order));
    alloc_fail_at(n);
    (void)run(&w, work);
    failed = alloc_fail_end();
    assert_true(run(&w, work));
    assert_false(fixture_exists(&w.f, "state/accounts/test.~1~"));
    assert_int_equal(fixture_leftovers(&w.f, "state/accounts"), 0);
    assert_int_equal(fixture_leftovers(&w.f, "state/live"), 0);
    assert_int_equal(fixture_leftovers(&w.f, "state/certs/one.test"), 0);
    free(w.chain);
    fixture_close(&w.f);
    return failed;
}

static void test_making_keys(void **state)
{
    size_t n = 1;

    (void)state;
    while (fails_at(make_keys, n))
        n++;
    assert_true(n > 10); /* how many there are depends on mbed TLS */
}

static void test_installing(void **state)
{
    size_t n = 1;

    (void)state;
    while (fails_at(install, n))
        n++;
    assert_true(n > 20);
}

static void test_binding(void **state)
{
    struct key *key = key_generate(KEY_TYPE_ECDSA_P256, NULL);
    struct config_ca ca = {.name = (char *)"test", .eab_kid = (char *)"kid-1"};
    struct fixture f;
    bool failed = true;
    size_t n = 1;

    (void)state;
    assert_non_null(key);
    fixture_open(&f, FIXTURE_PLAIN);
    fixture_write(&f, "hmac", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0600);
    ca.eab_hmac_file = (char *)fixture_path(&f, "hmac");
    for (; failed; n++) {
        struct err e = {0};
        char *binding;

        alloc_fail_at(n);
        binding = binding_make(&ca, key, "https://ca.test/new-account", &e);
        failed = alloc_fail_end();
        assert_true(failed ? binding == NULL || e.class == ERR_CLASS_NONE : binding != NULL);
        free(binding);
    }
    assert_true(n > 10);
    key_free(key);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making_keys),
        cmocka_unit_test(test_installing),
        cmocka_unit_test(test_binding),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, ca_setup, ca_teardown);
}
