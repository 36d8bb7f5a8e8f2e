/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/engine/silence.h"

#include <stdio.h>

#define A "https://a.example.com/directory"
#define B "https://b.example.com/directory"

static void expect(const struct silences *s, const char *url, int64_t now, bool limited, long want_age,
                   bool want_fresh)
{
    long max_age = -1;
    bool fresh = false;

    assert_int_equal(silence_limits(s, url, now, &max_age, &fresh), limited);
    if (limited) {
        assert_int_equal(max_age, want_age);
        assert_int_equal(fresh, want_fresh);
    }
}

static void test_of_one_origin(void **state)
{
    struct silences s = {0};

    (void)state;
    expect(&s, A, 1000, false, 0, false);
    silence_heard(&s, A);
    silence_found(&s, A, 1000);
    expect(&s, A, 1000, true, 1, true);
    expect(&s, A, 5000, true, 4, true);
    silence_heard(&s, "https://A.example.com:443/nonce");
    expect(&s, "https://a.example.com/order/1", 5000, true, 4, false);
    silence_found(&s, A, 6000);
    expect(&s, A, 8000, true, 2, true);
    silences_clear(&s);
    expect(&s, A, 8000, false, 0, false);
}

static void test_no_reply_of_another_origin_ends_it(void **state)
{
    struct silences s = {0};

    (void)state;
    silence_found(&s, A, 1000);
    expect(&s, B, 1000, false, 0, false);
    silence_heard(&s, B);
    silence_heard(&s, "https://a.example.com:8443/directory");
    expect(&s, A, 3000, true, 2, true);
    silence_found(&s, B, 3000);
    silence_heard(&s, B);
    expect(&s, A, 3000, true, 2, true);
    expect(&s, B, 5000, true, 2, false);
    silences_clear(&s);
}

static void test_the_oldest_makes_room(void **state)
{
    struct silences s = {0};
    char url[64];

    (void)state;
    for (int i = 0; i <= SILENCES_MAX; i++) {
        (void)snprintf(url, sizeof url, "https://ca%d.example.com/", i);
        silence_found(&s, url, 1000 + i);
    }
    expect(&s, "https://ca0.example.com/", 2000, false, 0, false);
    for (int i = 1; i <= SILENCES_MAX; i++) {
        (void)snprintf(url, sizeof url, "https://ca%d.example.com/", i);
        expect(&s, url, 3000, true, 1, true);
    }
    silences_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_one_origin),
        cmocka_unit_test(test_no_reply_of_another_origin_ends_it),
        cmocka_unit_test(test_the_oldest_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
