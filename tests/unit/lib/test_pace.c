/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/pace.h"

#define NOW    INT64_C(1800000000000)
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)

/* Twenty in ten seconds, a refusal, and one more after three minutes. Returns when that one began. */
static int64_t learn(struct pace *p)
{
    for (unsigned i = 0; i < 20; i++) {
        assert_true(pace_next(p, NOW) <= NOW);
        pace_started(p, NOW + i * SECOND / 2);
        pace_taken(p);
    }
    pace_started(p, NOW + 10 * SECOND);
    pace_refused(p);
    pace_started(p, NOW + 190 * SECOND);
    pace_reopened(p);
    pace_taken(p);
    return NOW + 190 * SECOND;
}

/* A tenth slower than what the CA took, from the first order to the one it took again. */
static void test_measure(void **state)
{
    struct pace p = {0};
    int64_t now = learn(&p);

    (void)state;
    assert_int_equal(p.interval, 190 * SECOND / 20 * 11 / 10);
    assert_int_equal(pace_next(&p, now), now + p.interval);
    pace_refused(&p);
    assert_int_equal(pace_next(&p, now), now); /* whoever goes next is the gate's matter */
    pace_started(&p, now + 180 * SECOND);
    pace_reopened(&p);
    assert_int_equal(p.interval, 198 * SECOND); /* one order, for which it wanted three minutes */
    pace_reopened(&p);
    assert_int_equal(p.interval, 198 * SECOND);
}

static void test_refused_at_once(void **state)
{
    struct pace p = {0};

    (void)state;
    pace_started(&p, NOW);
    pace_refused(&p);
    pace_started(&p, NOW + 100 * SECOND);
    pace_reopened(&p);
    assert_int_equal(p.interval, 110 * SECOND);
}

/* It is raised: fast after the first measure, by a hundredth at first later; until it is no limit. */
static void test_raise(void **state)
{
    struct pace p = {0};
    int64_t now = learn(&p);
    int64_t before = p.interval;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        pace_taken(&p);
    assert_int_equal(p.interval, before - before / 10);
    pace_refused(&p);
    pace_started(&p, now + 1000 * SECOND);
    pace_reopened(&p);
    before = p.interval;
    for (unsigned i = 0; i < 15; i++)
        pace_taken(&p);
    assert_int_equal(p.interval, before);
    pace_taken(&p);
    assert_int_equal(p.interval, before - before / 100);
    for (unsigned i = 0; i < 10000; i++)
        pace_taken(&p);
    assert_int_equal(p.interval, 0);
    assert_int_equal(pace_next(&p, now), now);
}

/* Time in which nobody ordered is no evidence of what the CA bears; after a day all is forgotten; so it is
 * when the clock is set back. */
static void test_idle(void **state)
{
    struct pace p = {0};
    int64_t now = learn(&p);
    int64_t interval = p.interval;

    (void)state;
    pace_started(&p, now + 20 * HOUR);
    pace_taken(&p);
    pace_refused(&p);
    pace_started(&p, now + 20 * HOUR + 100 * SECOND);
    pace_reopened(&p);
    assert_in_range(p.interval, interval, 100 * SECOND);
    now += 20 * HOUR + 100 * SECOND;
    assert_true(pace_next(&p, now + 1) > now + 1);
    assert_int_equal(pace_next(&p, now + 25 * HOUR), now + 25 * HOUR);
    assert_int_equal(pace_next(&p, now - HOUR), now - HOUR);
    pace_started(&p, now - HOUR);
    assert_int_equal(p.interval, 0);
    assert_int_equal(p.since, now - HOUR);
}

/* What goes faster than once a second may go together. */
static void test_fast(void **state)
{
    struct pace p = {0};

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        pace_started(&p, NOW);
        pace_taken(&p);
    }
    pace_refused(&p);
    pace_started(&p, NOW + 10 * SECOND);
    pace_reopened(&p);
    assert_int_equal(p.interval, 220);
    for (unsigned n = 0; n < 4; n++) {
        assert_true(pace_next(&p, NOW + 10 * SECOND) <= NOW + 10 * SECOND);
        pace_started(&p, NOW + 10 * SECOND);
    }
    assert_true(pace_next(&p, NOW + 10 * SECOND) > NOW + 10 * SECOND);
}

/* After a restart: the same pace, a measure that others have followed, and no more than a day old. */
static void test_recalled(void **state)
{
    struct pace p = {0};

    (void)state;
    pace_recall(&p, 10 * SECOND, NOW);
    assert_int_equal(pace_next(&p, NOW), NOW + 10 * SECOND);
    pace_started(&p, NOW + 10 * SECOND);
    for (unsigned n = 0; n < 15; n++)
        pace_taken(&p);
    assert_int_equal(p.interval, 10 * SECOND);
    pace_taken(&p);
    assert_int_equal(p.interval, 10 * SECOND - 10 * SECOND / 100);
    pace_recall(&p, 10 * SECOND, NOW);
    assert_int_equal(pace_next(&p, NOW + 25 * 3600 * SECOND), NOW + 25 * 3600 * SECOND);
    pace_recall(&p, 1, NOW);
    assert_in_range(p.interval, 50, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measure), cmocka_unit_test(test_refused_at_once),
        cmocka_unit_test(test_raise),   cmocka_unit_test(test_idle),
        cmocka_unit_test(test_fast),    cmocka_unit_test(test_recalled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
