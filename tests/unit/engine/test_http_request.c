/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/engine/http_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parsed in place, in a copy of exact size, so that a sanitizer sees a read beyond it. */
struct parsed {
    char *data;
    struct http_request q;
    enum http_request_result result;
};

static struct parsed parse_n(const char *text, size_t len)
{
    struct parsed p = {.data = malloc(len > 0 ? len : 1)};

    assert_non_null(p.data);
    memcpy(p.data, text, len);
    p.result = http_request_parse(&p.q, p.data, len);
    return p;
}

static void expect_n(const char *text, size_t len, enum http_request_result wanted)
{
    struct parsed p = parse_n(text, len);

    assert_int_equal(p.result, wanted);
    free(p.data);
}

static void expect(const char *text, enum http_request_result wanted)
{
    expect_n(text, strlen(text), wanted);
}

static void expect_parts(const char *text, const char *target, const char *host, bool head)
{
    struct parsed p = parse_n(text, strlen(text));

    assert_int_equal(p.result, HTTP_REQUEST_COMPLETE);
    assert_string_equal(p.q.target, target);
    assert_string_equal(p.q.host, host);
    assert_int_equal(p.q.head, head);
    free(p.data);
}

static void test_good_requests(void **state)
{
    (void)state;
    expect_parts("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "/", "example.com", false);
    expect_parts("HEAD /a?b HTTP/1.1\r\nhOsT:\t WWW.Example.COM:80 \t\r\n\r\n", "/a?b", "www.example.com",
                 true);
    expect_parts("GET / HTTP/1.0\r\n\r\n", "/", "", false);
    expect_parts("GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", "", false);
    expect_parts("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "/", "::1", false);
    expect_parts("GET / HTTP/1.1\r\nHost: [2001:DB8:0:0:0:0:0:1]\r\n\r\n", "/", "2001:db8::1", false);
    expect_parts("GET / HTTP/1.1\r\nHost: [1:2:3::5:6:7:8]\r\n\r\n", "/", "1:2:3:0:5:6:7:8", false);
    expect_parts("GET / HTTP/1.1\r\nHost: [::1.2.3.4]:\r\n\r\n", "/", "::102:304", false);
    expect_parts("GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]:80\r\n\r\n", "/", "", false);
    expect_parts("GET / HTTP/1.1\r\nHost: [192.0.2.1]\r\n\r\n", "/", "", false);
    expect_parts("GET / HTTP/1.1\r\nHost: [v1.x]\r\n\r\n", "/", "", false);
    expect_parts("GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", "/", "192.0.2.1", false);
    expect_parts("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 0\r\nX:\r\n\r\n", "/", "a", false);
    /* Whether a target is known is the responder's to say; no file is ever looked up with it. */
    expect_parts("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "http://b/x", "a", false);
    expect_parts("GET /../%2e%2e//x HTTP/1.1\r\nHost: a\r\n\r\n", "/../%2e%2e//x", "a", false);
    expect_parts("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "a", false);
}

static void test_request_line(void **state)
{
    static const char *const bad[] = {
        "\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(bad[i], HTTP_REQUEST_BAD);
    expect("POST / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST_METHOD);
    expect("get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST_METHOD);
    expect("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST_METHOD);
}

/* Everything that one server may read in one way and its neighbour in another. */
static void test_ambiguity_is_refused(void **state)
{
    static const char *const bad[] = {
        "Host: a\r\nHost: a\r\n",
        "Host: [::1\r\n",
        "Host: [::1]x\r\n",
        "Host: [::1]:x\r\n",
        "Host: a b\r\n",
        "Host: a,b\r\n",
        "Host: a/b\r\n",
        "Host: a@b\r\n",
        "Host: a:80x\r\n",
        "Host: a:80:80\r\n",
        "Host: \xc3\xa4\r\n",
        "Host : a\r\n",
        " Host: a\r\n",
        "Host: a\r\n folded\r\n",
        "Host: a\r\n\tfolded\r\n",
        "Host\r\n",
        ": a\r\n",
        "X y: z\r\nHost: a\r\n",
        "Host: a\r\nTransfer-Encoding: chunked\r\n",
        "Host: a\r\nTransfer-Encoding: identity\r\n",
        "Host: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Host: a\r\nContent-Length: 5\r\n",
        "Host: a\r\nContent-Length: 00\r\n",
        "Host: a\r\nContent-Length: +0\r\n",
        "Host: a\r\nContent-Length: 0, 0\r\n",
        "Host: a\r\nContent-Length: -1\r\n",
        "Host: a\r\nContent-Length:\r\n",
        "Host: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n",
        "X: y\r\n", /* HTTP/1.1 without Host */
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", bad[i]);
        expect(text, HTTP_REQUEST_BAD);
    }
}

static void test_body_and_pipelining(void **state)
{
    (void)state;
    expect("GET / HTTP/1.1\r\nHost: a\r\n\r\nx", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_REQUEST_BAD);
    expect("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", HTTP_REQUEST_BAD);
}

/* Refused as soon as it is seen: a bare LF would else be waited behind until the deadline. */
static void test_line_ends_and_nul(void **state)
{
    static const char nul_in_line[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char nul_in_header[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
    static const char nul_unfinished[] = "GET /\0";

    (void)state;
    expect_n(nul_in_line, sizeof nul_in_line - 1, HTTP_REQUEST_BAD);
    expect_n(nul_in_header, sizeof nul_in_header - 1, HTTP_REQUEST_BAD);
    expect_n(nul_unfinished, sizeof nul_unfinished - 1, HTTP_REQUEST_BAD);
    expect("\n", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\n", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\nHost: a\n\n", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\r\nHost: a\n\r\n\r\n", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\r\nHost: a\r\rX: y\r\n\r\n", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\r\nHost: a\rb", HTTP_REQUEST_BAD);
    expect("GET / HTTP/1.1\r", HTTP_REQUEST_INCOMPLETE);
}

static void test_incomplete_at_every_byte(void **state)
{
    static const char text[] = "GET /.well-known/acme-challenge/t HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";

    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++)
        expect_n(text, n, HTTP_REQUEST_INCOMPLETE);
    expect(text, HTTP_REQUEST_COMPLETE);
}

/* Long enough to be refused whatever follows, and many small headers in what is accepted. */
static void test_too_large(void **state)
{
    char *text = calloc(1, HTTP_REQUEST_MAX + 1);
    size_t n;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', HTTP_REQUEST_MAX);
    expect_n(text, HTTP_REQUEST_MAX - 1, HTTP_REQUEST_INCOMPLETE);
    expect_n(text, HTTP_REQUEST_MAX, HTTP_REQUEST_TOO_LARGE);

    n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");
    while (n + 4 + 2 < HTTP_REQUEST_MAX)
        n += (size_t)sprintf(text + n, "a:\r\n");
    n += (size_t)sprintf(text + n, "\r\n");
    expect_n(text, n, HTTP_REQUEST_TOO_LARGE);

    /* A request that ends at the bound exactly. */
    n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(text + n, 'x', HTTP_REQUEST_MAX - 4 - n);
    memcpy(text + HTTP_REQUEST_MAX - 4, "\r\n\r\n", 4);
    expect_n(text, HTTP_REQUEST_MAX, HTTP_REQUEST_COMPLETE);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_request_line),
        cmocka_unit_test(test_ambiguity_is_refused),
        cmocka_unit_test(test_body_and_pipelining),
        cmocka_unit_test(test_line_ends_and_nul),
        cmocka_unit_test(test_incomplete_at_every_byte),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
