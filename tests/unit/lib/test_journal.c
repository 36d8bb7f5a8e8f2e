/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/acme.h"
#include "lib/journal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill(struct journal *j)
{
    struct err e;

    journal_init(j);
    j->order_url = strdup("https://ca.example/order/1");
    j->order_ca = strdup("letsencrypt");
    j->order_directory = strdup("https://ca.example/dir");
    j->order_names = strdup("a.example b.example");
    j->order_key_type = strdup("ecdsa-p256");
    j->order_profile = strdup("shortlived");
    j->order_created = 1800000000;
    j->issued_directory = strdup("https://ca.example/old");
    j->issued_chain = strdup("Root Y");
    j->issued_profile = strdup("classic");
    assert_true(journal_alarm_set(j, "https://ca.example/dir", "ended", 17));
    j->ari = (struct journal_ari){.next_poll = 11,
                                  .polled_at = 12,
                                  .id = strdup("aYhb.AId"),
                                  .start = 13,
                                  .end = 14,
                                  .chosen = 15,
                                  .explanation = strdup("https://ca.example/why"),
                                  .error = strdup("HTTP 500"),
                                  .failures = 16,
                                  .refused = 17};
    j->attempts = 4;
    j->attempt_at = 1800000010;
    j->not_before = 1800000600;
    err_set(&e, ERR_CLASS_RATE_LIMITED, "too many certificates");
    journal_error_set(&j->error, &e, 1800000020);
    j->issued_generation = 7;
    j->issued[0] = 1790000000;
    j->issued[1] = 1780000000;
    j->repeated_orders = 1;
    j->damaged_generation = 7;
    j->issued_by_force_pending = true;
    assert_true(strv_add(&j->to_publish, "_validation-persist.a.example. TXT \"ca.example; accounturi=x\""));
    journal_counted(j, 1800000005);
    journal_validation_failed(j, 1800000006);
    journal_validation_failed(j, 1800000007);
    journal_paced(j, "https://ca.example/dir", 12000, 1800000007);
    j->deployment = (struct journal_deployment){.generation = 7,
                                                .step = DEPLOYMENT_HOOK,
                                                .attempts = 2,
                                                .not_before = 1800000700,
                                                .done_at = 5,
                                                .served_at = 6,
                                                .note = strdup("nginx.service is not running")};
    err_set(&e, ERR_CLASS_INTERNAL, "hook: exit 1");
    journal_error_set(&j->deployment.error, &e, 1800000030);
}

static void check_filled(const struct journal *j)
{
    assert_string_equal(j->order_url, "https://ca.example/order/1");
    assert_string_equal(j->order_ca, "letsencrypt");
    assert_string_equal(j->order_directory, "https://ca.example/dir");
    assert_string_equal(j->order_names, "a.example b.example");
    assert_string_equal(j->order_key_type, "ecdsa-p256");
    assert_string_equal(j->order_profile, "shortlived");
    assert_int_equal(j->order_created, 1800000000);
    assert_string_equal(j->issued_directory, "https://ca.example/old");
    assert_string_equal(j->alarm.directory, "https://ca.example/dir");
    assert_string_equal(j->alarm.text, "ended");
    assert_int_equal(j->alarm.at, 17);
    assert_string_equal(j->issued_chain, "Root Y");
    assert_string_equal(j->issued_profile, "classic");
    assert_int_equal(j->ari.next_poll, 11);
    assert_int_equal(j->ari.polled_at, 12);
    assert_string_equal(j->ari.id, "aYhb.AId");
    assert_int_equal(j->ari.start, 13);
    assert_int_equal(j->ari.end, 14);
    assert_int_equal(j->ari.chosen, 15);
    assert_string_equal(j->ari.explanation, "https://ca.example/why");
    assert_string_equal(j->ari.error, "HTTP 500");
    assert_int_equal(j->ari.failures, 16);
    assert_int_equal(j->ari.refused, 17);
    assert_int_equal(j->attempts, 4);
    assert_int_equal(j->attempt_at, 1800000010);
    assert_int_equal(j->not_before, 1800000600);
    assert_int_equal(j->error.at, 1800000020);
    assert_int_equal(j->error.class, ERR_CLASS_RATE_LIMITED);
    assert_string_equal(j->error.text, "too many certificates");
    assert_int_equal(j->issued_generation, 7);
    assert_int_equal(j->issued[0], 1790000000);
    assert_int_equal(j->issued[1], 1780000000);
    assert_int_equal(j->issued[2], 0);
    assert_int_equal(j->repeated_orders, 1);
    assert_int_equal(j->damaged_generation, 7);
    assert_true(j->issued_by_force_pending);
    assert_int_equal(j->to_publish.n, 1);
    assert_string_equal(j->to_publish.v[0],
                        "_validation-persist.a.example. TXT \"ca.example; accounturi=x\"");
    assert_int_equal(j->limits.noted_at, 1800000007);
    assert_int_equal(j->limits.counted_at, 1800000005);
    assert_int_equal(j->limits.failed[0], 1800000007);
    assert_int_equal(j->limits.failed[1], 1800000006);
    assert_int_equal(j->limits.failed[2], 0);
    assert_int_equal(j->pace.at, 1800000007);
    assert_int_equal(j->pace.ms, 12000);
    assert_string_equal(j->pace.directory, "https://ca.example/dir");
    assert_int_equal(j->deployment.generation, 7);
    assert_int_equal(j->deployment.step, DEPLOYMENT_HOOK);
    assert_int_equal(j->deployment.attempts, 2);
    assert_int_equal(j->deployment.not_before, 1800000700);
    assert_int_equal(j->deployment.done_at, 5);
    assert_int_equal(j->deployment.served_at, 6);
    assert_int_equal(j->deployment.error.class, ERR_CLASS_INTERNAL);
    assert_string_equal(j->deployment.error.text, "hook: exit 1");
    assert_string_equal(j->deployment.note, "nginx.service is not running");
}

static void test_every_member_round_trips(void **state)
{
    struct journal j;
    struct journal back;
    struct err e;
    char *text;

    (void)state;
    fill(&j);
    text = journal_to_json(&j);
    assert_non_null(text);
    journal_init(&back);
    assert_true(journal_from_json(&back, text, strlen(text), &e));
    check_filled(&back);
    journal_clear(&back);
    assert_false(journal_has_order(&back));
    assert_null(back.order_url);
    free(text);
    journal_clear(&j);
}

static void test_an_empty_journal_round_trips(void **state)
{
    struct journal j;
    struct journal back;
    struct err e;
    char *text;

    (void)state;
    journal_init(&j);
    journal_init(&back);
    text = journal_to_json(&j);
    assert_true(journal_from_json(&back, text, strlen(text), &e));
    assert_memory_equal(&j, &back, sizeof j);
    free(text);
}

/* Times from a wild clock and broken UTF-8 must never make a journal that cannot be read back. */
static void test_what_is_written_can_be_read(void **state)
{
    struct journal j;
    struct journal back;
    struct err e;
    char *text;

    (void)state;
    fill(&j);
    j.not_before = INT64_MAX;
    j.attempt_at = INT64_MIN;
    memset(e.text, 'x', sizeof e.text);
    e.class = ERR_CLASS_PERMANENT;
    memcpy(e.text, "\xff\xc3(\xe2\x82", 5);
    memcpy(e.text + sizeof e.text - 3, "\xe2\x82", 3); /* with its NUL */
    journal_error_set(&j.error, &e, -5);
    free(j.deployment.note);
    j.deployment.note = calloc(1, 3 * JOURNAL_NOTE_MAX + 1);
    for (size_t i = 0; i < JOURNAL_NOTE_MAX; i++)
        memcpy(j.deployment.note + 3 * i, "\xe2\x82\xac", 3);
    text = journal_to_json(&j);
    assert_non_null(text);
    assert_true(strlen(text) <= JOURNAL_MAX);
    journal_init(&back);
    assert_true(journal_from_json(&back, text, strlen(text), &e));
    assert_int_equal(back.not_before, RECORD_TIME_MAX);
    assert_int_equal(back.attempt_at, 0);
    assert_int_equal(back.error.at, 1);
    assert_memory_equal(back.error.text,
                        "??"
                        "("
                        "??",
                        5);
    assert_int_equal(strlen(back.deployment.note), JOURNAL_NOTE_MAX - JOURNAL_NOTE_MAX % 3);
    journal_clear(&back);
    free(text);
    journal_clear(&j);
}

/* What is written can be read, however much was published and however long everything is. */
static void test_the_longest(void **state)
{
    char token[ACME_TOKEN_MAX + 1];
    char name[254];
    struct journal j;
    struct journal back;
    struct err e;
    char *text;

    (void)state;
    fill(&j);
    memset(token, 't', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < JOURNAL_PUBLISHED_MAX; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        name[strlen(name)] = '.';
        assert_true(journal_publish(&j, "letsencrypt", name, token, name, 1800000000));
    }
    free(j.order_names);
    j.order_names = calloc(1, 100 * 255);
    memset(j.order_names, 'n', 100 * 255 - 1);
    text = journal_to_json(&j);
    assert_non_null(text);
    journal_init(&back);
    if (!journal_from_json(&back, text, strlen(text), &e))
        fail_msg("%s", e.text);
    assert_int_equal(back.published.records.n, JOURNAL_PUBLISHED_MAX);
    journal_clear(&back);
    free(text);
    journal_clear(&j);
}

/* Sets (or, with a NULL value, deletes) one member below the object at path "a.b", and tries to read the
 * result. */
static bool accepts(const char *object, const char *member, json_t *value)
{
    struct journal j;
    struct err e = {0};
    char *text;
    json_t *o;
    json_t *target;
    bool ok;

    fill(&j);
    text = journal_to_json(&j);
    o = json_loads(text, 0, NULL);
    free(text);
    target = object[0] != '\0' ? json_object_get(o, object) : o;
    if (value != NULL)
        json_object_set_new(target, member, value);
    else
        json_object_del(target, member);
    text = json_dumps(o, 0);
    json_decref(o);
    ok = journal_from_json(&j, text, strlen(text), &e);
    if (!ok) {
        assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        assert_true(strstr(e.text, member) != NULL || strstr(e.text, object) != NULL);
        check_filled(&j);
    }
    free(text);
    journal_clear(&j);
    return ok;
}

/* An order is looked up where the CA is, and not for ever. */
static void test_order_to_resume(void **state)
{
    static const char *const elsewhere[] = {"https://ca.examplf/order/1", "http://ca.example/order/1", "x"};
    struct journal j;
    int64_t created;

    (void)state;
    fill(&j);
    created = j.order_created;
    assert_ptr_equal(journal_order_to_resume(&j, created), j.order_url);
    assert_ptr_equal(journal_order_to_resume(&j, created + JOURNAL_ORDER_LIFE), j.order_url);
    assert_ptr_equal(journal_order_to_resume(&j, created - 86400), j.order_url); /* the clock was set back */
    assert_null(journal_order_to_resume(&j, created + JOURNAL_ORDER_LIFE + 1));
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        free(j.order_url);
        j.order_url = strdup(elsewhere[i]);
        assert_null(journal_order_to_resume(&j, created));
    }
    journal_clear(&j);
    assert_null(journal_order_to_resume(&j, created));
}

static void test_strictness(void **state)
{
    (void)state;
    assert_true(accepts("", "limits", NULL)); /* written by an older version */
    assert_true(accepts("", "damaged_generation", NULL));
    assert_true(accepts("", "pace", NULL));
    assert_false(accepts("pace", "directory", json_null()));
    assert_false(accepts("pace", "ms", json_integer(-1)));
    assert_false(accepts("limits", "failed_at", json_string("then")));
    assert_true(accepts("", "from_the_future", json_object()));
    assert_true(accepts("order", "from_the_future", json_true()));
    assert_true(accepts("", "order", json_null()));
    assert_false(accepts("order", "ca", json_null())); /* an order that is resumed has them all */
    assert_false(accepts("order", "directory", NULL));
    assert_false(accepts("order", "names", NULL));
    assert_false(accepts("order", "key_type", NULL));
    assert_true(accepts("order", "profile", NULL));
    assert_true(accepts("order", "url", json_null()));
    assert_true(accepts("", "last_error", NULL));
    assert_false(accepts("", "version", json_integer(2)));
    assert_false(accepts("", "attempts", NULL));
    assert_false(accepts("", "attempts", json_integer(-1)));
    assert_false(accepts("", "attempts", json_integer(4294967296)));
    assert_false(accepts("", "attempts", json_real(1)));
    assert_false(accepts("", "attempts", json_string("1")));
    assert_false(accepts("", "not_before", json_integer(RECORD_TIME_MAX + 1)));
    assert_false(accepts("", "not_before", json_null()));
    assert_false(accepts("", "issued", json_pack("[i,i,i,i,i,i,i,i,i]", 1, 1, 1, 1, 1, 1, 1, 1, 1)));
    assert_false(accepts("", "issued", json_pack("[i]", 0)));
    assert_false(accepts("", "requested", json_integer(1)));
    assert_false(accepts("", "order", json_array()));
    assert_false(accepts("order", "created", json_integer(0)));
    assert_false(accepts("order", "url", json_integer(0)));
    assert_false(accepts("last_error", "class", json_string("bogus")));
    assert_false(accepts("deploy", "step", json_string("bogus")));
    assert_false(accepts("deploy", "step", json_null()));
    assert_false(accepts("deploy", "note", json_false()));
}

static void test_damaged_files_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{}",
                                        "{\"version\":1}",
                                        "{\"version\":1,\"version\":1}",
                                        "\xff",
                                        "{\"version\":\"1\"}"};
    struct journal j;
    struct err e;
    char *text;

    (void)state;
    fill(&j);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(journal_from_json(&j, texts[i], strlen(texts[i]), &e));
    assert_false(journal_from_json(&j, "\0\0\0\0", 4, &e));
    text = journal_to_json(&j);
    for (size_t n = 0; n < strlen(text); n++)
        assert_false(journal_from_json(&j, text, n, &e));
    check_filled(&j);
    free(text);
    text = calloc(1, JOURNAL_MAX + 2);
    memset(text, ' ', JOURNAL_MAX + 1);
    assert_false(journal_from_json(&j, text, JOURNAL_MAX + 1, &e));
    free(text);
    journal_clear(&j);
}

static void test_issued_starts_a_new_life(void **state)
{
    struct journal j;

    (void)state;
    fill(&j);
    journal_issued(&j, 8, "ISRG Root X1", 1800000100);
    assert_string_equal(j.issued_chain, "ISRG Root X1");
    assert_int_equal(j.issued[0], 1800000100);
    assert_int_equal(j.issued[1], 1790000000);
    assert_int_equal(j.issued_generation, 8);
    assert_int_equal(j.damaged_generation, 0);
    assert_int_equal(j.attempts, 0);
    assert_int_equal(j.not_before, 0);
    assert_int_equal(j.error.at, 0);
    assert_null(j.error.text);
    assert_false(journal_has_order(&j));
    assert_string_equal(j.issued_directory, "https://ca.example/dir");
    assert_int_equal(j.alarm.at, 0); /* that CA does issue */
    assert_null(j.alarm.text);
    assert_string_equal(j.issued_profile, "shortlived");
    assert_string_equal(journal_issuer(&j, 8), "https://ca.example/dir");
    assert_null(journal_issuer(&j, 7));
    assert_null(j.ari.id);
    assert_int_equal(j.ari.next_poll, 0);
    assert_false(j.issued_by_force_pending);
    assert_int_equal(j.to_publish.n, 0);
    assert_int_equal(j.deployment.generation, 8);
    assert_int_equal(j.deployment.step, DEPLOYMENT_COPY);
    assert_int_equal(j.deployment.attempts, 0);
    assert_int_equal(j.deployment.error.at, 0);
    assert_null(j.deployment.note);
    for (unsigned i = 0; i < 20; i++)
        journal_issued(&j, 9 + i, NULL, 1800000200 + i);
    assert_null(j.issued_directory);
    assert_int_equal(j.issued[0], 1800000219);
    assert_int_equal(j.issued[JOURNAL_ISSUED_MAX - 1], 1800000219 - JOURNAL_ISSUED_MAX + 1);
    journal_clear(&j);
    fill(&j);
    journal_taken_over(&j, 3);
    assert_int_equal(j.issued_generation, 3);
    assert_null(j.issued_directory);
    assert_null(j.issued_profile);
    journal_clear(&j);
}

/* Each allocation of the JSON library fails in turn. */
static int allocations_left;

static void *scarce_malloc(size_t n)
{
    return allocations_left-- > 0 ? malloc(n) : NULL;
}

static void test_out_of_memory(void **state)
{
    struct journal j;
    struct journal back;
    struct err e;
    char *whole;
    char *text = NULL;
    bool ok = false;

    (void)state;
    fill(&j);
    whole = journal_to_json(&j);
    json_set_alloc_funcs(scarce_malloc, free);
    for (int n = 0; text == NULL; n++) {
        allocations_left = n;
        text = journal_to_json(&j);
    }
    assert_string_equal(text, whole);
    for (int n = 0; !ok; n++) {
        journal_init(&back);
        allocations_left = n;
        ok = journal_from_json(&back, whole, strlen(whole), &e);
        if (!ok)
            assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    }
    json_set_alloc_funcs(malloc, free);
    check_filled(&back);
    journal_clear(&back);
    journal_clear(&j);
    free(text);
    free(whole);
}

static void test_what_is_published(void **state)
{
    struct journal j = {0};
    char name[] = "000.example";

    (void)state;
    assert_true(journal_publish(&j, "ca", "a.example", "t1", NULL, 5));
    assert_true(journal_publish(&j, "ca", "a.example", "t1", NULL, 6)); /* again */
    assert_true(journal_publish(&j, "ca", "b.example", "t2", "b.other.example", 7));
    assert_true(journal_has_published(&j, "ca"));
    assert_false(journal_has_published(&j, "c"));
    assert_false(journal_has_published(&j, "ca-2"));
    assert_int_equal(j.published.records.n, 2);
    assert_int_equal(j.published.at, 5);
    journal_unpublish(&j, "ca c.example t3");
    journal_unpublish(&j, "ca a.example t1");
    assert_string_equal(j.published.records.v[0], "ca b.example t2 b.other.example");
    journal_unpublish(&j, "ca b.example t2 b.other.example");
    assert_int_equal(j.published.at, 0);
    for (int i = 0; i < JOURNAL_PUBLISHED_MAX + 1; i++) {
        name[0] = (char)('0' + i / 100);
        name[1] = (char)('0' + i / 10 % 10);
        name[2] = (char)('0' + i % 10);
        assert_true(journal_publish(&j, "ca", name, "t", NULL, 8));
    }
    assert_int_equal(j.published.records.n, JOURNAL_PUBLISHED_MAX);
    assert_string_equal(j.published.records.v[0], "ca 001.example t");
    journal_clear(&j);
}

static void test_issuers(void **state)
{
    char directory[64];
    struct journal back;
    struct journal j;
    struct err e;
    char *text;

    (void)state;
    journal_init(&j);
    journal_init(&back);
    for (unsigned i = 1; i <= JOURNAL_ISSUERS_MAX + 2; i++) {
        (void)snprintf(directory, sizeof directory, "https://ca.example/%u", i);
        j.order_directory = strdup(directory);
        journal_issued(&j, i, NULL, 1800000000);
    }
    journal_taken_over(&j, 60); /* a generation of somebody else's */
    text = journal_to_json(&j);
    assert_true(journal_from_json(&back, text, strlen(text), &e));
    assert_null(journal_issuer(&back, 60));
    assert_null(journal_issuer(&back, 2));
    assert_string_equal(journal_issuer(&back, 3), "https://ca.example/3");
    assert_string_equal(journal_issuer(&back, JOURNAL_ISSUERS_MAX + 2), "https://ca.example/52");
    /* Numbers begin anew when the store was lost: what is noted last counts. */
    back.order_directory = strdup("https://ca.example/new");
    journal_issued(&back, 3, "Root X", 1800000000);
    journal_taken_over(&back, 4);
    assert_null(back.issued_chain);
    assert_string_equal(journal_issuer(&back, 3), "https://ca.example/new");
    free(text);
    journal_clear(&j);
    journal_clear(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_issuers),
        cmocka_unit_test(test_every_member_round_trips),
        cmocka_unit_test(test_an_empty_journal_round_trips),
        cmocka_unit_test(test_what_is_written_can_be_read),
        cmocka_unit_test(test_the_longest),
        cmocka_unit_test(test_order_to_resume),
        cmocka_unit_test(test_strictness),
        cmocka_unit_test(test_damaged_files_are_refused),
        cmocka_unit_test(test_issued_starts_a_new_life),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_what_is_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
