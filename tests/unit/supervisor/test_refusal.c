/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/refusal.h"

static void test_so_many_and_then_a_count(void **state)
{
    struct refusals r = {0};
    unsigned unsaid;

    (void)state;
    for (unsigned i = 0; i < REFUSAL_MAX; i++) {
        assert_true(refusals_admit(&r, 1000 + i % 2, &unsaid));
        assert_int_equal(unsaid, 0);
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_false(refusals_admit(&r, 1000 + REFUSAL_SPAN_S - 1, &unsaid));
    assert_true(refusals_admit(&r, 1000 + REFUSAL_SPAN_S, &unsaid));
    assert_int_equal(unsaid, 1000);
    assert_true(refusals_admit(&r, 1000 + REFUSAL_SPAN_S, &unsaid));
    assert_int_equal(unsaid, 0);
}

/* Now and again one is none too many. */
static void test_a_slow_stream_is_logged_whole(void **state)
{
    struct refusals r = {0};
    unsigned unsaid;

    (void)state;
    for (int64_t now = 5; now < 100000; now += REFUSAL_SPAN_S / REFUSAL_MAX + 1)
        assert_true(refusals_admit(&r, now, &unsaid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_so_many_and_then_a_count),
        cmocka_unit_test(test_a_slow_stream_is_logged_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
