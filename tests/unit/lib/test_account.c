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

/* To a request whose first connection ended: the CA may have heard it twice. */
static struct account_action reply_to_second(struct account *a, int status, const char *body)
{
    struct http_reply r = {
        .status = status, .body = body, .body_len = strlen(body), .retry_after = -1, .resent = true};

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
    struct account *a = account_new("test", DIRECTORY, true, NULL);
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
    struct account *a = account_new("test", DIRECTORY, true, NULL);
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
    struct account *a = account_new("test", DIRECTORY, true, NULL);
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
    struct account *a = account_new("test", DIRECTORY, true, NULL);
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
    struct account *a = account_new("test", DIRECTORY, false, NULL);
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
    struct account *a = account_new("test", DIRECTORY, true, NULL);
    struct account_action action;

    (void)state;
    start(a);
    action = reply(a, 200, NULL, DIRECTORY_BODY("\"externalAccountRequired\": true"));
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    action = loaded(a, NULL);
    is_failure(a, &action, ERR_CLASS_CONFIG, "put `eab_kid` and `eab_hmac_file` into [ca test]");
    account_free(a);
}

/* Such a CA need not say so in its directory: nothing is sent to one that is known, others are asked once. */
static void test_external_account_required_silently(void **state)
{
    struct account *known = account_new("mine", "https://acme.ssl.com/sslcom-dv-rsa", true, NULL);
    struct account *unknown = registering();
    struct account_action action;

    (void)state;
    start(known);
    action =
        reply(known, 200, NULL,
              "{\"newNonce\": \"https://acme.ssl.com/nonce\", \"newAccount\": \"https://acme.ssl.com/acct\", "
              "\"newOrder\": \"https://acme.ssl.com/order\"}");
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    action = loaded(known, NULL);
    is_failure(known, &action, ERR_CLASS_CONFIG, "(from the API credentials of your account at");
    account_free(known);
    action = reply(unknown, 401, NULL, "{\"type\": \"" URN "externalAccountRequired\"}");
    is_failure(unknown, &action, ERR_CLASS_CONFIG, "put `eab_kid` and `eab_hmac_file` into [ca test]");
    account_free(unknown);
}

/* An account that is registered needs no binding any more. */
static void test_external_account_stored(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true, NULL);
    struct account_action action;

    (void)state;
    start(a);
    reply(a, 200, NULL, DIRECTORY_BODY("\"externalAccountRequired\": true"));
    action = loaded(a, ACCOUNT_URL);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    account_free(a);
}

/* An account with a binding that waits for the reply to onlyReturnExisting. */
static struct account *finding(void)
{
    struct account *a = account_new("test", DIRECTORY, true, "kid-1");
    struct account_action action;

    start(a);
    reply(a, 200, NULL, DIRECTORY_BODY("\"externalAccountRequired\": true"));
    action = loaded(a, NULL);
    is_action(&action, ACCOUNT_DO_FIND, "https://ca.test/new-acct");
    assert_int_equal(account_state(a), ACCOUNT_STATE_FIND);
    return a;
}

static void test_binding(void **state)
{
    struct account *a = finding();
    struct account_action action;

    (void)state;
    action = reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");
    is_action(&action, ACCOUNT_DO_FIND, "https://ca.test/new-acct");
    action = reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    is_action(&action, ACCOUNT_DO_POST, "https://ca.test/new-acct");
    action = reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");
    is_action(&action, ACCOUNT_DO_POST, "https://ca.test/new-acct");
    action = reply(a, 201, ACCOUNT_URL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_SAVE, ACCOUNT_URL);
    account_free(a);
}

/* The binding is used up, and the account is there. */
static void test_binding_after_a_lost_reply(void **state)
{
    struct account *a = finding();
    struct account_action action;

    (void)state;
    reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    action = failed(a, ERR_CLASS_NETWORK, "reset");
    is_failure(a, &action, ERR_CLASS_NETWORK, "registering the account: reset");
    action = start(a);
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    action = loaded(a, NULL);
    is_action(&action, ACCOUNT_DO_FIND, "https://ca.test/new-acct");
    action = reply(a, 200, ACCOUNT_URL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_SAVE, ACCOUNT_URL);
    account_free(a);
}

/* A CA may want a binding even to be asked; one that has trouble is not sent the binding. */
static void test_binding_when_asking_fails(void **state)
{
    struct account *a = finding();
    struct account_action action;

    (void)state;
    action = reply(a, 401, NULL, "{\"type\": \"" URN "externalAccountRequired\"}");
    is_action(&action, ACCOUNT_DO_POST, "https://ca.test/new-acct");
    account_free(a);
    a = finding();
    action = reply(a, 503, NULL, "");
    is_failure(a, &action, ERR_CLASS_TRANSIENT, "asking whether it knows the account's key: HTTP 503");
    account_free(a);
    a = finding();
    action = reply(a, 200, ACCOUNT_URL, "{\"status\": \"deactivated\"}");
    is_failure(a, &action, ERR_CLASS_PERMANENT, "is deactivated at the CA");
    account_free(a);
}

/* The request was repeated below us, and its first copy has used the binding up. */
static void test_binding_used_by_a_copy(void **state)
{
    struct account *a = finding();
    struct account_action action;

    (void)state;
    reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");
    action = reply(a, 401, NULL, "{\"type\": \"" URN "unauthorized\", \"detail\": \"used\"}");
    is_action(&action, ACCOUNT_DO_FIND, "https://ca.test/new-acct");
    action = reply(a, 200, ACCOUNT_URL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_SAVE, ACCOUNT_URL);
    account_free(a);
}

static void test_binding_refused(void **state)
{
    struct account *a = finding();
    struct account_action action;

    (void)state;
    reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    action = reply(a, 401, NULL, "{\"type\": \"" URN "unauthorized\", \"detail\": \"unknown key\"}");
    is_action(&action, ACCOUNT_DO_FIND, "https://ca.test/new-acct");
    action = reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    is_failure(
        a, &action, ERR_CLASS_PERMANENT,
        "with the external account binding \"kid-1\"; check eab_kid and eab_hmac_file of [ca test], then "
        "reload: HTTP 401 unauthorized: unknown key");
    action = start(a);
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    action = loaded(a, NULL);
    is_action(&action, ACCOUNT_DO_FIND, "https://ca.test/new-acct");
    action = reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    is_action(&action, ACCOUNT_DO_POST, "https://ca.test/new-acct");
    account_free(a);
    a = finding();
    reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    action = reply(a, 400, NULL, "{\"type\": \"" URN "invalidContact\", \"detail\": \"no MX\"}");
    is_failure(a, &action, ERR_CLASS_PERMANENT, "registering the account: HTTP 400 invalidContact: no MX");
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
    struct account *a = account_new("test", DIRECTORY, true, NULL);
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
    struct account *a = account_new("test", DIRECTORY, true, NULL);
    struct account_action action = event(a, ACCOUNT_EV_DONE);

    (void)state;
    is_failure(a, &action, ERR_CLASS_INTERNAL, "not expected");
    start(a);
    action = event(a, ACCOUNT_EV_LOST);
    is_failure(a, &action, ERR_CLASS_INTERNAL, "not expected");
    account_free(a);
    account_free(NULL);
}

/* ---- what a person asks for ---- */

#define KEY_CHANGE "https://ca.test/key-change"

static struct account *ready_account(const char *directory)
{
    struct account *a = account_new("test", DIRECTORY, true, NULL);
    struct account_action action;

    start(a);
    reply(a, 200, NULL, directory);
    action = loaded(a, ACCOUNT_URL);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    return a;
}

static struct account *changing(void)
{
    struct account *a = ready_account(
        "{\"newNonce\": \"https://ca.test/nonce\", \"newAccount\": \"https://ca.test/new-acct\", "
        "\"newOrder\": \"https://ca.test/new-order\", \"keyChange\": \"" KEY_CHANGE "\"}");
    struct account_action action = event(a, ACCOUNT_EV_ROLLOVER);

    is_action(&action, ACCOUNT_DO_NEXT, NULL);
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_CHANGE, KEY_CHANGE);
    return a;
}

static void settles(struct account *a, struct account_action action, bool next)
{
    is_action(&action, ACCOUNT_DO_SETTLE, NULL);
    assert_int_equal(action.next, next);
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    action = loaded(a, ACCOUNT_URL);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
}

static void test_another_key(void **state)
{
    struct account *a = changing();
    struct account_action action = reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");

    (void)state;
    is_action(&action, ACCOUNT_DO_CHANGE, KEY_CHANGE);
    settles(a, reply(a, 200, NULL, "{}"), true);
    assert_null(account_refusal(a));
    account_free(a);
}

static void test_another_key_refused(void **state)
{
    struct account *a = changing();

    (void)state;
    settles(a, reply(a, 403, NULL, "{\"type\": \"" URN "unauthorized\"}"), false);
    assert_non_null(strstr(account_refusal(a)->text, "unauthorized"));
    account_free(a);
    /* A CA that has no such thing (ZeroSSL) is not even asked. */
    a = ready_account(DIRECTORY_BODY(""));
    struct account_action action = event(a, ACCOUNT_EV_ROLLOVER);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_non_null(strstr(account_refusal(a)->text, "offers no change"));
    account_free(a);
}

/* 5xx: nobody knows; the CA is asked by the next key. */
static void test_another_key_in_doubt(void **state)
{
    struct account *a = changing();
    struct account_action action = reply(a, 500, NULL, "");

    (void)state;
    is_action(&action, ACCOUNT_DO_FIND_NEXT, "https://ca.test/new-acct");
    settles(a, reply(a, 200, ACCOUNT_URL, "{\"status\": \"valid\"}"), true);
    assert_null(account_refusal(a));
    account_free(a);
    a = changing();
    reply(a, 500, NULL, "");
    settles(a, reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}"), false);
    assert_non_null(account_refusal(a));
    account_free(a);
    /* A CA that wants a binding for whoever it does not know says so to this key, too. */
    a = changing();
    reply(a, 500, NULL, "");
    settles(a, reply(a, 401, NULL, "{\"type\": \"" URN "externalAccountRequired\"}"), false);
    assert_non_null(account_refusal(a));
    account_free(a);
}

/* What refuses the second may be that the first was heard: the old key is not the account's any more. */
static void test_another_key_sent_twice(void **state)
{
    struct account *a = changing();
    struct account_action action = reply_to_second(a, 400, "{\"type\": \"" URN "malformed\"}");

    (void)state;
    is_action(&action, ACCOUNT_DO_FIND_NEXT, "https://ca.test/new-acct");
    settles(a, reply(a, 200, ACCOUNT_URL, "{\"status\": \"valid\"}"), true);
    assert_null(account_refusal(a));
    account_free(a);
    a = changing();
    action = reply_to_second(a, 400, "{\"type\": \"" URN "badNonce\"}");
    is_action(&action, ACCOUNT_DO_FIND_NEXT, "https://ca.test/new-acct");
    settles(a, reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}"), false);
    assert_non_null(strstr(account_refusal(a)->text, "badNonce"));
    account_free(a);
}

/* Cut off by the network, or by a kill: settled before anything else, and never by a guess. */
static void test_another_key_cut_off(void **state)
{
    const struct account_event both = {.kind = ACCOUNT_EV_LOADED, .url = ACCOUNT_URL, .has_next = true};
    struct account *a = changing();
    struct account_action action = failed(a, ERR_CLASS_NETWORK, "connection reset");

    (void)state;
    is_failure(a, &action, ERR_CLASS_NETWORK, "connection reset");
    assert_non_null(strstr(account_refusal(a)->text, "connection reset"));
    action = start(a);
    is_action(&action, ACCOUNT_DO_LOAD, NULL);
    action = account_step(a, &both, NOW);
    is_action(&action, ACCOUNT_DO_FIND_NEXT, "https://ca.test/new-acct");
    action = reply(a, 403, NULL, "{\"type\": \"" URN "unauthorized\"}");
    is_failure(a, &action, ERR_CLASS_PERMANENT, "unauthorized");
    start(a);
    account_step(a, &both, NOW);
    settles(a, reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}"), false);
    account_free(a);
}

static void test_contact_and_end(void **state)
{
    struct account *a = ready_account(DIRECTORY_BODY(""));
    struct account_action action = event(a, ACCOUNT_EV_UPDATE);

    (void)state;
    is_action(&action, ACCOUNT_DO_UPDATE, ACCOUNT_URL);
    action = reply(a, 200, NULL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_NOTE, NULL);
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_null(account_refusal(a));
    event(a, ACCOUNT_EV_UPDATE);
    action = reply(a, 400, NULL, "{\"type\": \"" URN "invalidContact\"}");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_non_null(account_refusal(a));
    action = event(a, ACCOUNT_EV_DEACTIVATE);
    is_action(&action, ACCOUNT_DO_DEACTIVATE, ACCOUNT_URL);
    action = reply(a, 200, NULL, "{\"status\": \"deactivated\"}");
    is_action(&action, ACCOUNT_DO_CLOSE, NULL);
    action = event(a, ACCOUNT_EV_DONE);
    is_failure(a, &action, ERR_CLASS_PERMANENT, "deactivated");
    assert_null(account_refusal(a)); /* it is what was wanted */
    start(a);
    action = account_step(
        a, &(struct account_event){.kind = ACCOUNT_EV_LOADED, .url = ACCOUNT_URL, .deactivated = true}, NOW);
    is_failure(a, &action, ERR_CLASS_PERMANENT, "move accounts/test");
    account_free(a);
}

#define NEW_ACCOUNT    "https://ca.test/new-acct"
#define UNAUTHORIZED   "{\"type\": \"" URN "unauthorized\", \"detail\": \"no more\"}"
#define UNKNOWN        "{\"type\": \"" URN "accountDoesNotExist\"}"
#define BAD_NONCE      "{\"type\": \"" URN "badNonce\"}"
#define VALID          "{\"status\": \"valid\"}"
#define IS_DEACTIVATED "{\"status\": \"deactivated\"}"

static struct account *deactivating(void)
{
    struct account *a = ready_account(DIRECTORY_BODY(""));
    struct account_action action = event(a, ACCOUNT_EV_DEACTIVATE);

    is_action(&action, ACCOUNT_DO_DEACTIVATE, ACCOUNT_URL);
    return a;
}

/* What was asked for is done, and noted. */
static void is_over(struct account *a, struct account_action action)
{
    is_action(&action, ACCOUNT_DO_CLOSE, NULL);
    action = event(a, ACCOUNT_EV_DONE);
    is_failure(a, &action, ERR_CLASS_PERMANENT, "was deactivated here");
    assert_null(account_refusal(a));
}

static void is_still_there(struct account *a, struct account_action action, const char *refusal)
{
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_non_null(account_refusal(a));
    if (strstr(account_refusal(a)->text, refusal) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", account_refusal(a)->text, refusal);
    assert_null(account_ended(a));
    account_free(a);
}

/* What refuses the second may be that the first was heard: the account is at its end. */
static void test_end_sent_twice(void **state)
{
    static const struct {
        int status;
        const char *location;
        const char *body;
    } table[] = {{403, NULL, UNAUTHORIZED}, {400, NULL, UNKNOWN}, {200, ACCOUNT_URL, IS_DEACTIVATED}};

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct account *a = deactivating();
        struct account_action action = reply_to_second(a, 403, UNAUTHORIZED);

        is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
        action = reply(a, 400, NULL, BAD_NONCE);
        is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
        is_over(a, reply(a, table[i].status, table[i].location, table[i].body));
        start(a); /* by its files it is ended by us, and that is not asked about any more */
        action = account_step(
            a, &(struct account_event){.kind = ACCOUNT_EV_LOADED, .url = ACCOUNT_URL, .deactivated = true},
            NOW);
        is_failure(a, &action, ERR_CLASS_PERMANENT, "was deactivated here");
        account_free(a);
    }
}

/* A used nonce says that the first was heard, and is answered with another request, which is refused. */
static void test_end_heard_and_asked_for_again(void **state)
{
    struct account *a = deactivating();
    struct account_action action = reply_to_second(a, 400, BAD_NONCE);

    (void)state;
    is_action(&action, ACCOUNT_DO_DEACTIVATE, ACCOUNT_URL);
    action = reply(a, 401, NULL, UNAUTHORIZED);
    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    is_over(a, reply(a, 401, NULL, UNAUTHORIZED));
    account_free(a);
}

static void test_end_without_an_answer(void **state)
{
    struct err unsent;
    struct account_action action;
    struct account *a = deactivating();

    (void)state;
    action = failed(a, ERR_CLASS_NETWORK, "connection reset");
    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    is_over(a, reply(a, 403, NULL, UNAUTHORIZED));
    account_free(a);
    a = deactivating();
    action = reply(a, 500, NULL, "");
    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    is_over(a, reply(a, 403, NULL, UNAUTHORIZED));
    account_free(a);
    a = deactivating();
    failed(a, ERR_CLASS_NETWORK, "connection reset");
    is_still_there(a, failed(a, ERR_CLASS_NETWORK, "timed out"), "is not known; ask for it again");
    a = deactivating();
    err_set(&unsent, ERR_CLASS_NETWORK, "no route");
    unsent.unsent = true; /* nobody can have heard it */
    action = account_step(a, &(struct account_event){.kind = ACCOUNT_EV_ERROR, .error = &unsent}, NOW);
    is_failure(a, &action, ERR_CLASS_NETWORK, "deactivating the account: no route");
    account_free(a);
}

/* The CA refuses it, and the account is as it was; what comes later is no answer to it. */
static void test_end_refused(void **state)
{
    struct account_action action;
    struct account *a = deactivating();

    (void)state;
    action = reply_to_second(a, 403, UNAUTHORIZED);
    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    is_still_there(a, reply(a, 200, ACCOUNT_URL, VALID), "no more");
    a = deactivating();
    is_still_there(a, reply(a, 403, NULL, "{\"type\": \"" URN "userActionRequired\"}"), "userActionRequired");
    a = deactivating();
    reply_to_second(a, 403, UNAUTHORIZED);
    reply(a, 200, ACCOUNT_URL, VALID);
    event(a, ACCOUNT_EV_DOUBT);
    action = reply(a, 403, NULL, UNAUTHORIZED);
    is_failure(a, &action, ERR_CLASS_PERMANENT, "was ended by the CA");
    account_free(a);
    /* It was at its end before: then it is not this that ended it. */
    a = deactivating();
    reply(a, 403, NULL, UNAUTHORIZED);
    action = reply(a, 403, NULL, UNAUTHORIZED);
    is_failure(a, &action, ERR_CLASS_PERMANENT, "was ended by the CA");
    assert_non_null(account_refusal(a));
    account_free(a);
}

static struct account *doubted(void)
{
    struct account *a = ready_account(DIRECTORY_BODY(""));
    struct account_action action = event(a, ACCOUNT_EV_DOUBT);

    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    assert_null(account_ended(a));
    return a;
}

static void test_ended_by_the_ca(void **state)
{
    static const struct {
        int status;
        const char *location;
        const char *body;
        const char *text;
    } table[] = {
        {403, NULL, UNAUTHORIZED,
         "the account " ACCOUNT_URL " was ended by the CA (HTTP 403 unauthorized: no more)"},
        {200, ACCOUNT_URL, "{\"status\": \"deactivated\"}", ACCOUNT_URL " is deactivated at the CA"},
        {200, ACCOUNT_URL, "{\"status\": \"revoked\"}", ACCOUNT_URL " is revoked at the CA"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct account *a = doubted();
        struct account_action action = reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");

        is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
        action = reply(a, table[i].status, table[i].location, table[i].body);
        is_failure(a, &action, ERR_CLASS_PERMANENT, table[i].text);
        assert_non_null(strstr(account_ended(a)->text, "move accounts/test"));
        account_free(a);
    }
}

/* It is asked about before each further use, and never registered anew. */
static void test_ended_is_asked_about_again(void **state)
{
    struct account *a = doubted();
    struct account_action action = reply(a, 401, NULL, UNAUTHORIZED);

    (void)state;
    is_failure(a, &action, ERR_CLASS_PERMANENT, "no more");
    start(a);
    action = loaded(a, ACCOUNT_URL);
    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    action = failed(a, ERR_CLASS_NETWORK, "timed out");
    is_failure(a, &action, ERR_CLASS_PERMANENT, "no more");
    start(a);
    loaded(a, ACCOUNT_URL);
    action = reply(a, 500, NULL, "");
    is_failure(a, &action, ERR_CLASS_PERMANENT, "no more");
    start(a);
    loaded(a, ACCOUNT_URL);
    action = reply(a, 200, ACCOUNT_URL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_null(account_ended(a));
    account_free(a);
}

static void test_doubt_without_an_answer(void **state)
{
    struct account *a = doubted();
    struct account_action action = reply(a, 500, NULL, "");

    (void)state;
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    event(a, ACCOUNT_EV_DOUBT);
    action = failed(a, ERR_CLASS_NETWORK, "timed out");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    event(a, ACCOUNT_EV_DOUBT);
    action = reply(a, 200, ACCOUNT_URL, "{}");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    event(a, ACCOUNT_EV_DOUBT);
    action = event(a, ACCOUNT_EV_DONE);
    is_failure(a, &action, ERR_CLASS_INTERNAL, "not expected");
    start(a);
    loaded(a, ACCOUNT_URL);
    event(a, ACCOUNT_EV_DOUBT);
    for (int i = 0; account_state(a) == ACCOUNT_STATE_CHECK; i++) {
        assert_true(i < 100);
        action = reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");
    }
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    event(a, ACCOUNT_EV_DOUBT);
    action = reply(a, 400, NULL, "{\"type\": \"" URN "accountDoesNotExist\"}");
    is_action(&action, ACCOUNT_DO_POST, NEW_ACCOUNT);
    assert_null(account_ended(a));
    account_free(a);
}

/* What an earlier process knew holds until the CA has said otherwise. */
static void test_suspected(void **state)
{
    struct account *a = account_new("test", DIRECTORY, true, NULL);
    struct account_action action;

    (void)state;
    account_suspect(a);
    start(a);
    reply(a, 200, NULL, DIRECTORY_BODY(""));
    action = loaded(a, ACCOUNT_URL);
    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    action = failed(a, ERR_CLASS_NETWORK, "timed out");
    is_failure(a, &action, ERR_CLASS_NETWORK, "asking about the account: timed out");
    assert_null(account_ended(a));
    start(a);
    action = loaded(a, NULL); /* a person has moved it away */
    is_action(&action, ACCOUNT_DO_POST, NEW_ACCOUNT);
    reply(a, 201, "https://ca.test/acct/2", "{\"status\": \"valid\"}");
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_READY, "https://ca.test/acct/2");
    account_free(a);
}

static void test_update_of_an_ended_account(void **state)
{
    struct account *a = ready_account(DIRECTORY_BODY(""));
    struct account_action action;

    (void)state;
    event(a, ACCOUNT_EV_UPDATE);
    action = reply(a, 403, NULL, UNAUTHORIZED);
    is_action(&action, ACCOUNT_DO_FIND, NEW_ACCOUNT);
    action = reply(a, 403, NULL, UNAUTHORIZED);
    is_failure(a, &action, ERR_CLASS_PERMANENT, "was ended by the CA");
    assert_non_null(strstr(account_refusal(a)->text, "was ended by the CA"));
    account_free(a);
}

/* An account that is stored; the CA has another contact. */
static struct account_action loaded_with_contact_due(struct account **a, const char *url)
{
    *a = account_new("test", DIRECTORY, true, NULL);
    start(*a);
    reply(*a, 200, NULL, DIRECTORY_BODY(""));
    return account_step(
        *a, &(struct account_event){.kind = ACCOUNT_EV_LOADED, .url = url, .contact_due = true}, NOW);
}

static void test_contact_is_sent_by_itself(void **state)
{
    struct account *a;
    struct account_action action = loaded_with_contact_due(&a, ACCOUNT_URL);

    (void)state;
    is_action(&action, ACCOUNT_DO_UPDATE, ACCOUNT_URL);
    action = reply(a, 400, NULL, "{\"type\": \"" URN "badNonce\"}");
    is_action(&action, ACCOUNT_DO_UPDATE, ACCOUNT_URL);
    action = reply(a, 200, NULL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_NOTE, NULL);
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_null(account_refusal(a));
    account_free(a);
}

static void test_contact_that_cannot_be_sent(void **state)
{
    struct account *a;
    struct account_action action = loaded_with_contact_due(&a, ACCOUNT_URL);

    (void)state;
    action = reply(a, 400, NULL, "{\"type\": \"" URN "invalidContact\"}");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    assert_non_null(strstr(account_refusal(a)->text, "invalidContact"));
    account_free(a);
    loaded_with_contact_due(&a, ACCOUNT_URL);
    action = failed(a, ERR_CLASS_NETWORK, "timed out");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    account_free(a);
    loaded_with_contact_due(&a, ACCOUNT_URL);
    reply(a, 200, NULL, "{\"status\": \"valid\"}");
    action = failed(a, ERR_CLASS_INTERNAL, "disk full");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    /* Once in a process; a person's wish is another matter. */
    event(a, ACCOUNT_EV_DOUBT);
    action = reply(a, 200, ACCOUNT_URL, "{\"status\": \"valid\"}");
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    action = event(a, ACCOUNT_EV_UPDATE);
    is_action(&action, ACCOUNT_DO_UPDATE, ACCOUNT_URL);
    account_free(a);
}

/* A new account was given it, one that was there before was not. */
static void test_contact_of_a_registration(void **state)
{
    struct account *a;
    struct account_action action = loaded_with_contact_due(&a, NULL);

    (void)state;
    reply(a, 201, ACCOUNT_URL, "{\"status\": \"valid\"}");
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_NOTE, NULL);
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_READY, ACCOUNT_URL);
    account_free(a);
    loaded_with_contact_due(&a, NULL);
    reply(a, 200, ACCOUNT_URL, "{\"status\": \"valid\"}");
    action = event(a, ACCOUNT_EV_DONE);
    is_action(&action, ACCOUNT_DO_UPDATE, ACCOUNT_URL);
    account_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_another_key_refused),
        cmocka_unit_test(test_another_key_in_doubt),
        cmocka_unit_test(test_another_key_sent_twice),
        cmocka_unit_test(test_another_key_cut_off),
        cmocka_unit_test(test_contact_and_end),
        cmocka_unit_test(test_contact_is_sent_by_itself),
        cmocka_unit_test(test_contact_that_cannot_be_sent),
        cmocka_unit_test(test_contact_of_a_registration),
        cmocka_unit_test(test_ended_by_the_ca),
        cmocka_unit_test(test_end_heard_and_asked_for_again),
        cmocka_unit_test(test_end_refused),
        cmocka_unit_test(test_end_sent_twice),
        cmocka_unit_test(test_end_without_an_answer),
        cmocka_unit_test(test_ended_is_asked_about_again),
        cmocka_unit_test(test_doubt_without_an_answer),
        cmocka_unit_test(test_suspected),
        cmocka_unit_test(test_update_of_an_ended_account),
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_stored_account),
        cmocka_unit_test(test_stored_account_of_another_ca),
        cmocka_unit_test(test_lost_account_is_registered_again),
        cmocka_unit_test(test_terms_not_agreed),
        cmocka_unit_test(test_external_account_required),
        cmocka_unit_test(test_external_account_required_silently),
        cmocka_unit_test(test_external_account_stored),
        cmocka_unit_test(test_binding),
        cmocka_unit_test(test_binding_after_a_lost_reply),
        cmocka_unit_test(test_binding_when_asking_fails),
        cmocka_unit_test(test_binding_used_by_a_copy),
        cmocka_unit_test(test_binding_refused),
        cmocka_unit_test(test_deactivated_account),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_directory_failures),
        cmocka_unit_test(test_directory_is_kept),
        cmocka_unit_test(test_bad_nonces_are_bounded),
        cmocka_unit_test(test_unexpected_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
