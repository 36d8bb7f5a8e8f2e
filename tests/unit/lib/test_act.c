/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/act.h"
#include "lib/revoked.h"
#include "lib/varlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL(name) "org.acmed.Control." name

static bool parse(struct act *a, const char *method, const char *parameters, const char **wrong)
{
    json_t *j = json_loads(parameters, 0, NULL);
    bool ok;

    assert_non_null(j);
    ok = act_parse(a, method, j, wrong);
    json_decref(j);
    return ok;
}

static void test_calls(void **state)
{
    const char *wrong;
    struct act a;

    (void)state;
    assert_true(parse(&a, CALL("Revoke"), "{\"name\":\"a.example\"}", &wrong));
    assert_int_equal(a.kind, ACT_REVOKE);
    assert_string_equal(a.subject, "a.example");
    assert_int_equal(a.generation, 0);
    assert_int_equal(a.reason, ACT_REASON_UNSPECIFIED);
    assert_true(parse(&a, CALL("Revoke"),
                      "{\"name\":\"a.example\",\"generation\":7,\"reason\":\"key-compromise\"}", &wrong));
    assert_int_equal(a.generation, 7);
    assert_int_equal(a.reason, ACT_REASON_KEY_COMPROMISE);
    assert_true(parse(&a, CALL("Rollback"), "{\"name\":\"a\",\"generation\":null,\"reason\":\"x\"}", &wrong));
    assert_int_equal(a.kind, ACT_ROLLBACK);
    assert_int_equal(a.reason, 0);
    assert_true(parse(&a, CALL("AccountRollover"), "{\"ca\":\"letsencrypt\",\"generation\":3}", &wrong));
    assert_int_equal(a.kind, ACT_ROLLOVER);
    assert_int_equal(a.generation, 0);
    assert_true(parse(&a, CALL("AccountDeactivate"), "{\"ca\":\"letsencrypt\"}", &wrong));
    assert_string_equal(a.subject, "letsencrypt");
}

static void test_what_is_wrong(void **state)
{
    static const struct {
        const char *method;
        const char *parameters;
        const char *wrong;
    } rows[] = {
        {CALL("Renew"), "{\"name\":\"a\"}", "method"},
        {CALL("revoke"), "{\"name\":\"a\"}", "method"},
        {"Revoke", "{\"name\":\"a\"}", "method"},
        {CALL("Revoke"), "{}", "name"},
        {CALL("Revoke"), "{\"name\":\"\"}", "name"},
        {CALL("Revoke"), "{\"name\":7}", "name"},
        {CALL("Revoke"), "{\"ca\":\"a\"}", "name"},
        {CALL("AccountRollover"), "{\"name\":\"a\"}", "ca"},
        {CALL("Revoke"), "{\"name\":\"a\",\"generation\":0}", "generation"},
        {CALL("Revoke"), "{\"name\":\"a\",\"generation\":-1}", "generation"},
        {CALL("Revoke"), "{\"name\":\"a\",\"generation\":1000000000}", "generation"},
        {CALL("Revoke"), "{\"name\":\"a\",\"generation\":\"1\"}", "generation"},
        {CALL("Rollback"), "{\"name\":\"a\",\"generation\":1.5}", "generation"},
        {CALL("Revoke"), "{\"name\":\"a\",\"reason\":\"keyCompromise\"}", "reason"},
        {CALL("Revoke"), "{\"name\":\"a\",\"reason\":1}", "reason"},
        {CALL("Revoke"), "{\"name\":\"a\",\"reason\":\"\"}", "reason"},
    };
    char long_name[400];
    const char *wrong = "";
    struct act a = {.generation = 99};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(parse(&a, rows[i].method, rows[i].parameters, &wrong));
        assert_string_equal(wrong, rows[i].wrong);
        assert_int_equal(a.generation, 99);
    }
    (void)snprintf(long_name, sizeof long_name, "{\"name\":\"%0300d\"}", 7);
    assert_false(parse(&a, CALL("Revoke"), long_name, &wrong));
    assert_string_equal(wrong, "name");
    json_t *nul = json_pack("{ss%}", "name", "a\0b", (size_t)3);
    assert_false(act_parse(&a, CALL("Revoke"), nul, &wrong));
    json_decref(nul);
}

static void test_numbers_of_a_message(void **state)
{
    (void)state;
    assert_true(act_valid(ACT_REVOKE, 7, ACT_REASON_SUPERSEDED));
    assert_true(act_valid(ACT_ROLLBACK, 7, 0));
    assert_false(act_valid(ACT_ROLLBACK, 7, ACT_REASON_SUPERSEDED));
    assert_false(act_valid(ACT_ROLLOVER, 7, 0));
    assert_false(act_valid(ACT_DEACTIVATE, 0, 1));
    assert_false(act_valid(ACT_COUNT, 0, 0));
    assert_false(act_valid(UINT64_MAX, 0, 0));
    assert_false(act_valid(ACT_REVOKE, UINT64_MAX, 0));
    assert_false(act_valid(ACT_REVOKE, 0, 7)); /* not assigned */
    assert_false(act_valid(ACT_REVOKE, 0, 8)); /* removeFromCRL is no revocation */
}

/* What is said to exist exists, and every act is a method that needs a grant. */
static void test_names(void **state)
{
    static const char *const no_reasons[] = {
        "", "-", "key", "key-compromised", "key--compromise", "removeFromCRL"};
    char all[256];
    uint64_t reason;
    size_t n = 0;

    (void)state;
    (void)snprintf(all, sizeof all, "%s", act_reasons());
    for (char *save = NULL, *name = strtok_r(all, " ", &save); name != NULL;
         name = strtok_r(NULL, " ", &save)) {
        assert_true(act_reason_from_str(name, &reason));
        assert_string_equal(act_reason_to_str(reason), name);
        n++;
    }
    assert_int_equal(n, 9);
    assert_string_equal(act_reason_meant("keyCompromise"), "key-compromise");
    assert_string_equal(act_reason_meant("cACompromise"), "ca-compromise");
    assert_string_equal(act_reason_meant("superseded"), "superseded");
    for (size_t i = 0; i < sizeof no_reasons / sizeof no_reasons[0]; i++)
        assert_null(act_reason_meant(no_reasons[i]));
    assert_null(act_reason_to_str(7));
    assert_null(act_reason_to_str(UINT64_MAX));
    assert_int_equal(varlink_find_method(CALL("Revoke"))->privilege, VARLINK_GRANT);
    assert_int_equal(varlink_find_method(CALL("Rollback"))->privilege, VARLINK_GRANT);
}

static void test_revoked(void **state)
{
    struct revoked r = {0};
    struct revoked back = {0};
    struct err e;
    char *text;

    (void)state;
    revoked_set(&r, 3, ACT_REASON_KEY_COMPROMISE, 0);
    revoked_set(&r, 5, ACT_REASON_SUPERSEDED, 1800000000);
    revoked_set(&r, 3, ACT_REASON_KEY_COMPROMISE, 1800000001);
    assert_true(revoked_add_key(&r, "abc"));
    assert_true(revoked_add_key(&r, "abc"));
    text = revoked_to_json(&r);
    assert_true(revoked_from_json(&back, text, strlen(text), &e));
    assert_int_equal(back.n, 2);
    assert_int_equal(back.keys.n, 1);
    assert_int_equal(revoked_find(&back, 3)->at, 1800000001);
    assert_int_equal(revoked_find(&back, 5)->reason, ACT_REASON_SUPERSEDED);
    assert_null(revoked_find(&back, 4));
    assert_true(revoked_has_key(&back, "abc"));
    assert_false(revoked_has_key(&back, "ab"));
    free(text);
    /* Bounded: the oldest go. */
    for (uint64_t i = 1; i <= REVOKED_MAX + 10; i++) {
        char key[16];

        revoked_set(&r, 100 + i, 0, 1);
        (void)snprintf(key, sizeof key, "k%u", (unsigned)i);
        assert_true(revoked_add_key(&r, key));
    }
    assert_int_equal(r.n, REVOKED_MAX);
    assert_int_equal(r.keys.n, REVOKED_MAX);
    assert_null(revoked_find(&r, 3));
    assert_non_null(revoked_find(&r, 100 + REVOKED_MAX + 10));
    text = revoked_to_json(&r);
    assert_true(strlen(text) < REVOKED_FILE_MAX);
    free(text);
    revoked_clear(&back);
    revoked_clear(&r);
}

static void test_revoked_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"generations\":[],\"keys\":{}}",
        "{\"generations\":[1],\"keys\":[]}",
        "{\"generations\":[{\"generation\":1,\"reason\":\"x\",\"at\":1}],\"keys\":[]}",
        "{\"generations\":[{\"generation\":0,\"reason\":\"superseded\",\"at\":1}],\"keys\":[]}",
        "{\"generations\":[{\"generation\":1,\"reason\":\"superseded\",\"at\":-1}],\"keys\":[]}",
        "{\"generations\":[],\"keys\":[1]}",
    };
    struct revoked r = {0};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(revoked_from_json(&r, bad[i], strlen(bad[i]), &e));
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_int_equal(r.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_numbers_of_a_message),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_revoked_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
