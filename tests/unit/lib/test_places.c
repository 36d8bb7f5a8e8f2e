/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/places.h"

static void test_configured(void **state)
{
    const struct config c = {.max_orders = 5, .max_orders_set = true};

    (void)state;
    assert_int_equal(places(&c, 0), 5);
    assert_int_equal(places(&c, 500), 5);
}

static void test_path(void **state)
{
    const struct config c = {.max_orders = 8};
    static const struct {
        int64_t round_trip;
        unsigned places;
    } cases[] = {
        {0, 8}, {1, 8}, {40, 8}, {45, 9}, {100, 20}, {119, 23}, {120, 24}, {INT64_MAX, 24},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(places(&c, cases[i].round_trip), cases[i].places);
}

/* Those that rest hold no place, and not all that there are may rest. */
static void test_resting(void **state)
{
    const struct config c = {.max_orders = 2, .max_orders_set = true};

    (void)state;
    assert_true(places_free(&c, 0, 0, 0));
    assert_true(places_free(&c, 0, 1, 0));
    assert_false(places_free(&c, 0, 2, 0));
    assert_true(places_free(&c, 0, 2, 1));
    assert_true(places_free(&c, 0, 7, 7));
    assert_false(places_free(&c, 0, 9, 7));
    assert_false(places_free(&c, 0, 8, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_configured), cmocka_unit_test(test_path),
                                       cmocka_unit_test(test_resting)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
