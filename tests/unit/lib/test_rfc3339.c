/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/rfc3339.h"

static void test_moments(void **state)
{
    static const struct {
        const char *text;
        int64_t t;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-25T22:30:00Z", 1795645800},
        {"2026-11-25t22:30:00z", 1795645800},
        {"2026-11-25T22:30:00.123456789Z", 1795645800},
        {"2026-11-25T23:30:00+01:00", 1795645800},
        {"2026-11-25T17:00:00-05:30", 1795645800},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"2000-02-29T00:00:00Z", 951782400},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799)},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t t = 1;

        if (!rfc3339_parse(rows[i].text, &t) || t != rows[i].t)
            fail_msg("%s gives %lld", rows[i].text, (long long)t);
    }
}

static void test_none(void **state)
{
    static const char *const rows[] = {
        "",
        "2026-11-25",
        "2026-11-25T22:30:00",
        "2026-11-25 22:30:00Z",
        "2026-11-25T22:30Z",
        "2026-11-25T22:30:00.Z",
        "2026-11-25T22:30:00ZZ",
        "2026-11-25T22:30:00+0100",
        "2026-11-25T22:30:00+24:00",
        "2026-11-25T22:30:00+01:60",
        "2026-11-25T22:30:00+01:00Z",
        "2026-11-25T24:00:00Z",
        "2026-11-25T22:60:00Z",
        "2026-11-25T22:30:61Z",
        "2026-13-25T22:30:00Z",
        "2026-00-25T22:30:00Z",
        "2026-11-31T22:30:00Z",
        "2026-11-00T22:30:00Z",
        "2026-02-29T22:30:00Z",
        "1900-02-29T22:30:00Z",
        "-026-11-25T22:30:00Z",
        "+2026-11-25T22:30:00Z",
        " 2026-11-25T22:30:00Z",
        "26-11-25T22:30:00Z",
        "10000-01-01T00:00:00Z",
        "2026-1 -25T22:30:00Z",
        "1795645800",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t t = 7;

        if (rfc3339_parse(rows[i], &t))
            fail_msg("%s gives %lld", rows[i], (long long)t);
        assert_int_equal(t, 7);
    }
    assert_false(rfc3339_parse(NULL, &(int64_t){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
