/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/keeper/proof.h"
#include "lib/key_authorization.h"

#include <stdlib.h>
#include <string.h>

/* Token and thumbprint of RFC 8555 section 8.1 and RFC 7638 section 3.1; the digest was made by openssl. */
#define TOKEN      "DGyRejmCefe7v4NfDGDKfA"
#define THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define TXT        "Bs72Q7B-BSSQo4oDjA2qBR07GB6sc3hiG9zqaqvHx7U"

static char *names[] = {(char *)"a.example", (char *)"*.b.example"};
static const struct config_certificate by_dns = {
    .name = (char *)"a.example", .domains = {names, 2}, .challenge = CHALLENGE_TYPE_DNS_01};
static const struct config_certificate by_http = {
    .name = (char *)"a.example", .domains = {names, 2}, .challenge = CHALLENGE_TYPE_HTTP_01};

/* The label of this account is an example of draft-ietf-acme-dns-account-label. */
static const struct proof_account account = {.thumbprint = THUMBPRINT,
                                             .url = "https://example.com/acme/acct/ExampleAccount"};

static void test_record(void **state)
{
    static const char *const identifiers[] = {"a.example", "b.example"};
    char *name;
    char *value;
    struct err e;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(proof_dns(&by_dns, identifiers[i], TOKEN, &account, &name, &value, &e));
        assert_int_equal(strncmp(name, "_acme-challenge.", 16), 0);
        assert_string_equal(name + 16, identifiers[i]);
        assert_string_equal(value, TXT);
        free(name);
        free(value);
    }
}

static void test_record_of_the_account(void **state)
{
    struct config_certificate c = by_dns;
    char *name;
    char *value;
    struct err e;

    (void)state;
    c.challenge = CHALLENGE_TYPE_DNS_ACCOUNT_01;
    assert_true(proof_dns(&c, "b.example", TOKEN, &account, &name, &value, &e));
    assert_string_equal(name, "_ujmmovf2vn55tgye._acme-challenge.b.example");
    assert_string_equal(value, TXT);
    free(name);
    free(value);
}

static void test_refused(void **state)
{
    static const struct {
        const struct config_certificate *c;
        const char *identifier, *token, *why;
    } cases[] = {
        {&by_http, "a.example", TOKEN, "not proven by DNS records"},
        {&by_dns, "c.example", TOKEN, "no name of a.example"},
        {&by_dns, "*.b.example", TOKEN, "no name of a.example"},
        {&by_dns, "", TOKEN, "no name of a.example"},
        {&by_dns, "a.example", "", "token is malformed"},
        {&by_dns, "a.example", "../x", "token is malformed"},
    };
    char *name = NULL;
    char *value = NULL;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(proof_dns(cases[i].c, cases[i].identifier, cases[i].token, &account, &name, &value, &e));
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_int_equal(strncmp(e.text, "refused: ", 9), 0);
        assert_non_null(strstr(e.text, cases[i].why));
    }
    assert_null(name);
}

static void test_file(void **state)
{
    struct config_certificate c = by_http;
    char *content = NULL;
    struct err e;

    (void)state;
    assert_false(proof_http(&c, "a.example", TOKEN, &account, &content, &e));
    assert_non_null(strstr(e.text, "refused: a.example is not proven by files"));
    c.webroot = (char *)"/srv/www";
    assert_true(proof_http(&c, "a.example", TOKEN, &account, &content, &e));
    assert_string_equal(content, TOKEN "." THUMBPRINT);
    free(content);
    assert_false(proof_http(&c, "c.example", TOKEN, &account, &content, &e));
    assert_false(proof_http(&c, "a.example", "../x", &account, &content, &e));
    assert_false(proof_http(&c, "a.example", ".", &account, &content, &e));
    c.challenge = CHALLENGE_TYPE_DNS_01;
    assert_false(proof_http(&c, "a.example", TOKEN, &account, &content, &e));
    assert_int_equal(strncmp(e.text, "refused: ", 9), 0);
}

static void test_key_authorization(void **state)
{
    char *text = key_authorization(TOKEN, THUMBPRINT);

    (void)state;
    assert_string_equal(text, TOKEN "." THUMBPRINT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_record_of_the_account),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_key_authorization),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
