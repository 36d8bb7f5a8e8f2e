/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/sim/sim.h"

static const int64_t lifetimes[] = {90 * DAY, 64 * DAY, 45 * DAY, 160 * HOUR};
#define N_LIFETIMES (sizeof lifetimes / sizeof lifetimes[0])

/* FAULTS 30: for as long as the clock is wrong nothing is ordered, and after that life goes on. */
static void test_ten_years_ahead(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 100; n++) {
        struct sim s;
        unsigned attempted;

        sim_init(&s, n, lifetimes[n % N_LIFETIMES]);
        sim_run(&s, SIM_START + n * DAY);
        attempted = s.n_attempted;
        sim_jump(&s, 10 * YEAR);
        sim_run(&s, s.now + 12 * HOUR);
        assert_int_equal(s.n_attempted, attempted);
        sim_jump(&s, -10 * YEAR);
        sim_run(&s, s.now + YEAR);
        assert_true(s.n_issued <=
                    1 + (unsigned)((n * DAY + YEAR + DAY) / (s.lifetime * 43 / 100 - 3 * HOUR)));
        assert_true(s.least_left > 0);
        sim_clear(&s);
    }
}

/* The daemon restarts under the wrong clock and has no memory of the jump: the CA is out of reach for it; it
 * backs off, and recovers when the clock is put right. */
static void test_ten_years_ahead_with_a_restart(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 40; n++) {
        struct sim s;
        unsigned issued;

        sim_init(&s, n, lifetimes[n % N_LIFETIMES]);
        sim_run(&s, SIM_START + DAY);
        issued = s.n_issued;
        sim_jump(&s, 10 * YEAR);
        sim_restart(&s);
        sim_run(&s, s.now + DAY);
        assert_int_equal(s.n_issued, issued);
        assert_true(s.n_attempted - issued < 60);
        sim_jump(&s, -10 * YEAR);
        sim_run(&s, s.now + s.lifetime / 8);
        assert_int_equal(s.n_issued, issued);
        sim_run(&s, s.now + YEAR);
        assert_true(s.least_left > 0);
        sim_clear(&s);
    }
}

/* FAULTS 31 */
static void test_a_day_back(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 200; n++) {
        struct sim s;
        unsigned issued;

        sim_init(&s, n, lifetimes[n % N_LIFETIMES]);
        sim_run(&s, SIM_START + n * HOUR * 13);
        issued = s.n_issued;
        sim_jump(&s, -DAY);
        sim_run(&s, s.now + DAY);
        assert_true(s.n_issued - issued <= 1);
        if (issued > 0 && s.issued[issued - 1] + s.lifetime / 4 > s.now)
            assert_int_equal(s.n_issued, issued);
        for (unsigned i = 1; i < s.n_issued; i++)
            assert_true(s.issued[i] - s.issued[i - 1] > s.lifetime / 4);
        sim_run(&s, s.now + 2 * YEAR);
        assert_true(s.least_left > 0);
        sim_clear(&s);
    }
}

/* Hours and days, to and fro, for years. */
static void test_a_clock_that_wanders(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 40; n++) {
        struct sim s;

        sim_init(&s, n, lifetimes[n % N_LIFETIMES]);
        s.restart_one_in = 3;
        for (unsigned i = 0; i < 200; i++) {
            sim_jump(&s, ((int64_t)((i * 7 + n) % 23) - 11) * 2 * HOUR - s.offset);
            sim_run(&s, s.now + s.lifetime / 20);
        }
        for (unsigned i = 1; i < s.n_issued; i++)
            assert_true(s.issued[i] - s.issued[i - 1] > s.lifetime / 4);
        assert_true(s.least_left > 0);
        sim_clear(&s);
    }
}

/* FAULTS 29 */
static void test_boot_in_1970(void **state)
{
    struct sim s;

    (void)state;
    sim_init(&s, 1, 90 * DAY);
    sim_jump(&s, -SIM_START);
    sim_run(&s, s.now + DAY);
    assert_int_equal(s.n_attempted, 0);
    sim_jump(&s, SIM_START);
    sim_run(&s, s.now + HOUR);
    assert_int_equal(s.n_issued, 1);
    sim_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_years_ahead), cmocka_unit_test(test_ten_years_ahead_with_a_restart),
        cmocka_unit_test(test_a_day_back),      cmocka_unit_test(test_a_clock_that_wanders),
        cmocka_unit_test(test_boot_in_1970),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
