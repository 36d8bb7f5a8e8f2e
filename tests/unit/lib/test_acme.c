/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/acme.h"
#include "lib/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URN "urn:ietf:params:acme:error:"
#define NOW INT64_C(1794000000)

static struct acme_directory directory = {.url = (char[]){"https://ca.test/dir"}};
static char *two_names[] = {(char[]){"a.example.com"}, (char[]){"b.example.com"}};
static const struct strv names = {two_names, 2};

static struct http_reply reply_of(int status, const char *body)
{
    return (struct http_reply){.status = status, .body = body, .body_len = strlen(body), .retry_after = -1};
}

#define DIRECTORY(more)                                                                                      \
    "{\"newNonce\": \"https://ca.test/nonce\", \"newAccount\": \"https://ca.test/acct\", "                   \
    "\"newOrder\": \"https://ca.test/order\"" more "}"

static void directory_refused(const char *url, const char *body, const char *why)
{
    struct http_reply reply = reply_of(200, body);
    struct acme_directory d = {0};
    struct err e = {0};

    assert_false(acme_directory_parse(&d, url, &reply, &e));
    if (strstr(e.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    assert_null(d.url);
}

static void test_directory(void **state)
{
    struct http_reply reply =
        reply_of(200, DIRECTORY(", \"x9\": 5, \"meta\": {\"termsOfService\": \"http://other.test/terms\", "
                                "\"externalAccountRequired\": true, \"website\": 7}"));
    struct acme_directory d = {0};
    struct err e;

    (void)state;
    assert_true(acme_directory_parse(&d, "https://CA.test:443/dir", &reply, &e));
    assert_string_equal(d.new_nonce, "https://ca.test/nonce");
    assert_string_equal(d.new_account, "https://ca.test/acct");
    assert_string_equal(d.new_order, "https://ca.test/order");
    assert_string_equal(d.terms, "http://other.test/terms");
    assert_true(d.eab_required);
    acme_directory_clear(&d);
    acme_directory_clear(&d);
}

/* For display: nothing in there costs the directory. */
static void test_directory_identity(void **state)
{
    struct http_reply reply = reply_of(
        200, DIRECTORY(", \"meta\": {\"website\": \"https://www.ca.test/\", \"caaIdentities\": "
                       "[\"CA.test\", 7, \"not a name\", \"b.test\", \"c1.t\", \"c2.t\", \"c3.t\", \"c4.t\", "
                       "\"c5.t\", \"c6.t\", \"c7.t\"]}"));
    struct http_reply odd = reply_of(200, DIRECTORY(", \"meta\": {\"caaIdentities\": \"ca.test\"}"));
    struct acme_directory d = {0};
    struct err e;

    (void)state;
    assert_true(acme_directory_parse(&d, "https://ca.test/dir", &reply, &e));
    assert_string_equal(d.website, "https://www.ca.test/");
    assert_int_equal(d.caa_identities.n, 8);
    assert_string_equal(d.caa_identities.v[0], "ca.test");
    assert_string_equal(d.caa_identities.v[1], "b.test");
    acme_directory_clear(&d);
    assert_true(acme_directory_parse(&d, "https://ca.test/dir", &odd, &e));
    assert_null(d.website);
    assert_int_equal(d.caa_identities.n, 0);
    acme_directory_clear(&d);
}

/* What is offered beyond RFC 8555 is used if it can be, and costs nobody the directory if it cannot. */
static void test_directory_renewal_info(void **state)
{
    static const struct {
        const char *more;
        const char *url; /* NULL: none */
    } rows[] = {
        {", \"renewalInfo\": \"https://ca.test/ari\"", "https://ca.test/ari"},
        {"", NULL},
        {", \"renewalInfo\": \"https://evil.test/ari\"", NULL},
        {", \"renewalInfo\": \"http://ca.test/ari\"", NULL},
        {", \"renewalInfo\": \"file:///etc/passwd\"", NULL},
        {", \"renewalInfo\": 7", NULL},
        {", \"renewalInfo\": null", NULL},
    };
    char body[1000];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct acme_directory d = {0};
        struct http_reply reply;
        struct err e;

        (void)snprintf(body, sizeof body, DIRECTORY("%s"), rows[i].more);
        reply = reply_of(200, body);
        assert_true(acme_directory_parse(&d, "https://ca.test/dir", &reply, &e));
        if (rows[i].url == NULL)
            assert_null(d.renewal_info);
        else
            assert_string_equal(d.renewal_info, rows[i].url);
        acme_directory_clear(&d);
    }
}

#define PROFILES(list) DIRECTORY(", \"meta\": {\"profiles\": " list "}")

static struct acme_directory directory_with(const char *body)
{
    struct http_reply reply = reply_of(200, body);
    struct acme_directory d = {0};
    struct err e;

    if (!acme_directory_parse(&d, "https://ca.test/dir", &reply, &e))
        fail_msg("%s", e.text);
    return d;
}

static void test_directory_profiles(void **state)
{
    struct acme_directory d = directory_with(PROFILES("{\"classic\": \"the one of old\", \"short lived\": "
                                                      "\"no name\", \"\": \"\", \"tlsserver\": \"a\\u001bb\","
                                                      " \"shortlived\": 6}"));
    struct err e;

    (void)state;
    assert_int_equal(d.profiles.n, 3);
    assert_true(acme_directory_check_profile(&d, NULL, &e));
    assert_true(acme_directory_check_profile(&d, "shortlived", &e));
    assert_false(acme_directory_check_profile(&d, "Classic", &e));
    assert_int_equal(e.class, ERR_CLASS_CONFIG);
    assert_string_equal(e.text,
                        "the CA has no profile \"Classic\": it offers classic (the one of old), tlsserver "
                        "(a?b), shortlived");
    acme_directory_clear(&d);
    d = directory_with(DIRECTORY(""));
    assert_true(acme_directory_check_profile(&d, NULL, &e));
    assert_false(acme_directory_check_profile(&d, "classic", &e));
    assert_non_null(strstr(e.text, "no choice of profiles"));
    acme_directory_clear(&d);
}

/* A thousand of them, each with a novel: bounded, and the message ends where a character does. */
static void test_directory_many_profiles(void **state)
{
    struct acme_directory d;
    struct buf body;
    struct err e;

    (void)state;
    buf_init(&body, 1024 * 1024);
    (void)buf_addstr(
        &body, "{\"newNonce\": \"https://ca.test/n\", \"newAccount\": \"https://ca.test/a\", \"newOrder\": "
               "\"https://ca.test/o\", \"meta\": {\"profiles\": {");
    for (int i = 0; i < 1000; i++) {
        (void)buf_addf(&body, "%s\"p%d\": \"", i > 0 ? "," : "", i);
        for (int k = 0; k < 300; k++)
            (void)buf_addstr(&body, "ů");
        (void)buf_addstr(&body, "\"");
    }
    (void)buf_addstr(&body, "}}}");
    assert_false(body.failed);
    d = directory_with(body.data);
    assert_true(d.profiles.n <= 32 && d.profiles.n == d.profile_texts.n);
    for (size_t i = 0; i < d.profile_texts.n; i++)
        assert_true(strlen(d.profile_texts.v[i]) <= 200);
    assert_false(acme_directory_check_profile(&d, "p999", &e));
    assert_true(strlen(e.text) < ERR_TEXT_MAX);
    acme_directory_clear(&d);
    buf_clear(&body);
}

static void test_directory_refused(void **state)
{
    struct http_reply reply = reply_of(404, DIRECTORY(""));
    struct acme_directory d = {0};
    struct err e;

    (void)state;
    directory_refused("http://ca.test/dir", DIRECTORY(""), "not an https URL");
    directory_refused("https://evil.test/dir", DIRECTORY(""), "another host");
    directory_refused("https://ca.test:8443/dir", DIRECTORY(""), "another host");
    directory_refused("https://ca.test/dir", DIRECTORY(", \"newOrder\": \"https://ca.test/o\""), "duplicate");
    directory_refused("https://ca.test/dir", DIRECTORY(", \"meta\": []"), "meta");
    directory_refused("https://ca.test/dir", "{\"newNonce\": \"https://ca.test/n\"}",
                      "\"newAccount\" is missing");
    directory_refused("https://ca.test/dir", PROFILES("[]"), "profiles");
    directory_refused("https://ca.test/dir", "{\"newNonce\": 5}", "is a number");
    directory_refused("https://ca.test/dir", "{\"newNonce\": \"file:///etc/passwd\"}", "not an https URL");
    directory_refused("https://ca.test/dir", "<html>welcome</html>", "not valid JSON");
    assert_false(acme_directory_parse(&d, "https://ca.test/dir", &reply, &e));
    assert_non_null(strstr(e.text, "HTTP 404"));
}

static void test_problem_types(void **state)
{
    static const struct {
        const char *name;
        enum acme_problem_type type;
        enum err_class class;
    } table[] = {
        {"accountDoesNotExist", ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST, ERR_CLASS_TRANSIENT},
        {"badCSR", ACME_PROBLEM_BAD_CSR, ERR_CLASS_PERMANENT},
        {"badNonce", ACME_PROBLEM_BAD_NONCE, ERR_CLASS_TRANSIENT},
        {"caa", ACME_PROBLEM_CAA, ERR_CLASS_PERMANENT},
        {"connection", ACME_PROBLEM_CONNECTION, ERR_CLASS_TRANSIENT},
        {"externalAccountRequired", ACME_PROBLEM_EXTERNAL_ACCOUNT_REQUIRED, ERR_CLASS_PERMANENT},
        {"orderNotReady", ACME_PROBLEM_ORDER_NOT_READY, ERR_CLASS_TRANSIENT},
        {"rateLimited", ACME_PROBLEM_RATE_LIMITED, ERR_CLASS_RATE_LIMITED},
        {"serverInternal", ACME_PROBLEM_SERVER_INTERNAL, ERR_CLASS_TRANSIENT},
        {"unauthorized", ACME_PROBLEM_UNAUTHORIZED, ERR_CLASS_PERMANENT},
        {"userActionRequired", ACME_PROBLEM_USER_ACTION_REQUIRED, ERR_CLASS_PERMANENT},
        {"alreadyReplaced", ACME_PROBLEM_ALREADY_REPLACED, ERR_CLASS_PERMANENT},
        {"inventedToday", ACME_PROBLEM_UNKNOWN, ERR_CLASS_PERMANENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char body[200];
        char text[200];
        enum acme_problem_type type;
        struct http_reply reply;
        struct err e;

        snprintf(body, sizeof body, "{\"type\": \"" URN "%s\", \"detail\": \"why\"}", table[i].name);
        snprintf(text, sizeof text, "HTTP 403 %s: why", table[i].name);
        reply = reply_of(403, body);
        assert_false(acme_reply_check(&reply, NOW, &type, &e));
        assert_int_equal(type, table[i].type);
        assert_int_equal(e.class, table[i].class);
        assert_string_equal(e.text, text);
        assert_int_equal(e.retry_at, 0);
    }
}

static void test_problem_with_subproblems(void **state)
{
    struct http_reply reply = reply_of(
        400, "{\"type\": \"" URN "compound\", \"detail\": \"Several.\", \"subproblems\": ["
             "{\"type\": \"" URN
             "dns\", \"detail\": \"no A record\", \"identifier\": {\"type\": \"dns\", \"value\": "
             "\"bad.example.com\"}}, {\"type\": \"" URN "caa\", \"detail\": \"for\\u001b[2Jbids\\nit\"}]}");
    struct err e;

    (void)state;
    assert_false(acme_reply_check(&reply, NOW, NULL, &e));
    assert_string_equal(e.text, "HTTP 400 compound: Several. (for bad.example.com: dns: no A record; "
                                "caa: for?[2Jbids it)");
    assert_int_equal(e.class, ERR_CLASS_PERMANENT);
}

static void test_problem_is_bounded(void **state)
{
    char *body = malloc(200000);
    char *p = body + sprintf(body, "{\"type\": \"" URN "compound\", \"subproblems\": [");
    struct http_reply reply;
    struct err e;

    (void)state;
    for (int i = 0; i < 1000; i++)
        p += sprintf(p, "%s{\"type\": \"" URN "dns\", \"detail\": \"%0100d\"}", i > 0 ? "," : "", i);
    memcpy(p, "]}", sizeof "]}");
    reply = reply_of(400, body);
    assert_false(acme_reply_check(&reply, NOW, NULL, &e));
    assert_non_null(strstr(e.text, "and 992 more"));
    assert_true(strlen(e.text) < 1600);
    free(body);
}

static void test_status_without_problem(void **state)
{
    static const struct {
        int status;
        int retry_after;
        const char *body;
        enum err_class class;
    } table[] = {
        {429, -1, "", ERR_CLASS_RATE_LIMITED},
        {429, 60, "<html>", ERR_CLASS_RATE_LIMITED},
        {503, 60, "", ERR_CLASS_RATE_LIMITED},
        {503, -1, "", ERR_CLASS_TRANSIENT},
        {500, -1, "{}", ERR_CLASS_TRANSIENT},
        {404, -1, "<html>", ERR_CLASS_TRANSIENT},
        {302, -1, "", ERR_CLASS_TRANSIENT},
        {500, -1, "{\"type\": \"" URN "malformed\"}", ERR_CLASS_TRANSIENT},
        {403, -1, "{\"type\": 5}", ERR_CLASS_TRANSIENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct http_reply reply = reply_of(table[i].status, table[i].body);
        struct err e;

        reply.retry_after = table[i].retry_after;
        assert_false(acme_reply_check(&reply, NOW, NULL, &e));
        assert_int_equal(e.class, table[i].class);
        assert_int_equal(e.retry_at, table[i].retry_after > 0 ? NOW + table[i].retry_after : 0);
    }
}

#define ORDER(status, identifiers, authorizations, more)                                                     \
    "{\"status\": \"" status "\", \"identifiers\": [" identifiers "], \"authorizations\": [" authorizations  \
    "], \"finalize\": \"https://ca.test/fin/1\"" more "}"
#define ID(name)    "{\"type\": \"dns\", \"value\": \"" name "\"}"
#define IP(address) "{\"type\": \"ip\", \"value\": \"" address "\"}"
#define BOTH        ID("B.example.COM.") ", " ID("a.example.com")
#define AUTHZ       "\"https://ca.test/authz/1\", \"https://ca.test/authz/2\""

static void test_order(void **state)
{
    struct http_reply reply =
        reply_of(200, ORDER("valid", BOTH, AUTHZ,
                            ", \"certificate\": \"https://ca.test/cert/1\", \"expires\": "
                            "\"2026-11-06T22:20:00.25+01:00\", \"unknown\": [{}]"));
    struct acme_order o;
    struct err e;

    (void)state;
    assert_true(acme_order_parse(&o, &directory, &names, &reply, &e));
    assert_int_equal(o.status, ACME_ORDER_VALID);
    assert_int_equal(o.expires, NOW);
    assert_int_equal(o.authorizations.n, 2);
    assert_string_equal(o.finalize, "https://ca.test/fin/1");
    assert_string_equal(o.certificate, "https://ca.test/cert/1");
    assert_null(o.error);
    acme_order_clear(&o);
    acme_order_clear(&o);
}

static void test_order_error(void **state)
{
    struct http_reply reply = reply_of(200, ORDER("invalid", BOTH, AUTHZ,
                                                  ", \"error\": {\"type\": \"" URN
                                                  "unauthorized\", \"detail\": \"192.0.2.1: 404\"}"));
    struct acme_order o;
    struct err e;

    (void)state;
    assert_true(acme_order_parse(&o, &directory, &names, &reply, &e));
    assert_string_equal(o.error, "unauthorized: 192.0.2.1: 404");
    assert_int_equal(o.error_type, ACME_PROBLEM_UNAUTHORIZED);
    assert_int_equal(o.error_class, ERR_CLASS_TRANSIENT);
    acme_order_clear(&o);
}

static void order_refused(const char *body, enum err_class class, const char *why)
{
    struct http_reply reply = reply_of(200, body);
    struct acme_order o = {.expires = 77};
    struct err e;

    assert_false(acme_order_parse(&o, &directory, &names, &reply, &e));
    assert_int_equal(e.class, class);
    if (strstr(e.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    assert_int_equal(o.expires, 77);
}

static void test_order_refused(void **state)
{
    char *many = malloc(1000000);
    char *p = many;

    (void)state;
    order_refused(ORDER("bogus", BOTH, AUTHZ, ""), ERR_CLASS_TRANSIENT, "\"bogus\" is unknown");
    order_refused(ORDER("valid", BOTH, AUTHZ, ""), ERR_CLASS_TRANSIENT, "no certificate");
    order_refused(ORDER("ready", ID("a.example.com"), AUTHZ, ""), ERR_CLASS_PERMANENT, "for 1 names");
    order_refused(ORDER("ready", ID("a.example.com") "," ID("c.example.com"), AUTHZ, ""), ERR_CLASS_PERMANENT,
                  "b.example.com is not among");
    order_refused(ORDER("ready", BOTH, "", ""), ERR_CLASS_PERMANENT, "0 authorizations");
    order_refused(ORDER("ready", BOTH, "5", ""), ERR_CLASS_TRANSIENT, "not a string");
    order_refused(ORDER("ready", BOTH, "\"https://evil.test/1\"", ""), ERR_CLASS_PERMANENT, "another host");
    order_refused(ORDER("ready", BOTH, AUTHZ, ", \"certificate\": \"http://ca.test/c\""), ERR_CLASS_PERMANENT,
                  "not an https URL");
    order_refused(ORDER("ready", BOTH, AUTHZ, ", \"status\": \"valid\""), ERR_CLASS_TRANSIENT, "duplicate");
    order_refused("<html></html>", ERR_CLASS_TRANSIENT, "not valid JSON");
    order_refused("[]", ERR_CLASS_TRANSIENT, "not a JSON object");

    p += sprintf(p, "{\"status\": \"ready\", \"identifiers\": [" BOTH "], \"authorizations\": [");
    for (int i = 0; i < 20000; i++)
        p += sprintf(p, "%s\"https://ca.test/authz/%d\"", i > 0 ? "," : "", i);
    sprintf(p, "], \"finalize\": \"https://ca.test/fin/1\"}");
    order_refused(many, ERR_CLASS_PERMANENT, "20000 authorizations");
    free(many);
}

#define AUTHORIZATION(status, challenges)                                                                    \
    "{\"status\": \"" status "\", \"identifier\": " ID("A.example.com.") ", \"challenges\": [" challenges "]}"
#define HTTP01(status, token, more)                                                                          \
    "{\"type\": \"http-01\", \"url\": \"https://ca.test/chall/1\", \"status\": \"" status "\", \"token\": "  \
    "\"" token "\"" more "}"
#define DNS01 "{\"type\": \"dns-01\", \"url\": 5}"

static void test_authorization(void **state)
{
    struct http_reply reply =
        reply_of(200, AUTHORIZATION("pending", DNS01 "," HTTP01("pending", "tok_-1", "")));
    struct acme_authorization a;
    struct err e;

    (void)state;
    assert_true(acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_HTTP_01, &reply, &e));
    assert_int_equal(a.status, ACME_AUTHORIZATION_PENDING);
    assert_string_equal(a.identifier, "a.example.com");
    assert_true(a.has_challenge);
    assert_string_equal(a.token, "tok_-1");
    assert_string_equal(a.challenge_url, "https://ca.test/chall/1");
    assert_string_equal(a.offered, "dns-01 http-01");
    acme_authorization_clear(&a);

    reply = reply_of(200, AUTHORIZATION("pending", DNS01 ",{\"type\": \"tls-alpn-01\"}"));
    assert_true(acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_HTTP_01, &reply, &e));
    assert_false(a.has_challenge);
    assert_string_equal(a.offered, "dns-01 tls-alpn-01");
    acme_authorization_clear(&a);
}

#define PERSIST(issuers)                                                                                     \
    "{\"type\": \"dns-persist-01\", \"url\": \"https://ca.test/chall/2\", \"status\": \"pending\", "         \
    "\"issuer-domain-names\": [" issuers "]}"
#define TEN "\"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\""

static void test_authorization_that_persists(void **state)
{
    static const struct {
        const char *body, *why;
    } refused[] = {
        {AUTHORIZATION("pending", PERSIST("")), "it has 0 issuer-domain-names"},
        {AUTHORIZATION("pending", PERSIST(TEN ", \"a\"")), "it has 11 issuer-domain-names"},
        {AUTHORIZATION("pending", PERSIST("5")), "no DNS name"},
        {AUTHORIZATION("pending", PERSIST("\"a\\\"; x\"")), "no DNS name"},
        {AUTHORIZATION("pending", "{\"type\": \"dns-persist-01\", \"url\": \"https://ca.test/chall/2\", "
                                  "\"status\": \"pending\", \"token\": \"a\"}"),
         "issuer-domain-names"},
    };
    struct http_reply reply = reply_of(200, AUTHORIZATION("pending", PERSIST("\"ca.test\", \"b.test\"")));
    struct acme_authorization a;
    struct err e;

    (void)state;
    assert_true(acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_DNS_PERSIST_01, &reply, &e));
    assert_true(a.has_challenge);
    assert_string_equal(a.token, "");
    assert_string_equal(a.challenge_url, "https://ca.test/chall/2");
    assert_int_equal(a.issuers.n, 2);
    assert_string_equal(a.issuers.v[1], "b.test");
    acme_authorization_clear(&a);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        reply = reply_of(200, refused[i].body);
        assert_false(acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_DNS_PERSIST_01, &reply, &e));
        if (strstr(e.text, refused[i].why) == NULL)
            fail_msg("%s", e.text);
    }
}

static void identifier_is(const char *members, const char *expected)
{
    struct acme_authorization a;
    struct http_reply reply;
    char body[500];
    struct err e;

    (void)snprintf(body, sizeof body, "{\"status\": \"valid\", \"challenges\": [], %s}", members);
    reply = reply_of(200, body);
    if (!acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_HTTP_01, &reply, &e))
        fail_msg("%s: %s", members, e.text);
    assert_string_equal(a.identifier, expected);
    acme_authorization_clear(&a);
}

static void test_authorization_identifiers(void **state)
{
    (void)state;
    identifier_is("\"identifier\": " ID("Example.com."), "example.com");
    identifier_is("\"wildcard\": false, \"identifier\": " ID("example.com"), "example.com");
    identifier_is("\"wildcard\": true, \"identifier\": " ID("example.com"), "*.example.com");
    identifier_is("\"wildcard\": true, \"identifier\": " ID("*.example.com"), "*.example.com");
    identifier_is("\"identifier\": " IP("192.0.2.1"), "192.0.2.1");
    identifier_is("\"identifier\": " IP("2001:DB8:0:0::1"), "2001:db8::1");
}

static void test_authorization_failed(void **state)
{
    struct http_reply reply =
        reply_of(200, AUTHORIZATION("invalid", DNS01
                                    "," HTTP01("invalid", "../x",
                                               ", \"error\": {\"type\": \"" URN "connection\", \"detail\": "
                                               "\"refused\"}, \"validationRecord\": [{\"addressUsed\": "
                                               "\"192.0.2.9\"}]")));
    struct acme_authorization a;
    struct err e;

    (void)state;
    assert_true(acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_HTTP_01, &reply, &e));
    assert_string_equal(a.error, "connection: refused [the CA connected to 192.0.2.9]");
    assert_int_equal(a.error_class, ERR_CLASS_TRANSIENT);
    assert_null(a.token);
    acme_authorization_clear(&a);
}

static void authorization_refused(const char *body, const char *why)
{
    struct http_reply reply = reply_of(200, body);
    struct acme_authorization a = {.has_challenge = true};
    struct err e;

    assert_false(acme_authorization_parse(&a, &directory, CHALLENGE_TYPE_HTTP_01, &reply, &e));
    if (strstr(e.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    assert_null(a.identifier);
}

static void test_authorization_refused(void **state)
{
    char token[5000];
    char *body = malloc(10000);

    (void)state;
    authorization_refused(AUTHORIZATION("pending", HTTP01("pending", "../x", "")), "token is refused");
    authorization_refused(AUTHORIZATION("pending", HTTP01("pending", "", "")), "token is refused");
    authorization_refused(AUTHORIZATION("pending", HTTP01("pending", "a\\u0000b", "")), "not valid JSON");
    authorization_refused(AUTHORIZATION("pending", HTTP01("pending", "a\\r\\nb", "")), "token is refused");
    authorization_refused(AUTHORIZATION("pending", HTTP01("pending", "abc=", "")), "token is refused");
    memset(token, 'a', 4096);
    token[4096] = '\0';
    sprintf(body, AUTHORIZATION("pending", HTTP01("pending", "%s", "")), token);
    authorization_refused(body, "token is refused");
    free(body);
    authorization_refused(AUTHORIZATION("pending",
                                        "{\"type\": \"http-01\", \"status\": \"pending\", \"token\": \"a\", "
                                        "\"url\": \"https://evil.test/\"}"),
                          "another host");
    authorization_refused(AUTHORIZATION("pending", "5"), "not an object");
    authorization_refused(AUTHORIZATION("odd", ""), "\"odd\" is unknown");
    authorization_refused("{\"status\": \"valid\", \"challenges\": []}", "identifier");
    authorization_refused("{\"status\": \"valid\", \"identifier\": {\"value\": \"a.example.com\"}}",
                          "\"type\" is missing");
    authorization_refused("{\"status\": \"valid\", \"identifier\": " ID(".") "}", "challenges");
    authorization_refused("{\"status\": \"valid\", \"identifier\": " ID("192.0.2.1") ", \"challenges\": []}",
                          "none of ours");
    authorization_refused(
        "{\"status\": \"valid\", \"identifier\": " IP("a.example.com") ", \"challenges\": []}",
        "none of ours");
    authorization_refused("{\"status\": \"valid\", \"wildcard\": true, \"identifier\": " IP(
                              "192.0.2.1") ", \"challenges\": []}",
                          "none of ours");
}

static void test_account(void **state)
{
    struct http_reply reply = reply_of(201, "{\"status\": \"valid\", \"contact\": []}");
    enum acme_account_status status;
    char *url = NULL;
    struct err e;

    (void)state;
    assert_false(acme_account_parse(&directory, &reply, &status, &url, &e));
    assert_non_null(strstr(e.text, "Location"));
    reply.location = "https://evil.test/acct/1";
    assert_false(acme_account_parse(&directory, &reply, &status, &url, &e));
    assert_null(url);
    reply.location = "https://ca.test/acct/1";
    assert_true(acme_account_parse(&directory, &reply, &status, &url, &e));
    assert_string_equal(url, "https://ca.test/acct/1");
    assert_int_equal(status, ACME_ACCOUNT_VALID);
    free(url);
    reply.body = "{\"status\": \"weird\"}";
    reply.body_len = strlen(reply.body);
    assert_false(acme_account_parse(&directory, &reply, &status, &url, &e));
}

static void payload_is(char *payload, const char *expected)
{
    assert_non_null(payload);
    assert_string_equal(payload, expected);
    free(payload);
}

static void test_payload_of_every_type(void **state)
{
    struct strv all = {0};

    (void)state;
    assert_true(strv_add(&all, "*.example.com") && strv_add(&all, "192.0.2.1") &&
                strv_add(&all, "2001:db8::1"));
    payload_is(acme_payload_new_order(&all, NULL, NULL),
               "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"*.example.com\"},"
               "{\"type\":\"ip\",\"value\":\"192.0.2.1\"},"
               "{\"type\":\"ip\",\"value\":\"2001:db8::1\"}]}");
    strv_clear(&all);
}

static void test_payloads(void **state)
{
    (void)state;
    payload_is(acme_payload_new_account("me@example.com", true, NULL),
               "{\"contact\":[\"mailto:me@example.com\"],\"termsOfServiceAgreed\":true}");
    payload_is(acme_payload_new_account("mailto:me@example.com", false, NULL),
               "{\"contact\":[\"mailto:me@example.com\"]}");
    payload_is(acme_payload_new_account(NULL, false, NULL), "{}");
    payload_is(acme_payload_new_account(NULL, true, "{\"payload\": \"x\"}"),
               "{\"termsOfServiceAgreed\":true,\"externalAccountBinding\":{\"payload\":\"x\"}}");
    payload_is(acme_payload_find_account(), "{\"onlyReturnExisting\":true}");
    payload_is(acme_payload_new_order(&names, NULL, NULL),
               "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example.com\"},"
               "{\"type\":\"dns\",\"value\":\"b.example.com\"}]}");
    payload_is(acme_payload_new_order(&(struct strv){names.v, 1}, "shortlived", "aYhb.AId"),
               "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example.com\"}],"
               "\"profile\":\"shortlived\",\"replaces\":\"aYhb.AId\"}");
    payload_is(acme_payload_finalize("MIIB"), "{\"csr\":\"MIIB\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_directory_identity),
        cmocka_unit_test(test_directory_renewal_info),
        cmocka_unit_test(test_directory_profiles),
        cmocka_unit_test(test_directory_many_profiles),
        cmocka_unit_test(test_directory_refused),
        cmocka_unit_test(test_problem_types),
        cmocka_unit_test(test_problem_with_subproblems),
        cmocka_unit_test(test_problem_is_bounded),
        cmocka_unit_test(test_status_without_problem),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_error),
        cmocka_unit_test(test_order_refused),
        cmocka_unit_test(test_authorization),
        cmocka_unit_test(test_authorization_that_persists),
        cmocka_unit_test(test_authorization_identifiers),
        cmocka_unit_test(test_authorization_failed),
        cmocka_unit_test(test_authorization_refused),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_payload_of_every_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
