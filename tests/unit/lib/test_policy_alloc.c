/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/ari.h"
#include "lib/journal.h"
#include "lib/status.h"
#include "lib/varlink.h"
#include "tests/unit/alloc_fail.h"

#include <stdlib.h>
#include <string.h>

static char *names[] = {(char *)"a.example", (char *)"b.example"};

static void fill(struct journal *j)
{
    struct err e;

    journal_init(j);
    err_set(&e, ERR_CLASS_TRANSIENT, "503");
    journal_error_set(&j->error, &e, 5);
    journal_error_set(&j->deployment.error, &e, 6);
    j->deployment.note = strdup("a note");
    j->order_created = 7;
    j->order_url = strdup("https://ca.example/1");
    j->order_ca = strdup("ca");
    j->order_directory = strdup("https://ca.example/dir");
    j->order_names = strdup("a.example");
    j->order_key_type = strdup("ecdsa-p256");
    j->issued_directory = strdup("https://ca.example/dir");
    j->issued_profile = strdup("short");
    j->ari = (struct journal_ari){
        .next_poll = 8, .id = strdup("a.b"), .explanation = strdup("https://x.example"), .end = 9};
    journal_alarm_set(j, "https://ca.example/dir", "no more", 4);
    j->issued[0] = 3;
}

static void test_journal(void **state)
{
    struct journal j;
    struct journal back;
    struct err e;
    char *text = NULL;
    bool ok = false;

    (void)state;
    fill(&j);
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        text = journal_to_json(&j);
        if (!alloc_fail_end())
            break;
        assert_null(text);
    }
    for (size_t n = 1;; n++) {
        journal_init(&back);
        alloc_fail_at(n);
        ok = journal_from_json(&back, text, strlen(text), &e);
        if (!alloc_fail_end())
            break;
        assert_false(ok);
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_null(back.order_url);
    }
    assert_true(ok);
    journal_clear(&back);
    journal_clear(&j);
    free(text);
}

static void test_status(void **state)
{
    struct config_certificate c = {.name = names[0], .domains = {names, 2}};
    struct cert_facts f = {.names = {names, 2}, .issuer = names[0], .serial = names[0], .not_after = 100};
    struct renewal_plan p = {.at = 50, .reason = RENEWAL_LIFETIME};
    struct status_input in = {.config = &c, .facts = &f, .plan = &p, .now = 10};
    struct status_certificate s;
    struct journal j;
    struct err e;
    json_t *o = NULL;
    bool ok = false;

    (void)state;
    fill(&j);
    in.journal = &j;
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        ok = status_certificate_fill(&s, "a.example", &in, &e);
        if (!alloc_fail_end())
            break;
        assert_false(ok);
        assert_null(s.name);
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    }
    s.generations = (struct record_list){calloc(2, sizeof(struct status_generation)), 2};
    assert_non_null(s.generations.v);
    ((struct status_generation *)s.generations.v)[1].error = strdup("it is gone");
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        o = status_certificate_to_json(&s);
        if (!alloc_fail_end())
            break;
        assert_null(o);
    }
    status_certificate_clear(&s);
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        ok = status_certificate_from_json(&s, o, &e);
        if (!alloc_fail_end())
            break;
        assert_false(ok);
    }
    assert_true(ok);
    status_certificate_clear(&s);
    json_decref(o);
    journal_clear(&j);
}

static void test_ari(void **state)
{
    static const char body[] = "{\"suggestedWindow\": {\"start\": \"1970-01-01T00:00:10Z\", \"end\": "
                               "\"1970-01-01T00:00:20Z\"}, \"explanationURL\": \"https://ca.example/why\"}";
    const struct http_reply reply = {
        .status = 200, .body = body, .body_len = sizeof body - 1, .retry_after = -1};
    const struct cert_facts f = {.ari_id = names[0], .not_after = 86400};
    struct journal_ari a = {0};
    enum ari_outcome outcome = ARI_OUTCOME_FAILED;
    struct err e;
    char *url;

    (void)state;
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        outcome = ari_polled(&a, &f, &reply, 3, 5, &e);
        if (!alloc_fail_end())
            break;
        assert_int_equal(outcome, ARI_OUTCOME_FAILED);
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_false(ari_applies(&a, &f));
    }
    assert_int_equal(outcome, ARI_OUTCOME_CHANGED);
    alloc_fail_at(1);
    assert_false(ari_begin(&a, &f, 3, 5, &e));
    assert_true(alloc_fail_end());
    alloc_fail_at(1);
    assert_false(ari_refused(&a, &f, 5, &e));
    assert_true(alloc_fail_end());
    alloc_fail_at(1);
    url = ari_url("https://ca.example", "a.b");
    assert_true(alloc_fail_end());
    assert_null(url);
    journal_ari_clear(&a);
}

static void test_varlink(void **state)
{
    static const char text[] = "{\"method\":\"a.b\"}";
    struct varlink_call c = {0};
    struct err e;
    bool ok = false;

    (void)state;
    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        ok = varlink_call_parse(&c, text, sizeof text - 1, &e);
        if (!alloc_fail_end())
            break;
        assert_false(ok);
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_null(c.method);
    }
    assert_true(ok);
    varlink_call_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_ari),
        cmocka_unit_test(test_varlink),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
