/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/ari.h"
#include "lib/rfc3339.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)
#define NOW  INT64_C(1795645800) /* 2026-11-25T22:30:00Z */

#define WINDOW(start, end) "{\"suggestedWindow\": {\"start\": \"" start "\", \"end\": \"" end "\"}}"
#define GOOD               WINDOW("2026-12-20T00:00:00Z", "2026-12-21T19:00:00Z")

/* Of 90 days, 30 of them over. */
static const struct cert_facts live = {
    .ari_id = (char *)"aYhb.AId", .not_before = NOW - 30 * DAY, .not_after = NOW + 60 * DAY};

static struct http_reply reply_of(int status, const char *body)
{
    return (struct http_reply){.status = status, .body = body, .body_len = strlen(body), .retry_after = -1};
}

static int64_t at(const char *text)
{
    int64_t t = 0;

    assert_true(rfc3339_parse(text, &t));
    return t;
}

static void test_parse(void **state)
{
    struct http_reply reply =
        reply_of(200, "{\"suggestedWindow\": {\"start\": \"2026-12-20T00:00:00Z\", \"end\": "
                      "\"2026-12-21T19:00:00.5+01:00\"}, \"explanationURL\": "
                      "\"https://other.test/why\\u001b[2J\", \"x\": []}");
    struct ari_info i = {0};
    struct err e;

    (void)state;
    assert_true(ari_parse(&i, &reply, &e));
    assert_int_equal(i.start, at("2026-12-20T00:00:00Z"));
    assert_int_equal(i.end, at("2026-12-21T18:00:00Z"));
    assert_string_equal(i.explanation, "https://other.test/why?[2J");
    ari_info_clear(&i);
    reply = reply_of(200, "{\"suggestedWindow\": {\"start\": \"2026-12-20T00:00:00Z\", \"end\": "
                          "\"2026-12-20T00:00:01Z\"}, \"explanationURL\": 7}");
    assert_true(ari_parse(&i, &reply, &e));
    assert_null(i.explanation);
    ari_info_clear(&i);
}

static void test_parse_refused(void **state)
{
    static const struct {
        const char *body;
        const char *why;
    } rows[] = {
        {"", "not valid JSON"},
        {"<html>", "not valid JSON"},
        {"[]", "not a JSON object"},
        {"{}", "\"suggestedWindow\" is missing"},
        {"{\"suggestedWindow\": null}", "is missing"},
        {"{\"suggestedWindow\": []}", "is an array"},
        {"{\"suggestedWindow\": {}}", "\"start\" is missing"},
        {"{\"suggestedWindow\": {\"start\": \"2026-12-20T00:00:00Z\"}}", "\"end\" is missing"},
        {"{\"suggestedWindow\": {\"start\": 1795645800, \"end\": 1795645900}}", "is a number"},
        {"{\"suggestedWindow\": {\"start\": \"a\", \"start\": \"b\", \"end\": \"c\"}}", "duplicate"},
        {WINDOW("2026-12-20", "2026-12-21"), "no usable time"},
        {WINDOW("soon", "2026-12-21T00:00:00Z"), "no usable time"},
        {WINDOW("2026-12-20T00:00:00Z", "never\\u0007"), "never?"},
        {WINDOW("1969-12-20T00:00:00Z", "2026-12-21T00:00:00Z"), "no usable time"},
        {WINDOW("2026-12-21T00:00:00Z", "2026-12-20T00:00:00Z"), "does not end after"},
        {WINDOW("2026-12-21T00:00:00Z", "2026-12-21T00:00:00Z"), "does not end after"},
        {WINDOW("2026-12-21T00:00:00Z", "10000-01-01T00:00:00Z"), "no usable time"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_reply reply = reply_of(200, rows[i].body);
        struct ari_info info = {.start = 1, .end = 2};
        struct err e = {0};

        assert_false(ari_parse(&info, &reply, &e));
        if (strstr(e.text, rows[i].why) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].why);
        assert_int_equal(e.class, ERR_CLASS_TRANSIENT);
        assert_true(info.start == 1 && info.end == 2 && info.explanation == NULL);
    }
}

static void test_url(void **state)
{
    char *url = ari_url("https://ca.test/ari", "aYhb.AId");

    (void)state;
    assert_string_equal(url, "https://ca.test/ari/aYhb.AId");
    free(url);
    url = ari_url("https://ca.test/ari/", "aYhb.AId");
    assert_string_equal(url, "https://ca.test/ari/aYhb.AId");
    free(url);
}

static enum ari_outcome poll(struct journal_ari *a, int status, const char *body, uint64_t random,
                             int64_t now)
{
    struct http_reply reply = reply_of(status, body);
    struct err e;

    return ari_polled(a, &live, &reply, random, now, &e);
}

/* Drawn once for a window, uniformly, and anew for another. */
static void test_the_moment_is_drawn_once(void **state)
{
    struct journal_ari a = {0};
    int64_t chosen;

    (void)state;
    assert_int_equal(poll(&a, 200, GOOD, 12345, NOW), ARI_OUTCOME_CHANGED);
    assert_true(ari_applies(&a, &live));
    assert_string_equal(a.id, live.ari_id);
    chosen = a.chosen;
    assert_int_equal(chosen, at("2026-12-20T00:00:00Z") + 12345);
    for (uint64_t n = 1; n < 50; n++) {
        assert_int_equal(poll(&a, 200, GOOD, n * UINT64_C(0x9e3779b97f4a7c15), NOW + (int64_t)n * DAY / 4),
                         ARI_OUTCOME_UNCHANGED);
        assert_int_equal(a.chosen, chosen);
    }
    assert_int_equal(poll(&a, 200, WINDOW("2026-12-20T00:00:00Z", "2026-12-21T19:00:01Z"), 99, NOW),
                     ARI_OUTCOME_CHANGED);
    assert_int_equal(a.chosen, at("2026-12-20T00:00:00Z") + 99);
    journal_ari_clear(&a);
}

static void test_the_draw_is_uniform(void **state)
{
    enum { N = 20000, PARTS = 20 };
    unsigned parts[PARTS] = {0};
    uint64_t random = 1;

    (void)state;
    for (int n = 0; n < N; n++) {
        struct journal_ari a = {0};

        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        assert_int_equal(
            poll(&a, 200, WINDOW("2026-12-20T00:00:00Z", "2026-12-20T03:12:00Z"), random >> 13, NOW),
            ARI_OUTCOME_CHANGED);
        assert_in_range(a.chosen, a.start, a.end - 1);
        parts[(a.chosen - a.start) * PARTS / (a.end - a.start)]++;
        journal_ari_clear(&a);
    }
    for (int i = 0; i < PARTS; i++)
        assert_in_range(parts[i], N / PARTS * 8 / 10, N / PARTS * 12 / 10);
}

/* FAULTS 9: what is of no use changes nothing that was known. */
static void test_useless_replies(void **state)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {
        {200, "<html>"},
        {200, WINDOW("2026-12-21T00:00:00Z", "2026-12-20T00:00:00Z")},
        {200, WINDOW("2026-12-21T00:00:00Z", "9999-12-31T23:59:59Z")},
        {200, WINDOW("9999-12-21T00:00:00Z", "9999-12-31T23:59:59Z")},
        {200, WINDOW("2027-01-24T22:29:00Z", "2027-01-24T22:30:01Z")}, /* a second after it expires */
        {404, "{\"type\": \"urn:ietf:params:acme:error:malformed\"}"},
        {500, ""},
        {302, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct journal_ari a = {0};
        struct journal_ari before;

        assert_int_equal(poll(&a, rows[i].status, rows[i].body, 5, NOW), ARI_OUTCOME_FAILED);
        assert_false(ari_applies(&a, &live));
        assert_non_null(a.error);
        assert_int_equal(a.failures, 1);
        assert_int_equal(poll(&a, 200, GOOD, 7, NOW), ARI_OUTCOME_CHANGED);
        assert_null(a.error);
        assert_int_equal(a.failures, 0);
        before = a;
        assert_int_equal(poll(&a, rows[i].status, rows[i].body, 9, NOW), ARI_OUTCOME_FAILED);
        assert_true(ari_applies(&a, &live));
        assert_true(a.start == before.start && a.end == before.end && a.chosen == before.chosen);
        journal_ari_clear(&a);
    }
}

/* The delay until the next poll, its spread taken away. */
static void assert_delay(const struct journal_ari *a, int64_t now, int64_t delay)
{
    assert_in_range(a->next_poll - now, delay, delay + delay / 16);
}

static void test_when_the_next_poll_is(void **state)
{
    static const struct {
        int64_t retry_after;
        int64_t delay;
    } rows[] = {{-1, 6 * HOUR}, {1, 60}, {59, 60}, {61, 61}, {21600, 6 * HOUR}, {86400, DAY}, {1000000, DAY}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int status = 200; status <= 500; status += 100) {
            struct http_reply reply = reply_of(status, GOOD);
            struct journal_ari a = {0};
            struct err e;

            reply.retry_after = rows[i].retry_after;
            (void)ari_polled(&a, &live, &reply, i * UINT64_C(0x9e3779b97f4a7c15), NOW, &e);
            assert_delay(&a, NOW, status == 500 && rows[i].retry_after < 0 ? 60 : rows[i].delay);
            assert_int_equal(a.polled_at, NOW);
            journal_ari_clear(&a);
        }
    }
}

/* What may pass is tried again soon, then seldom; what will not, at once seldom (section 4.3.3). */
static void test_failures(void **state)
{
    static const int64_t delays[] = {60, 600, HOUR, 6 * HOUR, 6 * HOUR};
    struct journal_ari a = {0};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        err_set(&e, ERR_CLASS_NETWORK, "no route");
        assert_int_equal(ari_polled(&a, &live, NULL, 3, NOW, &e), ARI_OUTCOME_FAILED);
        assert_string_equal(a.error, "no route");
        assert_delay(&a, NOW, delays[i]);
    }
    journal_ari_clear(&a);
    assert_int_equal(poll(&a, 404, "", 3, NOW), ARI_OUTCOME_FAILED);
    assert_delay(&a, NOW, 6 * HOUR);
    journal_ari_clear(&a);
    assert_int_equal(poll(&a, 200, "{}", 3, NOW), ARI_OUTCOME_FAILED);
    assert_delay(&a, NOW, 6 * HOUR);
    journal_ari_clear(&a);
}

/* Lives of hours are polled more often than every six. */
static void test_short_lives(void **state)
{
    struct cert_facts f = live;
    struct journal_ari a = {0};
    struct http_reply reply = reply_of(200, WINDOW("2026-11-26T00:00:00Z", "2026-11-26T01:00:00Z"));
    struct err e;

    (void)state;
    f.not_before = NOW;
    f.not_after = NOW + 8 * HOUR;
    assert_int_equal(ari_polled(&a, &f, &reply, 3, NOW, &e), ARI_OUTCOME_CHANGED);
    assert_delay(&a, NOW, HOUR / 3);
    f.not_after = NOW + 60;
    assert_true(ari_begin(&a, &f, 3, NOW, &e));
    assert_in_range(a.next_poll, NOW + 1, NOW + 2);
    journal_ari_clear(&a);
}

static void test_the_first_poll(void **state)
{
    struct cert_facts f = live;
    struct journal_ari a = {0};
    int64_t earliest = -1;
    int64_t latest = -1;
    struct err e;

    (void)state;
    assert_true(ari_poll_times(&a, &f, NOW, &earliest, &latest)); /* found on disk: at once */
    assert_true(earliest <= NOW && latest <= NOW);
    assert_true(ari_begin(&a, &f, 1234567, NOW, &e)); /* just issued */
    assert_in_range(a.next_poll, NOW + 300, NOW + 600);
    assert_true(ari_poll_times(&a, &f, NOW, &earliest, &latest));
    assert_int_equal(earliest, a.next_poll);
    assert_int_equal(latest, a.next_poll + 300);
    assert_false(ari_poll_times(&a, &f, f.not_after, &earliest, &latest)); /* not after expiry */
    f.ari_id = (char *)"another.one";                                      /* it was replaced: at once */
    assert_true(ari_poll_times(&a, &f, NOW, &earliest, &latest));
    assert_true(earliest <= NOW);
    f.ari_id = NULL;
    assert_false(ari_poll_times(&a, &f, NOW, &earliest, &latest));
    assert_true(ari_begin(&a, &f, 1, NOW, &e));
    assert_null(a.id);
}

/* All that were polled together are polled together again: the slack of any is longer than the spread. */
static void test_polls_stay_together(void **state)
{
    int64_t least_latest = INT64_MAX;
    int64_t most_earliest = 0;
    uint64_t random = 1;

    (void)state;
    for (int n = 0; n < 1000; n++) {
        struct journal_ari a = {0};
        int64_t earliest;
        int64_t latest;

        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        (void)poll(&a, 200, GOOD, random, NOW);
        assert_true(ari_poll_times(&a, &live, NOW, &earliest, &latest));
        assert_true(earliest >= NOW + 6 * HOUR);
        least_latest = latest < least_latest ? latest : least_latest;
        most_earliest = earliest > most_earliest ? earliest : most_earliest;
        journal_ari_clear(&a);
    }
    assert_true(most_earliest <= least_latest);
    assert_true(most_earliest > NOW + 6 * HOUR + HOUR / 4);
}

/* The clock had been years ahead when the journal was written. */
static void test_a_poll_of_another_clock(void **state)
{
    struct journal_ari a = {0};
    int64_t earliest;
    int64_t latest;

    (void)state;
    (void)poll(&a, 200, GOOD, 1, NOW + 3650 * DAY);
    assert_true(ari_poll_times(&a, &live, NOW, &earliest, &latest));
    assert_true(earliest <= NOW);
    journal_ari_clear(&a);
}

static void test_in_window(void **state)
{
    struct journal_ari a = {0};
    struct cert_facts other = live;

    (void)state;
    assert_false(ari_in_window(&a, &live, NOW));
    (void)poll(&a, 200, GOOD, 1, NOW);
    assert_false(ari_in_window(&a, &live, a.start - 1));
    assert_true(ari_in_window(&a, &live, a.start));
    assert_true(ari_in_window(&a, &live, a.end - 1));
    assert_false(ari_in_window(&a, &live, a.end));
    other.ari_id = (char *)"another.one";
    assert_false(ari_in_window(&a, &other, a.start));
    journal_ari_clear(&a);
}

static void test_replaces(void **state)
{
    const char *ca = "https://ca.test/dir";
    struct cert_facts f = live;
    struct journal j = {0};
    struct err e;

    (void)state;
    assert_false(ari_replaces(&j, &f, ca)); /* nobody knows who issued it */
    (void)poll(&j.ari, 200, GOOD, 1, NOW);
    assert_true(ari_replaces(&j, &f, ca)); /* this CA knows it */
    j.issued_directory = (char *)"https://other.test/dir";
    assert_false(ari_replaces(&j, &f, ca));
    j.issued_directory = (char *)"https://ca.test/dir";
    assert_true(ari_replaces(&j, &f, ca));
    journal_ari_clear(&j.ari);
    assert_true(ari_replaces(&j, &f, ca));
    j.attempts = ARI_REPLACES_TRIES;
    assert_true(ari_replaces(&j, &f, ca));
    j.attempts++;
    assert_false(ari_replaces(&j, &f, ca));
    j.attempts = 1;
    assert_true(ari_refused(&j.ari, &f, NOW, &e));
    assert_int_equal(j.ari.refused, 1);
    assert_int_equal(j.ari.next_poll, NOW); /* or the journal would hold no record */
    assert_false(ari_replaces(&j, &f, ca));
    (void)poll(&j.ari, 200, GOOD, 1, NOW);
    assert_false(ari_replaces(&j, &f, ca));
    f.ari_id = (char *)"the.next"; /* another certificate */
    assert_true(ari_replaces(&j, &f, ca));
    f.ari_id = NULL;
    assert_false(ari_replaces(&j, &f, ca));
    journal_ari_clear(&j.ari);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refused),
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_the_moment_is_drawn_once),
        cmocka_unit_test(test_the_draw_is_uniform),
        cmocka_unit_test(test_useless_replies),
        cmocka_unit_test(test_when_the_next_poll_is),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_short_lives),
        cmocka_unit_test(test_the_first_poll),
        cmocka_unit_test(test_polls_stay_together),
        cmocka_unit_test(test_a_poll_of_another_clock),
        cmocka_unit_test(test_in_window),
        cmocka_unit_test(test_replaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
