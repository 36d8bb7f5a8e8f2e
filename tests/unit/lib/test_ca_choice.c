/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/ca_choice.h"

#include <string.h>

#define NOW    INT64_C(1800000000)
#define MINUTE 60
#define DAY    86400

static struct config_ca first = {.name = (char *)"first"};
static struct config_ca second = {.name = (char *)"second"};
static const struct config_ca *both[] = {&first, &second};
static const struct config_certificate two = {.cas = both, .n_cas = 2, .ca = &first};
static const struct config_certificate one = {.cas = both, .n_cas = 1, .ca = &first};
/* 90 days, 30 of them left: renewal is due now. */
static const struct cert_facts live = {.not_before = NOW - 60 * DAY, .not_after = NOW + 30 * DAY};

static int64_t patience(const struct ca_choice *ch, const struct cert_facts *f, struct ca_trouble t,
                        int64_t now)
{
    return ca_choice_patience(ch, &two, f, NOW, &t, now);
}

static void test_slack_decides(void **state)
{
    const struct ca_trouble away = {.class = ERR_CLASS_NETWORK};
    struct ca_choice ch = {0};

    (void)state;
    ca_choice_failing(&ch, NOW);
    ca_choice_failing(&ch, NOW + DAY); /* the first failure counts */
    assert_int_equal(ch.since, NOW);
    assert_int_equal(patience(&ch, &live, away, NOW + DAY), NOW + 15 * DAY);
    assert_int_equal(patience(&ch, &live, away, NOW + 16 * DAY), NOW + 15 * DAY);
    /* Late already: a quarter of an hour is given all the same. */
    ch.since = NOW + 20 * DAY;
    assert_int_equal(patience(&ch, &live, away, ch.since), ch.since + 15 * MINUTE);
    ca_choice_clear(&ch);
}

static void test_a_distant_moment_is_not_waited_for(void **state)
{
    const struct ca_choice ch = {0};

    (void)state;
    assert_int_equal(patience(&ch, &live, (struct ca_trouble){ERR_CLASS_RATE_LIMITED, NOW + DAY, false}, NOW),
                     NOW + 15 * DAY);
    assert_int_equal(
        patience(&ch, &live, (struct ca_trouble){ERR_CLASS_RATE_LIMITED, NOW + 23 * DAY, false}, NOW), NOW);
}

static void test_without_a_certificate(void **state)
{
    static const struct cert_facts expired = {.not_before = NOW - 90 * DAY, .not_after = NOW - 1};
    const struct cert_facts *none[] = {NULL, &expired};
    struct ca_choice ch = {.at = NOW - 10 * MINUTE, .since = NOW - 10 * MINUTE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct cert_facts *f = none[i];

        assert_int_equal(patience(&ch, f, (struct ca_trouble){.class = ERR_CLASS_TRANSIENT}, NOW),
                         NOW + 5 * MINUTE);
        assert_int_equal(
            patience(&ch, f, (struct ca_trouble){ERR_CLASS_RATE_LIMITED, NOW + 60 * MINUTE, false}, NOW),
            NOW);
        /* A thousand new certificates go by the CA's pace, not to another one. */
        assert_true(patience(&ch, f, (struct ca_trouble){ERR_CLASS_RATE_LIMITED, NOW + 60 * MINUTE, true},
                             NOW) == CA_CHOICE_NEVER);
    }
}

static void test_kinds_of_error(void **state)
{
    const struct ca_trouble refusal = {.class = ERR_CLASS_PERMANENT};
    const struct ca_trouble ours = {.class = ERR_CLASS_INTERNAL};
    const struct ca_choice ch = {0};

    (void)state;
    assert_int_equal(patience(&ch, &live, refusal, NOW), NOW);
    assert_true(patience(&ch, &live, ours, NOW) == CA_CHOICE_NEVER);
    assert_true(ca_choice_patience(&ch, &one, &live, NOW, &refusal, NOW) == CA_CHOICE_NEVER);
}

static void test_passing_over_and_back(void **state)
{
    const struct ca_trouble refusal = {.class = ERR_CLASS_PERMANENT};
    const struct ca_trouble away = {.class = ERR_CLASS_NETWORK};
    struct ca_choice ch = {0};
    bool again = true;

    (void)state;
    assert_ptr_equal(ca_choice_now(&ch, &two, NOW, &again), &first);
    assert_false(again);
    assert_true(ca_choice_pass(&ch, &first, &refusal, NOW));
    assert_ptr_equal(ca_choice_now(&ch, &two, NOW, &again), &second);
    assert_false(again);
    assert_int_equal(ch.since, 0); /* the second one starts afresh */
    assert_true(ca_choice_pass(&ch, &second, &away, NOW + 60));
    assert_int_equal(ch.passed.n, 2);
    assert_ptr_equal(ca_choice_now(&ch, &two, NOW + 60, &again), &second); /* comes back first */
    assert_true(again);
    assert_ptr_equal(ca_choice_now(&ch, &two, NOW + DAY, &again), &first);
    assert_false(again);
    /* Written by a clock that was years ahead. */
    assert_ptr_equal(ca_choice_now(&ch, &two, NOW - 1000 * DAY, NULL), &first);
    ca_choice_clear(&ch);
    assert_ptr_equal(ca_choice_now(&ch, &two, NOW, NULL), &first);
}

static void test_names_of_an_older_configuration_give_way(void **state)
{
    const struct ca_trouble refusal = {.class = ERR_CLASS_PERMANENT};
    struct ca_choice ch = {.at = NOW};
    char name[] = "old0";

    (void)state;
    for (size_t i = 0; i < CONFIG_CAS_MAX; i++, name[3]++) {
        assert_true(strv_add(&ch.passed, name));
        ch.until[i] = NOW + 100;
    }
    assert_true(ca_choice_pass(&ch, &first, &refusal, NOW));
    assert_int_equal(ch.passed.n, 1);
    assert_ptr_equal(ca_choice_now(&ch, &two, NOW, NULL), &second);
    ca_choice_clear(&ch);
}

static void test_journalled(void **state)
{
    const struct ca_trouble refusal = {.class = ERR_CLASS_PERMANENT};
    struct ca_choice ch = {0};
    struct ca_choice back = {0};
    struct err e;
    json_t *j;

    (void)state;
    assert_true(ca_choice_pass(&ch, &first, &refusal, NOW));
    j = record_to_json(&ca_choice_record, &ch);
    assert_true(record_from_json(&ca_choice_record, &back, j, &e));
    assert_ptr_equal(ca_choice_now(&back, &two, NOW, NULL), &second);
    json_decref(j);
    ca_choice_clear(&ch);
    ca_choice_clear(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slack_decides),
        cmocka_unit_test(test_a_distant_moment_is_not_waited_for),
        cmocka_unit_test(test_without_a_certificate),
        cmocka_unit_test(test_kinds_of_error),
        cmocka_unit_test(test_passing_over_and_back),
        cmocka_unit_test(test_names_of_an_older_configuration_give_way),
        cmocka_unit_test(test_journalled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
