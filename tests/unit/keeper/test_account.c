/* SPDX-License-Identifier: MIT */
#include "daemon/random.h"
#include "tests/unit/keeper/fixture.h"

#include "daemon/keeper/account.h"
#include "tests/unit/keeper/committed.h"

#define URL "https://ca.test/acct/1"

struct account_fixture {
    struct fixture f;
    struct store store;
    struct accounts *accounts;
    struct batch batch;
};

static void open_accounts(struct account_fixture *a)
{
    fixture_store(&a->f, &a->store);
    batch_init(&a->batch, &a->store);
    a->accounts = accounts_new(&a->store, a->f.snapshot->config);
    assert_non_null(a->accounts);
}

static void close_accounts(struct account_fixture *a)
{
    accounts_free(a->accounts);
    store_close(&a->store);
}

static void set_up(struct account_fixture *a)
{
    fixture_open(&a->f, FIXTURE_PLAIN);
    open_accounts(a);
}

static void tear_down(struct account_fixture *a)
{
    close_accounts(a);
    fixture_close(&a->f);
}

static const struct config_ca *ca_of(const struct account_fixture *a)
{
    return config_find_ca(a->f.snapshot->config, "test");
}

static const struct account *get(struct account_fixture *a)
{
    struct err e = {0};
    const struct account *account = accounts_get(a->accounts, ca_of(a), &e);

    if (account == NULL)
        fail_msg("%s", e.text);
    return account;
}

/* As a new process finds it. */
static const struct account *get_again(struct account_fixture *a)
{
    close_accounts(a);
    open_accounts(a);
    return get(a);
}

static void test_an_account_lasts(void **state)
{
    struct account_fixture a;
    struct err e = {0};
    char *thumbprint;

    (void)state;
    set_up(&a);
    assert_string_equal(get(&a)->url, "");
    thumbprint = strdup(get(&a)->thumbprint);
    assert_int_equal(fixture_mode(&a.f, "state/accounts/test"), 0700);
    assert_int_equal(fixture_mode(&a.f, "state/accounts/test/key.pem"), 0600);
    assert_int_equal(fixture_mode(&a.f, "state/accounts/test/account.json"), 0600);
    assert_string_equal(get_again(&a)->thumbprint, thumbprint);
    assert_string_equal(get(&a)->url, "");
    assert_true(commit_url(a.accounts, &a.batch, ca_of(&a), URL, &e));
    assert_string_equal(get(&a)->url, URL);
    assert_string_equal(get_again(&a)->url, URL);
    assert_string_equal(get(&a)->thumbprint, thumbprint);
    assert_int_equal(fixture_leftovers(&a.f, "state/accounts"), 0);
    assert_int_equal(fixture_leftovers(&a.f, "state/accounts/test"), 0);
    free(thumbprint);
    tear_down(&a);
}

/* The CA may have another contact than the configured one: a record of old says nothing of it. */
static void test_the_contact_is_remembered(void **state)
{
    struct account_fixture a;
    struct err e = {0};

    (void)state;
    set_up(&a);
    assert_true(accounts_contact_is_due(a.accounts, get(&a)));
    assert_true(commit_url(a.accounts, &a.batch, ca_of(&a), URL, &e));
    assert_true(accounts_contact_is_due(a.accounts, get_again(&a)));
    assert_true(accounts_note_contact(a.accounts, ca_of(&a), &e));
    assert_false(accounts_contact_is_due(a.accounts, get(&a)));
    assert_false(accounts_contact_is_due(a.accounts, get_again(&a)));
    assert_string_equal(get(&a)->contact, "admin@example.com");
    assert_string_equal(get(&a)->url, URL);
    fixture_write(&a.f, "state/accounts/test/account.json",
                  "{\"directory\": \"https://ca.test/dir\", \"url\": \"" URL "\", \"status\": \"valid\", "
                  "\"contact\": \"old@example.com\"}",
                  0600);
    get_again(&a);
    assert_true(accounts_contact_is_due(a.accounts, get(&a)));
    assert_true(commit_url(a.accounts, &a.batch, ca_of(&a), URL "/2", &e));
    assert_string_equal(get_again(&a)->contact, "old@example.com");
    tear_down(&a);
}

static void test_another_directory_gets_another_account(void **state)
{
    struct account_fixture a;
    struct err e = {0};
    char *thumbprint;

    (void)state;
    set_up(&a);
    thumbprint = strdup(get(&a)->thumbprint);
    assert_true(commit_url(a.accounts, &a.batch, ca_of(&a), URL, &e));
    close_accounts(&a);
    fixture_configure(&a.f,
                      "[ca test]\ndirectory = https://ca.test/other\n[certificate one.test]\nca = test\n");
    open_accounts(&a);
    assert_string_not_equal(get(&a)->thumbprint, thumbprint);
    assert_string_equal(get(&a)->url, "");
    assert_true(fixture_exists(&a.f, "state/accounts/test.~1~/key.pem"));
    close_accounts(&a);
    fixture_configure(&a.f, FIXTURE_PLAIN);
    open_accounts(&a);
    assert_string_not_equal(get(&a)->thumbprint, thumbprint);
    assert_true(fixture_exists(&a.f, "state/accounts/test.~2~/key.pem"));
    free(thumbprint);
    tear_down(&a);
}

static void refused(struct account_fixture *a, const char *why)
{
    struct err e = {0};

    close_accounts(a);
    open_accounts(a);
    assert_null(accounts_get(a->accounts, ca_of(a), &e));
    if (strstr(e.text, why) == NULL)
        fail_msg("%s, not %s", e.text, why);
    assert_false(fixture_exists(&a->f, "state/accounts/test.~1~"));
}

static void test_planted_files_are_refused(void **state)
{
    struct account_fixture a;
    char *key;
    char path[256];

    (void)state;
    set_up(&a);
    (void)get(&a);
    key = fixture_read(&a.f, "state/accounts/test/key.pem");
    (void)snprintf(path, sizeof path, "%s", fixture_path(&a.f, "state/accounts/test/key.pem"));
    assert_int_equal(chmod(path, 0644), 0);
    refused(&a, "0644");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(link(path, fixture_path(&a.f, "hard")), 0);
    refused(&a, "linked");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(&a, "not a plain file");
    assert_int_equal(unlink(path), 0);
    fixture_write(&a.f, "soft", key, 0600);
    fixture_link(&a.f, "state/accounts/test/key.pem", fixture_path(&a.f, "soft"));
    refused(&a, "symbolic link");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(fixture_path(&a.f, "hard"), path), 0);
    (void)get(&a);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 1234, 1234), 0);
        refused(&a, "1234");
    }
    free(key);
    tear_down(&a);
}

static void test_damage_is_survived(void **state)
{
    struct account_fixture a;
    struct err e = {0};
    char *thumbprint;

    (void)state;
    set_up(&a);
    thumbprint = strdup(get(&a)->thumbprint);
    assert_true(commit_url(a.accounts, &a.batch, ca_of(&a), URL, &e));
    fixture_write(&a.f, "state/accounts/test/account.json", "", 0600); /* the key can find its account */
    assert_string_equal(get_again(&a)->thumbprint, thumbprint);
    assert_string_equal(get(&a)->url, "");
    assert_string_equal(get_again(&a)->url, "");
    fixture_write(&a.f, "state/accounts/test/account.json",
                  "{\"directory\": \"https://ca.test/dir\", \"url\": \"https://evil.test/1\"}", 0600);
    assert_string_equal(get_again(&a)->url, "");
    fixture_write(&a.f, "state/accounts/test/key.pem", "\1\2\3", 0600);
    assert_string_not_equal(get_again(&a)->thumbprint, thumbprint);
    assert_true(fixture_exists(&a.f, "state/accounts/test.~1~/key.pem"));
    assert_int_equal(unlink(fixture_path(&a.f, "state/accounts/test/key.pem")), 0);
    (void)get_again(&a);
    assert_true(fixture_exists(&a.f, "state/accounts/test.~2~/account.json"));
    free(thumbprint);
    tear_down(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_account_lasts),
        cmocka_unit_test(test_the_contact_is_remembered),
        cmocka_unit_test(test_another_directory_gets_another_account),
        cmocka_unit_test(test_planted_files_are_refused),
        cmocka_unit_test(test_damage_is_survived),
    };
    struct err e;
    int failed;

    if (!crypto_init(random_bytes, &e))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    crypto_free();
    return failed;
}
