/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/tally.h"

#include <string.h>

static struct journal journal;
static const struct status_input in = {.journal = &journal};

static void add(struct tally *t, const char *name, enum status_state state, int64_t next_at)
{
    const struct status_verdict v = {.state = state, .next_at = next_at};

    tally_add(t, name, &in, &v);
}

static void expect(const struct tally *t, const char *sentence)
{
    char text[TALLY_SENTENCE_MAX];

    tally_sentence(t, text, sizeof text);
    assert_string_equal(text, sentence);
}

static void test_nothing_and_one(void **state)
{
    struct tally t = {0};

    (void)state;
    expect(&t, "no certificates are configured");
    add(&t, "old.example", STATUS_UNMANAGED, 1);
    expect(&t, "no certificates are configured");
    add(&t, "a.example", STATUS_VALID, 1800000000);
    expect(&t, "1 certificate, valid; next renewal: a.example at 2027-01-15 08:00 UTC");
}

static void test_what_matters_comes_first(void **state)
{
    struct tally t = {0};

    (void)state;
    add(&t, "a.example", STATUS_VALID, 1800000000);
    add(&t, "b.example", STATUS_VALID, 1700000000);
    expect(&t, "2 certificates, all valid; next renewal: b.example at 2023-11-14 22:13 UTC");
    add(&t, "c.example", STATUS_FAILING, 1800000000);
    add(&t, "d.example", STATUS_ORDERING, 0);
    add(&t, "e.example", STATUS_EXPIRED, 0);
    journal.deployment.error.at = 1;
    add(&t, "f.example", STATUS_DEPLOYING, 1790000000);
    journal.deployment.error.at = 0;
    add(&t, "g.example", STATUS_DEPLOYING, 0);
    expect(&t, "7 certificates: 1 expired, 1 failing, 1 being ordered, 2 being deployed (1 after a failure), "
               "2 valid; next attempt: f.example at 2026-09-21 14:13 UTC; next renewal: b.example at "
               "2023-11-14 22:13 UTC");
}

static void test_valid_but_not_for_long(void **state)
{
    const struct status_input alarmed = {.journal = &journal, .alarm = "the account was ended"};
    const struct status_verdict v = {.state = STATUS_VALID, .next_at = 1800000000};
    struct tally t = {0};

    (void)state;
    tally_add(&t, "a.example", &alarmed, &v);
    expect(&t, "1 certificate, valid; 1 valid one cannot be renewed before you have seen to the account");
    tally_add(&t, "b.example", &alarmed, &v);
    add(&t, "c.example", STATUS_VALID, 1800000000);
    expect(&t,
           "3 certificates, all valid; 2 valid ones cannot be renewed before you have seen to the account; "
           "next renewal: c.example at 2027-01-15 08:00 UTC");
}

static void test_the_longest_fits(void **state)
{
    char name[CONFIG_NAME_MAX + 16], text[TALLY_SENTENCE_MAX];
    struct tally t = {0};

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int s = 0; s < STATUS_COUNT; s++)
        add(&t, name, (enum status_state)s, INT64_C(253402300799));
    for (int s = 0; s < STATUS_COUNT; s++)
        t.count[s] = 400000000;
    t.alarmed = 400000000;
    tally_sentence(&t, text, sizeof text);
    assert_non_null(strstr(text, "; next renewal: xxx"));
    assert_string_equal(text + strlen(text) - 4, " UTC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_and_one),
        cmocka_unit_test(test_what_matters_comes_first),
        cmocka_unit_test(test_valid_but_not_for_long),
        cmocka_unit_test(test_the_longest_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
