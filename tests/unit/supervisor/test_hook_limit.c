/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/hook_limit.h"
#include "lib/renewal.h"

#define DAY 86400

static int setup(void **state)
{
    *state = hook_limits_new();
    return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    hook_limits_free(*state);
    return 0;
}

static void test_a_burst_then_now_and_again(void **state)
{
    struct hook_limits *l = *state;
    int64_t wait;
    unsigned n = 0;

    for (unsigned i = 0; i < HOOK_LIMIT_BURST; i++)
        assert_true(hook_limits_take(l, "a", 1000, &wait));
    assert_false(hook_limits_take(l, "a", 1000, &wait));
    assert_int_equal(wait, HOOK_LIMIT_EVERY_S);
    assert_false(hook_limits_take(l, "a", 1000 + HOOK_LIMIT_EVERY_S - 1, &wait));
    assert_int_equal(wait, 1);
    assert_true(hook_limits_take(l, "a", 1000 + HOOK_LIMIT_EVERY_S, &wait));
    assert_true(hook_limits_take(l, "b", 1000, &wait)); /* no other's matter */
    for (int64_t now = 1000; now <= 1000 + 10 * DAY; now++)
        n += hook_limits_take(l, "c", now, &wait) ? 1 : 0;
    assert_int_equal(n, HOOK_LIMIT_BURST + 10 * DAY / HOOK_LIMIT_EVERY_S);
}

/* What a sound engine asks for: a hook that fails for a month, with somebody who looks into it. */
static void test_retries_and_people_are_never_held_up(void **state)
{
    struct hook_limits *l = *state;
    int64_t now = 1, wait;
    unsigned attempts = 0;

    while (now < 30 * DAY) {
        assert_true(hook_limits_take(l, "a", now, &wait));
        now += renewal_deploy_backoff(++attempts, 0); /* as early as the jitter lets it */
        if (attempts % 500 == 0)
            for (unsigned i = 0; i < 40; i++)
                assert_true(hook_limits_take(l, "a", now, &wait));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_burst_then_now_and_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retries_and_people_are_never_held_up, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
