/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/http_head.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1794000000)

static void feed(struct http_head *h, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        len += text[len] == '\n';
        http_head_line(h, text, len, NOW);
        text += len;
    }
}

static void test_what_acme_gives_a_meaning_to(void **state)
{
    struct http_head h;

    (void)state;
    http_head_init(&h);
    assert_int_equal(h.retry_after, -1);
    feed(&h, "HTTP/1.1 201 Created\r\nlocation: https://ca.test/o/1 \r\nREPLAY-NONCE:\tab-_9\r\n"
             "Retry-After: 7\r\nX-Location: https://no.test/\r\nLocationX: a\r\n");
    assert_false(h.complete);
    feed(&h, "\r\n");
    assert_true(h.complete);
    assert_string_equal(h.location, "https://ca.test/o/1");
    assert_string_equal(h.replay_nonce, "ab-_9");
    assert_int_equal(h.retry_after, 7);
    http_head_clear(&h);
    assert_null(h.location);
    assert_false(h.complete);
}

static void test_links(void **state)
{
    struct http_head h;

    (void)state;
    http_head_init(&h);
    feed(&h, "HTTP/2 103\r\nLink: <https://ca.test/0>;rel=alternate\r\n\r\nHTTP/2 200\r\n"
             "link: <https://ca.test/1>;rel=\"alternate\", <https://ca.test/dir>;rel=\"index\"\r\n"
             "Link: <https://ca.test/2>; rel=alternate\r\n\r\n");
    assert_int_equal(h.alternates.n, 2);
    assert_string_equal(h.alternates.v[0], "https://ca.test/1");
    assert_string_equal(h.alternates.v[1], "https://ca.test/2");
    http_head_clear(&h);
    assert_int_equal(h.alternates.n, 0);
}

static void test_where_the_body_ends(void **state)
{
    static const struct {
        const char *head;
        bool framed;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true},
        {"HTTP/2 200 \r\n\r\n", true},
        {"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_head h;

        http_head_init(&h);
        feed(&h, rows[i].head);
        if (h.framed != rows[i].framed)
            fail_msg("%s", rows[i].head);
        http_head_clear(&h);
    }
}

static void test_an_interim_reply_is_void(void **state)
{
    struct http_head h;

    (void)state;
    http_head_init(&h);
    feed(&h, "HTTP/1.1 103 Early Hints\r\nLocation: https://ca.test/1\r\nReplay-Nonce: a\r\nRetry-After: "
             "9\r\n\r\n");
    assert_true(h.complete);
    feed(&h, "HTTP/2 200 \r\n");
    assert_false(h.complete);
    assert_null(h.location);
    assert_null(h.replay_nonce);
    assert_int_equal(h.retry_after, -1);
    http_head_clear(&h);
}

static void test_the_last_of_several_counts(void **state)
{
    struct http_head h;

    (void)state;
    http_head_init(&h);
    feed(&h,
         "Location: https://ca.test/1\nLocation: https://ca.test/2\nReplay-Nonce: abc\nReplay-Nonce: a b\n");
    assert_string_equal(h.location, "https://ca.test/2");
    assert_null(h.replay_nonce);
    feed(&h, "Replay-Nonce: abc\nReplay-Nonce:\nRetry-After: 5\nRetry-After: soon\n");
    assert_null(h.replay_nonce);
    assert_int_equal(h.retry_after, -1);
    http_head_clear(&h);
}

static void test_long_lines_are_left_out(void **state)
{
    struct http_head h;
    char line[4200];

    (void)state;
    http_head_init(&h);
    memset(line, 'a', sizeof line);
    memcpy(line, "Location: ", 10);
    http_head_line(&h, line, 4097, NOW);
    assert_null(h.location);
    http_head_line(&h, line, 4096, NOW);
    assert_int_equal(strlen(h.location), 4086);
    http_head_clear(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_acme_gives_a_meaning_to), cmocka_unit_test(test_links),
        cmocka_unit_test(test_where_the_body_ends),          cmocka_unit_test(test_an_interim_reply_is_void),
        cmocka_unit_test(test_the_last_of_several_counts),   cmocka_unit_test(test_long_lines_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
