/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/acme.h"
#include "lib/status.h"
#include "lib/unpause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK "https://portal.example/sfe/v1/unpause?jwt=eyJ.eyJ-_.sig"

static void test_links(void **state)
{
    static const struct {
        const char *text;
        const char *link; /* NULL: none */
    } cases[] = {
        {"temporarily prevented from requesting certificates for a.example. Please visit: " LINK, LINK},
        {"please visit " LINK ".", LINK},
        {"see https://ca.example/docs/rate-limits/ and (" LINK ")", LINK},
        {"see https://ca.example/docs/rate-limits/", NULL},
        {"http://portal.example/unpause?jwt=x", NULL},
        {"Please visit: " LINK "...", NULL}, /* cut */
        {"https://", NULL},
        {"unpause", NULL},
        {"", NULL},
    };
    char link[UNPAUSE_LINK_MAX];
    char *text;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(unpause_link(cases[i].text, link), cases[i].link != NULL);
        if (cases[i].link != NULL)
            assert_string_equal(link, cases[i].link);
    }
    assert_true(asprintf(&text, "https://x.example/unpause?%0*d", UNPAUSE_LINK_MAX, 7) > 0);
    assert_false(unpause_link(text, link));
    free(text);
}

/* Boulder's token takes hundreds of bytes: what else is long is cut, the link is not. */
static void test_problem_keeps_the_link(void **state)
{
    char link[UNPAUSE_LINK_MAX];
    char body[2048];
    struct err e;

    (void)state;
    (void)snprintf(
        body, sizeof body,
        "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"Your account is temporarily "
        "prevented from requesting certificates for a.example and possibly others. Please visit: "
        "https://portal.example/sfe/v1/unpause?jwt=%0900d\"}",
        7);
    {
        const struct http_reply reply = {
            .status = 429, .body = body, .body_len = strlen(body), .retry_after = -1};

        assert_false(acme_reply_check(&reply, 5, NULL, &e));
    }
    assert_int_equal(e.class, ERR_CLASS_RATE_LIMITED);
    assert_true(unpause_link(e.text, link));
    assert_int_equal(strlen(link), strlen("https://portal.example/sfe/v1/unpause?jwt=") + 900);
}

static char *advice_of(const char *text)
{
    struct journal j;
    struct status_certificate s;
    struct err e;
    char *advice;

    journal_init(&j);
    err_set(&e, ERR_CLASS_RATE_LIMITED, "%s", text);
    journal_error_set(&j.error, &e, 5);
    assert_true(
        status_certificate_fill(&s, "a.example", &(struct status_input){.journal = &j, .now = 10}, &e));
    advice = s.advice != NULL ? strdup(s.advice) : NULL;
    status_certificate_clear(&s);
    journal_clear(&j);
    return advice;
}

static void test_status_says_what_to_do(void **state)
{
    char *advice = advice_of("HTTP 429 rateLimited: paused. Please visit: " LINK);

    (void)state;
    assert_non_null(advice);
    assert_non_null(strstr(advice, "open " LINK " to lift the pause"));
    free(advice);
    assert_null(advice_of("HTTP 500 serverInternal: " LINK));
    advice = advice_of("HTTP 429 rateLimited: too many new orders");
    assert_non_null(advice);
    assert_null(strstr(advice, "pause"));
    free(advice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_problem_keeps_the_link),
        cmocka_unit_test(test_status_says_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
