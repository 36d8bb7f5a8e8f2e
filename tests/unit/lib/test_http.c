/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/http.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1794000000) /* Fri, 06 Nov 2026 21:20:00 GMT */

static void test_retry_after_seconds(void **state)
{
    (void)state;
    assert_int_equal(http_retry_after("3", NOW), 3);
    assert_int_equal(http_retry_after(" 120 ", NOW), 120);
    assert_int_equal(http_retry_after("0", NOW), 1);
    assert_int_equal(http_retry_after("86400", NOW), 86400);
    assert_int_equal(http_retry_after("86401", NOW), 86400);
    assert_int_equal(http_retry_after("99999999999999999999999999999999", NOW), 86400);
}

static void test_retry_after_date(void **state)
{
    (void)state;
    assert_int_equal(http_retry_after("Fri, 06 Nov 2026 21:21:00 GMT", NOW), 60);
    assert_int_equal(http_retry_after("Friday, 06-Nov-26 21:21:00 GMT", NOW), 60);
    assert_int_equal(http_retry_after("Fri Nov  6 21:21:00 2026", NOW), 60);
    assert_int_equal(http_retry_after("Fri, 06 Nov 2020 21:21:00 GMT", NOW), 1);
    assert_int_equal(http_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", NOW), 86400);
}

static void test_retry_after_unusable(void **state)
{
    static const char *const bad[] = {
        "", "-5", "1.5", "soon", "3 s", "0x10", "Fri, 06 Nov 2026 21:21:00 CET", "+3"};

    (void)state;
    assert_int_equal(http_retry_after(NULL, NOW), -1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(http_retry_after(bad[i], NOW), -1);
}

static void test_url_accepted(void **state)
{
    static const char *const good[] = {
        "https://ca.example/directory", "https://ca.example",    "HTTPS://CA.example:14000/dir?a=b&c=%20",
        "https://[2001:db8::1]:8443/x", "https://127.0.0.1/a@b", "https://a_b.example/"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(http_url_check(good[i], &e));
}

static void test_url_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "http://ca.example/",
                                      "file:///etc/shadow",
                                      "https:/ca.example/",
                                      "https://",
                                      "https:///path",
                                      "https://user@ca.example/",
                                      "https://user:pw@ca.example/",
                                      "https://ca.example/#x",
                                      "https://ca.example/a b",
                                      "https://ca.example/a\r\nHost: x",
                                      "https://ca.example/\x7f",
                                      "https://ca.example/\xc3\xa9",
                                      "https://ca.example\\@evil.example/",
                                      "https://ca.example/\"",
                                      "https://ca.example:0/",
                                      "https://ca.example:65536/",
                                      "https://ca.example:99999999999/",
                                      "https://ca.example:80a/",
                                      "https://[::1/",
                                      "https://[::1]x/",
                                      "https://[zz]/",
                                      "https://ca%2eexample/"};
    struct err e;

    (void)state;
    assert_false(http_url_check(NULL, &e));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err_clear(&e);
        assert_false(http_url_check(bad[i], &e));
        assert_int_equal(e.class, ERR_CLASS_TRANSIENT);
        assert_true(e.text[0] != '\0');
    }
}

static void test_url_length(void **state)
{
    char url[HTTP_URL_MAX + 2];

    (void)state;
    memset(url, 'a', sizeof url);
    memcpy(url, "https://h/", 10);
    url[HTTP_URL_MAX] = '\0';
    assert_true(http_url_check(url, NULL));
    url[HTTP_URL_MAX] = 'a';
    url[HTTP_URL_MAX + 1] = '\0';
    assert_false(http_url_check(url, NULL));
}

static void test_same_origin(void **state)
{
    (void)state;
    assert_true(http_same_origin("https://ca.example/a", "https://CA.example:443/b?c"));
    assert_true(http_same_origin("https://ca.example:14000", "https://ca.example:14000/x"));
    assert_true(http_same_origin("https://[::1]/", "https://[::1]:443"));
    assert_false(http_same_origin("https://ca.example/", "https://ca.example:8443/"));
    assert_false(http_same_origin("https://ca.example/", "https://ca.example.evil.org/"));
    assert_false(http_same_origin("https://ca.example/", "https://a.example/"));
    assert_false(http_same_origin("https://ca.example/", "http://ca.example/"));
    assert_false(http_same_origin("https://ca.example/", "https://ca.example@evil.org/"));
}

#define U "https://ca.test/"

/* want: the URLs, without their beginning, joined by blanks. */
static void check_links(const char *value, const char *want)
{
    struct strv urls = {0};
    char got[1000] = "";

    assert_true(http_link_alternates(value, &urls));
    for (size_t i = 0; i < urls.n; i++) {
        assert_int_equal(strncmp(urls.v[i], U, strlen(U)), 0);
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i > 0 ? " " : "",
                       urls.v[i] + strlen(U));
    }
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s, not %s", value, got, want);
    strv_clear(&urls);
}

static void test_alternates(void **state)
{
    (void)state;
    check_links("<" U "1>;rel=\"alternate\"", "1");
    check_links("<" U "1>; rel=alternate", "1");
    check_links(" , <" U "1> ; Rel = \"Alternate\" ,, <" U "2>;title=\"a, b; \\\"rel=x\";rel=alternate,",
                "1 2");
    check_links("<" U "1>;rel=\"up alternate\"", "1");
    check_links("<" U "1>;rel=\"alternates\"", "");
    check_links("<" U "1>;rel=\"up\"", "");
    check_links("<" U "1>;rel=up;rel=alternate", "");
    check_links("<" U "1>;rel", "");
    check_links("<" U "1>", "");
    check_links("<" U "1>;rel=alternate;anchor=\"#x\"", "");
    check_links("<" U "1>;rel=alternate,<" U "1>;rel=alternate", "1");
    check_links("<" U "a,b>;rel=alternate;x;y=z", "a,b");
    check_links("<http://ca.test/1>;rel=alternate,<" U "2>;rel=alternate", "2");
    check_links("<1>;rel=alternate,<" U "2>;rel=alternate", "2");
    check_links("<" U "1>;rel=alternate,<" U "2;rel=alternate", "1");
    check_links("<" U "1>;rel=alternate,<" U "2>;rel=\"alternate", "1");
    check_links("<" U "1>;rel=alternate x,<" U "2>;rel=alternate", "");
    check_links("<" U "1>;rel=alternate,<" U "2>;rel=alternate,<" U "3>;rel=alternate,<" U
                "4>;rel=alternate,<" U "5>;rel=alternate,<" U "6>;rel=alternate,<" U "7>;rel=alternate,<" U
                "8>;rel=alternate,<" U "9>;rel=alternate",
                "1 2 3 4 5 6 7 8");
    check_links("", "");
    check_links(U "1;rel=alternate", "");
    check_links("<>;rel=alternate", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alternates),       cmocka_unit_test(test_retry_after_seconds),
        cmocka_unit_test(test_retry_after_date), cmocka_unit_test(test_retry_after_unusable),
        cmocka_unit_test(test_url_accepted),     cmocka_unit_test(test_url_refused),
        cmocka_unit_test(test_url_length),       cmocka_unit_test(test_same_origin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
