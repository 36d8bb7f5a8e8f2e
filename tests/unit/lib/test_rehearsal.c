/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#define NOW 1800000000
#define DAY 86400

static char *names[] = {(char *)"a.example", (char *)"b.example"};
static const struct config_ca trial = {.name = (char *)"trial"};
static const struct config_ca real = {.name = (char *)"real", .staging = &trial};
static const struct config_ca lonely = {.name = (char *)"lonely"};
static const struct config_ca *const cas[] = {&lonely, &real};

static struct config_certificate certificate(void)
{
    return (struct config_certificate){.name = (char *)"a.example",
                                       .domains = {names, 2},
                                       .cas = (const struct config_ca **)cas,
                                       .n_cas = 2,
                                       .rehearse = true};
}

static struct renewal_plan plan(enum renewal_reason reason)
{
    return (struct renewal_plan){.at = NOW, .reason = reason};
}

static void test_only_new_names(void **state)
{
    struct config_certificate c = certificate();
    struct cert_facts facts = {.not_before = NOW - 10 * DAY, .not_after = NOW + 80 * DAY};
    struct journal j;

    (void)state;
    journal_init(&j);
    for (enum renewal_reason r = RENEWAL_NOT_DUE; r <= RENEWAL_REQUESTED; r++) {
        struct renewal_plan p = plan(r);

        assert_int_equal(rehearsal_is_due(&c, &facts, &j, &p, NOW),
                         r == RENEWAL_MISSING || r == RENEWAL_NAMES);
    }
    journal_clear(&j);
}

static void test_what_is_proven_is_ordered(void **state)
{
    struct config_certificate c = certificate();
    struct renewal_plan p = plan(RENEWAL_MISSING);
    struct journal j;

    (void)state;
    journal_init(&j);
    assert_true(rehearsal_is_due(&c, NULL, &j, &p, NOW));
    assert_true(rehearsal_note(&j, &c));
    assert_true(rehearsal_note(&j, &c));
    assert_false(rehearsal_is_due(&c, NULL, &j, &p, NOW));
    c.domains.n = 1;
    assert_true(rehearsal_is_due(&c, NULL, &j, &p, NOW));
    c.domains.n = 2;
    journal_clear(&j);
}

static void test_an_order_in_flight_is_finished(void **state)
{
    struct config_certificate c = certificate();
    struct renewal_plan p = plan(RENEWAL_MISSING);
    struct journal j;

    (void)state;
    journal_init(&j);
    j.order_created = NOW - 5;
    assert_false(rehearsal_is_due(&c, NULL, &j, &p, NOW));
    journal_clear(&j);
}

static void test_no_certificate_expires_for_it(void **state)
{
    struct config_certificate c = certificate();
    struct cert_facts facts = {.not_before = NOW - 95 * DAY + 60, .not_after = NOW + 5 * DAY + 60};
    struct renewal_plan p = plan(RENEWAL_NAMES);
    struct journal j;

    (void)state;
    journal_init(&j);
    assert_true(rehearsal_is_due(&c, &facts, &j, &p, NOW));
    assert_false(rehearsal_is_due(&c, &facts, &j, &p, NOW + 120));
    assert_false(rehearsal_is_due(&c, &facts, &j, &p, NOW + 30 * DAY));
    journal_clear(&j);
}

static void test_not_wanted_or_not_possible(void **state)
{
    struct config_certificate c = certificate();
    struct renewal_plan p = plan(RENEWAL_MISSING);
    struct journal j;

    (void)state;
    journal_init(&j);
    c.rehearse = false;
    assert_false(rehearsal_is_due(&c, NULL, &j, &p, NOW));
    c.rehearse = true;
    c.n_cas = 1;
    assert_false(rehearsal_is_due(&c, NULL, &j, &p, NOW));
    journal_clear(&j);
}

static void test_it_survives_a_restart(void **state)
{
    struct config_certificate c = certificate();
    struct renewal_plan p = plan(RENEWAL_MISSING);
    struct journal j;
    struct journal read;
    struct err e;
    char *text;

    (void)state;
    journal_init(&j);
    journal_init(&read);
    assert_true(rehearsal_note(&j, &c));
    text = journal_to_json(&j);
    assert_non_null(text);
    assert_true(journal_from_json(&read, text, strlen(text), &e));
    assert_false(rehearsal_is_due(&c, NULL, &read, &p, NOW));
    free(text);
    journal_clear(&read);
    journal_clear(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_new_names),
        cmocka_unit_test(test_what_is_proven_is_ordered),
        cmocka_unit_test(test_an_order_in_flight_is_finished),
        cmocka_unit_test(test_no_certificate_expires_for_it),
        cmocka_unit_test(test_not_wanted_or_not_possible),
        cmocka_unit_test(test_it_survives_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
