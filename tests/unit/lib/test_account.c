/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/account.h"

#include <string.h>

#define URN         "urn:ietf:params:acme:error:"
#define NOW         INT64_C(1794000000000)
#define DIRECTORY   "https://ca.test/dir"
#define ACCOUNT_URL "https://ca.test/acct/1"
#define DIRECTORY_BODY(meta)                                                                                 \
    "{\"newNonce\": \"https://ca.test/nonce\", \"newAccount\": \"https://ca.test/new-acct\", "               \
    "\"newOrder\": \"https://ca.test/new-order\", \"meta\": {" meta "}}"
#define TERMS "\"termsOfService\": \"https://ca.test/terms.pdf\""

static struct account_action start(struct account *a)
{
    return account_step(a, &(struct account_event){.kind = ACCOUNT_EV_START}, NOW);
}

static struct account_action reply(struct account *a, int status, const char *location, const char *body)
{
    struct http_reply r = {
        .status = status, .body = body, .body_len = strlen(body), .location = location, .retry_after = -1};

    return account_step(a, &(struct account_event){.kind = ACCOUNT_EV_REPLY, .reply = &r}, NOW);
}

static struct account_action loaded(struct account *a, const char *url)
{
    return account_step(a, &(struct account_event){.kind = ACCOUNT_EV_LOADED, .url = url}, NOW);
}

static struct account_action event(struct account *a, enum account_event_kind kind)
{
    return account_step(a, &(struct account_event){.kind = kind}, NOW);
}

static struct account_action failed(struct account *a, enum err_class class, const char *text)
{
    struct err e;

    err_set(&e, class, "%s", text);
    return account_step(a, &(struct account_event){.kind = ACCOUNT_EV_ERROR, .error = &e}, NOW);
}

static void is_action(const struct account_action *action, enum account_action_kind kind, const char *url)
{
    assert_int_equal(action->kind, kind);
    if (url == NULL)
        assert_null(action->url);
    else
        assert_string_equal(action->url, url);
}

static void is_failure(const struct account *a, const struct account_action *action, enum err_class class,
                       const char *text)
{
    assert_int_equal(action->kind, ACCOUNT_DO_FAIL);
    assert_int_equal(account_state(a), ACCOUNT_STATE_FAILED);
    assert_int_equal(action->error->class, class);
    if (strstr(action->error->text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", action->error->text, text);
}

/* An account that waits for the reply to newAccount. */
static struct account *registering(void)
{
    struct account *a = account_new("test", DIRECTORY, true);
    struct account_action action;

    assert_non_null(a);
    action = start(a);
    is_action(&action, ACCOUNT_DO_GET_DIRECTORY, DIRECTORY);
    action = reply(a, 200, NULL, DIRECTORY_BODY(TERMS));
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    action = loaded(a, NULL);
    is_action(&action, ACCOUNT_DO_POST, "https://ca.test/new-acct");
    return a;
}

static void test_register(void **state)
{
    struct account *a = registering();
    struct account_action action;

    (void)state;
    action = reply(a, 201, ACCOUNT_URL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_SAVE, ACCOUNT_URL);
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_string_equal(account_directory(a)->new_order, "https://ca.test/new-order");
    account_free(a);
}

static void test_stored_account(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true);
    struct account_action action;

    (void)state;
    assert_null(account_directory(a));
    start(a);
    reply(a, 200, NULL, DIRECTORY_BODY(""));
    action = loaded(a, ACCOUNT_URL);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_int_equal(account_state(a), ACCOUNT_STATE_READY);
    account_free(a);
}

static void test_stored_account_of_another_ca(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true);
    struct account_action action;

    (void)state;
    start(a);
    reply(a, 200, NULL, DIRECTORY_BODY(""));
    action = loaded(a, "https://elsewhere.test/acct/1");
    is_action(&action, ACCOUNT_DO_POST, "https://ca.test/new-acct");
    account_free(a);
}

static void test_lost_account_is_registered_again(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true);
    struct account_action action;

    (void)state;
    start(a);
    reply(a, 200, NULL, DIRECTORY_BODY(""));
    loaded(a, ACCOUNT_URL);
    action = event(a, ACCOUNT_EV_LOST);
    is_action(&action, ACCOUNT_DO_POST, "https://ca.test/new-acct");
    action = reply(a, 201, "https://ca.test/acct/2", "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_SAVE, "https://ca.test/acct/2");
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_READY, "https://ca.test/acct/2");
    account_free(a);
}

static void test_terms_not_agreed(void **state)
{
    struct account *a = account_new("test", DIRECTORY, false);
    struct account_action action;

    (void)state;
    start(a);
    action = reply(a, 200, NULL, DIRECTORY_BODY(TERMS));
    is_failure(a, &action, ERR_CLASS_PERMANENT, "https://ca.test/terms.pdf");
    assert_null(account_directory(a));
    account_free(a);
}

static void test_external_account_required(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true);
    struct account_action action;

    (void)state;
    start(a);
    action = reply(a, 200, NULL, DIRECTORY_BODY("\"externalAccountRequired\": true"));
    is_failure(a, &action, ERR_CLASS_PERMANENT, "external account binding");
    account_free(a);
}

static void test_deactivated_account(void **state)
{
    struct account *a = registering();
    struct account_action action;

    (void)state;
    action = reply(a, 200, ACCOUNT_URL, "{\"status\": \"deactivated\"}");
    is_failure(a, &action, ERR_CLASS_PERMANENT, "is deactivated at the CA");
    account_free(a);
}

static void test_refused(void **state)
{
    static const struct {
        int status;
        enum err_class class;
        const char *body;
        const char *text;
    } table[] = {
        {400, ERR_CLASS_PERMANENT, "{\"type\": \"" URN "invalidContact\", \"detail\": \"no MX\"}",
         "registering the account: HTTP 400 invalidContact: no MX"},
        {403, ERR_CLASS_PERMANENT,
         "{\"type\": \"" URN "userActionRequired\", \"detail\": \"new terms\", \"instance\": \"https://x/\"}",
         "new terms (see https://x/)"},
        {403, ERR_CLASS_PERMANENT, "{\"type\": \"" URN "unauthorized\", \"detail\": \"deactivated\"}",
         "deactivated"},
        {429, ERR_CLASS_RATE_LIMITED, "{\"type\": \"" URN "rateLimited\"}", "rateLimited"},
        {500, ERR_CLASS_TRANSIENT, "", "HTTP 500"},
        {201, ERR_CLASS_TRANSIENT, "{}", "\"status\" is missing"},
        {201, ERR_CLASS_TRANSIENT, "{\"status\": \"valid\"}", "(Location)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct account *a = registering();
        struct account_action action = reply(a, table[i].status, NULL, table[i].body);

        is_failure(a, &action, table[i].class, table[i].text);
        account_free(a);
    }
}

static void test_directory_failures(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true);
    struct account_action action;

    (void)state;
    start(a);
    action = failed(a, ERR_CLASS_NETWORK, "cannot connect");
    is_failure(a, &action, ERR_CLASS_NETWORK, "fetching its directory: cannot connect");
    action = start(a);
    is_action(&action, ACCOUNT_DO_GET_DIRECTORY, DIRECTORY);
    action = reply(a, 503, NULL, "busy");
    is_failure(a, &action, ERR_CLASS_TRANSIENT, "HTTP 503");
    start(a);
    action = reply(a, 200, NULL, "<html>");
    is_failure(a, &action, ERR_CLASS_TRANSIENT, "not valid JSON");
    account_free(a);
}

static void test_directory_is_kept(void **state)
{
    struct account *a = registering();
    const struct acme_directory *d = account_directory(a);
    struct account_action action;

    (void)state;
    failed(a, ERR_CLASS_NETWORK, "reset");
    action = start(a);
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    assert_ptr_equal(account_directory(a), d);
    account_free(a);
}

static void test_bad_nonces_are_bounded(void **state)
{
    struct account *a = registering();
    struct account_action action;
    unsigned n = 0;

    (void)state;
    do {
        action = reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");
        n++;
    } while (action.kind == ACCOUNT_DO_POST && n < 1000);
    is_failure(a, &action, ERR_CLASS_TRANSIENT, "badNonce");
    assert_int_equal(n, 61);
    account_free(a);
}

static void test_unexpected_events(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true);
    struct account_action action = event(a, ACCOUNT_EV_DONE);

    (void)state;
    is_failure(a, &action, ERR_CLASS_INTERNAL, "not expected");
    start(a);
    action = event(a, ACCOUNT_EV_LOST);
    is_failure(a, &action, ERR_CLASS_INTERNAL, "not expected");
    account_free(a);
    account_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_stored_account),
        cmocka_unit_test(test_stored_account_of_another_ca),
        cmocka_unit_test(test_lost_account_is_registered_again),
        cmocka_unit_test(test_terms_not_agreed),
        cmocka_unit_test(test_external_account_required),
        cmocka_unit_test(test_deactivated_account),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_directory_failures),
        cmocka_unit_test(test_directory_is_kept),
        cmocka_unit_test(test_bad_nonces_are_bounded),
        cmocka_unit_test(test_unexpected_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
