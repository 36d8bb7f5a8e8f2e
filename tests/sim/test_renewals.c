/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/sim/sim.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const int64_t lifetimes[] = {90 * DAY, 64 * DAY, 45 * DAY, 160 * HOUR};
#define N_LIFETIMES (sizeof lifetimes / sizeof lifetimes[0])

/* Every interval between issuances, in parts of the lifetime (a thousandth each), and none in excess. */
static void assert_intervals(const struct sim *s, int64_t least, int64_t most)
{
    assert_true(s->n_issued > 1);
    for (unsigned i = 1; i < s->n_issued; i++)
        assert_in_range(s->issued[i] - s->issued[i - 1], s->lifetime * least / 1000 - 2 * HOUR,
                        s->lifetime * most / 1000 + 2 * HOUR);
}

static void test_ten_quiet_years(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_LIFETIMES; i++) {
        bool brief = lifetimes[i] < 10 * DAY;
        struct sim s;

        sim_init(&s, i, lifetimes[i]);
        sim_run(&s, SIM_START + 10 * YEAR);
        assert_intervals(&s, brief ? 433 : 600, brief ? 500 : 667);
        assert_true(s.least_left >= (brief ? lifetimes[i] / 2 : lifetimes[i] / 3) - 2 * HOUR);
        assert_int_equal(s.n_attempted, s.n_issued);
        sim_clear(&s);
    }
}

/* FAULTS, Time: renew_before longer than the lifetime. */
static void test_renew_before_beyond_the_lifetime(void **state)
{
    (void)state;
    for (size_t i = 2; i < N_LIFETIMES; i++) {
        struct sim s;

        sim_init(&s, i, lifetimes[i]);
        s.config.renew_before = 30 * DAY;
        sim_run(&s, SIM_START + 3 * YEAR);
        assert_intervals(&s, 433, 500);
        sim_clear(&s);
    }
}

/* The CA fails in the worst moment, for hours and for days, in each way it can. */
static void test_outages_within_the_slack(void **state)
{
    static const enum err_class classes[] = {ERR_CLASS_NETWORK, ERR_CLASS_TRANSIENT, ERR_CLASS_RATE_LIMITED};

    (void)state;
    for (unsigned n = 0; n < 240; n++) {
        struct sim s;
        int64_t length;

        sim_init(&s, n, lifetimes[n % N_LIFETIMES]);
        s.down_class = classes[n / 4 % 3];
        s.crash_one_in = n % 2 != 0 ? 5 : 0;
        s.retry_after = n % 5 == 0 ? 2 * HOUR : 0;
        length = n % 3 == 0 ? 8 * HOUR : s.lifetime / 4;
        for (int outage = 0; outage < 10; outage++) {
            s.down_from = s.now + s.lifetime * (n % 7) / 7;
            s.down_until = s.down_from + length;
            sim_run(&s, s.down_until + s.lifetime);
        }
        assert_true(s.least_left > 0);
        sim_clear(&s);
    }
}

/* Longer than the slack: it expires, and is back soon after the CA is. */
static void test_an_outage_beyond_the_slack(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 40; n++) {
        struct sim s;
        unsigned before;

        sim_init(&s, n, lifetimes[n % N_LIFETIMES]);
        s.down_class = n % 2 != 0 ? ERR_CLASS_NETWORK : ERR_CLASS_TRANSIENT;
        sim_run(&s, SIM_START + DAY);
        s.down_from = s.now;
        s.down_until = s.now + 2 * s.lifetime;
        sim_run(&s, s.down_until);
        before = s.n_issued;
        sim_run(&s, s.down_until + (n % 2 != 0 ? HOUR : 6 * HOUR + 60));
        assert_true(s.least_left < 0);
        assert_int_equal(s.n_issued, before + 1);
        sim_clear(&s);
    }
}

/* FAULTS 13 */
static void test_thirty_days_of_failure(void **state)
{
    (void)state;
    for (int kind = ERR_CLASS_NONE; kind < ERR_CLASS_COUNT; kind++) {
        for (unsigned with = 0; with < 8; with++) {
            struct sim s;

            sim_init(&s, with, with % 2 != 0 ? 160 * HOUR : 90 * DAY);
            if (with & 2)
                sim_run(&s, SIM_START + s.lifetime / 3);
            s.down_class = (enum err_class)kind;
            s.down_from = s.now;
            s.down_until = INT64_MAX;
            s.retry_after = with & 4 ? INT64_C(1) << 40 : 0;
            s.journal.attempts = with & 4 ? UINT_MAX - 3 : 0;
            sim_run(&s, s.now + s.lifetime / 3 + 30 * DAY);
            assert_in_range(s.n_attempted, 25, 6000);
            sim_clear(&s);
        }
    }
}

/* A restart at any moment changes nothing: all that counts is in the journal and the certificate. */
static void test_restarts_change_nothing(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 40; n++) {
        struct sim a;
        struct sim b;

        sim_init(&a, n, lifetimes[n % N_LIFETIMES]);
        sim_init(&b, n, lifetimes[n % N_LIFETIMES]);
        a.down_class = b.down_class = n % 2 != 0 ? ERR_CLASS_TRANSIENT : ERR_CLASS_NETWORK;
        a.down_from = b.down_from = SIM_START + a.lifetime / 2;
        a.down_until = b.down_until = SIM_START + a.lifetime;
        b.restart_one_in = 2;
        sim_run(&a, SIM_START + YEAR);
        sim_run(&b, SIM_START + YEAR);
        assert_int_equal(a.n_attempted, b.n_attempted);
        assert_memory_equal(a.attempted, b.attempted, a.n_attempted * sizeof a.attempted[0]);
        assert_int_equal(a.n_issued, b.n_issued);
        assert_memory_equal(a.issued, b.issued, a.n_issued * sizeof a.issued[0]);
        sim_clear(&a);
        sim_clear(&b);
    }
}

/* A CA whose certificates are old when they are new: never a loop (its real lifetime is what is left). */
static void test_a_ca_that_backdates(void **state)
{
    struct sim s;

    (void)state;
    sim_init(&s, 1, 90 * DAY);
    s.backdate = 80 * DAY;
    sim_run(&s, SIM_START + YEAR);
    assert_true(s.n_issued >= 365 / 10 && s.n_issued <= 365 * 4 / 10 + 1);
    assert_true(s.least_left > 0);
    sim_clear(&s);
}

/* A CA whose certificates have expired already: an hour at least between two of them. */
static void test_a_ca_in_the_past(void **state)
{
    struct sim s;

    (void)state;
    sim_init(&s, 1, 90 * DAY);
    s.backdate = 91 * DAY;
    sim_run(&s, SIM_START + 10 * DAY);
    assert_true(s.n_issued <= 241);
    sim_clear(&s);
}

static void test_names_that_flap(void **state)
{
    static char *two[] = {(char *)"a.example", (char *)"b.example"};
    struct sim s;

    (void)state;
    sim_init(&s, 1, 90 * DAY);
    for (unsigned i = 0; i < 6 * 24; i++) {
        s.config.domains = (struct strv){two, 1 + i % 2};
        sim_run(&s, s.now + 600);
    }
    assert_true(s.n_issued <= 25);
    sim_clear(&s);
}

/* A fleet issued within one second is not renewed within one hour. */
static void test_a_fleet_spreads(void **state)
{
    enum { FLEET = 2000 };
    static unsigned hours[100 * 24];
    struct sim s;

    (void)state;
    for (unsigned i = 0; i < FLEET; i++) {
        char name[16];

        sim_init(&s, 1, 90 * DAY);
        snprintf(name, sizeof name, "n%u", i);
        s.config.name = name;
        sim_run(&s, SIM_START + 70 * DAY);
        assert_int_equal(s.n_issued, 2);
        hours[(s.issued[1] - SIM_START) / HOUR]++;
        sim_clear(&s);
    }
    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++)
        assert_true(hours[i] < FLEET / 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_quiet_years),
        cmocka_unit_test(test_renew_before_beyond_the_lifetime),
        cmocka_unit_test(test_outages_within_the_slack),
        cmocka_unit_test(test_an_outage_beyond_the_slack),
        cmocka_unit_test(test_thirty_days_of_failure),
        cmocka_unit_test(test_restarts_change_nothing),
        cmocka_unit_test(test_a_ca_that_backdates),
        cmocka_unit_test(test_a_ca_in_the_past),
        cmocka_unit_test(test_names_that_flap),
        cmocka_unit_test(test_a_fleet_spreads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
