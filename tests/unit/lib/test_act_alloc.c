/* SPDX-License-Identifier: MIT */
/* What is noted of revocations, and what a journal notes of accounts and issuers, when memory runs out. */

#include "tests/unit/alloc_fail.h"
#include "tests/unit/test.h"

#include "lib/act.h"
#include "lib/journal.h"
#include "lib/revoked.h"

#include <stdlib.h>
#include <string.h>

#define NOTES                                                                                                \
    "{\"generations\": [{\"generation\": 3, \"reason\": \"superseded\", \"at\": 17}],"                       \
    " \"keys\": [\"one\", \"two\"]}"

static void test_notes_of_revocations(void **state)
{
    struct revoked r = {0};
    struct revoked untouched = {0};
    struct err e;
    bool ok = false;

    (void)state;
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        ok = revoked_from_json(&r, NOTES, strlen(NOTES), &e);
        if (!alloc_fail_end())
            break;
        assert_false(ok);
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_memory_equal(&r, &untouched, sizeof r);
    }
    assert_true(ok);
    assert_int_equal(revoked_find(&r, 3)->at, 17);
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        ok = revoked_add_key(&r, "three");
        if (!alloc_fail_end())
            break;
        assert_false(ok);
        assert_false(revoked_has_key(&r, "three"));
        assert_true(revoked_has_key(&r, "two"));
    }
    assert_true(ok);
    assert_true(revoked_has_key(&r, "three"));
    revoked_clear(&r);
}

/* Neither a call nor its check allocates: an act cannot be misread for want of memory. */
static void test_acts(void **state)
{
    json_t *call = json_pack("{ss ss}", "name", "a.example", "reason", "superseded");
    const char *wrong;
    struct act a;

    (void)state;
    alloc_fail_from(1);
    assert_true(act_parse(&a, "org.acmed.Control.Revoke", call, &wrong));
    assert_non_null(act_reasons());
    assert_false(alloc_fail_end());
    assert_int_equal(a.reason, ACT_REASON_SUPERSEDED);
    json_decref(call);
}

static void test_alarm(void **state)
{
    struct journal j;
    bool ok;

    (void)state;
    journal_init(&j);
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        ok = journal_alarm_set(&j, "https://ca.example/dir", "ended", 5);
        if (!alloc_fail_end())
            break;
        assert_false(ok);
        assert_int_equal(j.alarm.at, 0);
        assert_null(j.alarm.directory);
        assert_null(j.alarm.text);
    }
    assert_true(ok);
    assert_string_equal(j.alarm.text, "ended");
    journal_clear(&j);
}

/* Who issued a generation may be lost, never mistaken, and the issuance itself is noted. */
static void test_issuers(void **state)
{
    struct journal j;

    (void)state;
    for (size_t n = 1;; n++) {
        bool failed;

        journal_init(&j);
        j.order_directory = strdup("https://ca.example/dir");
        alloc_fail_at(n);
        journal_issued(&j, 4, NULL, 1800000000);
        failed = alloc_fail_end();
        assert_int_equal(j.issued_generation, 4);
        assert_string_equal(journal_issuer(&j, 4), "https://ca.example/dir");
        j.issued_generation = 5;
        if (failed)
            assert_null(journal_issuer(&j, 4));
        else
            assert_string_equal(journal_issuer(&j, 4), "https://ca.example/dir");
        journal_clear(&j);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes_of_revocations),
        cmocka_unit_test(test_acts),
        cmocka_unit_test(test_alarm),
        cmocka_unit_test(test_issuers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
