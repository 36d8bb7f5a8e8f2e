/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/log_limit.h"

/* Offers n records; returns how many were admitted. */
static unsigned offer(struct log_limit *l, unsigned n, size_t bytes, bool debug, int64_t now)
{
    unsigned admitted = 0;
    unsigned lost;

    for (unsigned i = 0; i < n; i++)
        admitted += log_limit_admit(l, log_limit_of_child(debug), bytes, now, &lost) ? 1 : 0;
    return admitted;
}

static void test_records(void **state)
{
    struct log_limit l = {0};
    unsigned lost = 99;

    (void)state;
    assert_int_equal(offer(&l, LOG_LIMIT_RECORDS, 10, false, 1000), LOG_LIMIT_RECORDS);
    assert_false(log_limit_admit(&l, log_limit_of_child(false), 10, 1000 + LOG_LIMIT_SPAN_S - 1, &lost));
    assert_int_equal(lost, 0);
    assert_int_equal(offer(&l, 41, 10, false, 1000 + LOG_LIMIT_SPAN_S - 1), 0);
    assert_true(log_limit_admit(&l, log_limit_of_child(false), 10, 1000 + LOG_LIMIT_SPAN_S, &lost));
    assert_int_equal(lost, 42);
    assert_true(log_limit_admit(&l, log_limit_of_child(false), 10, 1000 + LOG_LIMIT_SPAN_S, &lost));
    assert_int_equal(lost, 0); /* said once */
}

static void test_bytes(void **state)
{
    const unsigned fit = LOG_LIMIT_BYTES / 3000;
    struct log_limit l = {0};

    (void)state;
    assert_int_equal(offer(&l, fit + 5, 3000, false, 7), fit);
    assert_int_equal(l.dropped, 5);
}

/* The span begins with a record, not with the clock. */
static void test_quiet_times(void **state)
{
    struct log_limit l = {0};
    unsigned lost;

    (void)state;
    for (int64_t now = 5; now < 100000; now += 29) {
        assert_true(log_limit_admit(&l, log_limit_of_child(false), 100, now, &lost));
        assert_int_equal(lost, 0);
    }
}

static void test_debug(void **state)
{
    struct log_limit l = {0};

    (void)state;
    assert_int_equal(offer(&l, LOG_LIMIT_DEBUG * LOG_LIMIT_RECORDS + 1, 10, true, 0),
                     LOG_LIMIT_DEBUG * LOG_LIMIT_RECORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_quiet_times),
        cmocka_unit_test(test_debug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
