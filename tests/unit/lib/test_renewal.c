/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/renewal.h"

#include <limits.h>
#include <string.h>

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)
#define NOW  INT64_C(1800000000)
#define MID  (UINT32_MAX / 2)

static char *names_ab[] = {(char *)"a.example", (char *)"b.example"};
static char *names_ba[] = {(char *)"b.example", (char *)"a.example"};
static char *names_a[] = {(char *)"a.example"};

static const struct config_certificate plain = {.name = (char *)"a.example", .domains = {names_ab, 2}};

static struct cert_facts certificate(int64_t not_before, int64_t lifetime)
{
    return (struct cert_facts){.names = {names_ba, 2},
                               .not_before = not_before,
                               .not_after = not_before + lifetime,
                               .key_type_known = true};
}

static struct renewal_plan plan_at(const struct config_certificate *c, const struct cert_facts *f,
                                   const struct journal *j, int64_t now)
{
    return renewal_plan(c, f, j, false, renewal_seed("a.example", f), now);
}

static void test_share_of_the_lifetime(void **state)
{
    static const struct {
        int64_t lifetime;
        int64_t left; /* at the latest moment */
    } rows[] = {{90 * DAY, 30 * DAY},     {64 * DAY, 64 * DAY / 3}, {45 * DAY, 15 * DAY},
                {10 * DAY, 10 * DAY / 3}, {160 * HOUR, 80 * HOUR},  {24 * HOUR, 12 * HOUR}};
    struct journal j = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cert_facts f = certificate(NOW, rows[i].lifetime);
        int64_t latest = f.not_after - rows[i].left;
        struct renewal_plan p;

        for (uint64_t seed = 0; seed < 1000; seed++) {
            p = renewal_plan(&plain, &f, &j, false, seed * UINT64_C(0x9e3779b97f4a7c15), NOW);
            assert_in_range(p.at, latest - rows[i].lifetime / 15, latest);
            assert_int_equal(p.at, p.renew_at);
            assert_int_equal(p.reason, RENEWAL_LIFETIME);
            assert_false(p.held || p.capped);
        }
    }
}

static void test_renew_before_and_its_cap(void **state)
{
    struct config_certificate c = plain;
    struct journal j = {0};
    struct cert_facts f = certificate(NOW, 90 * DAY);
    struct renewal_plan p;

    (void)state;
    c.renew_before = 10 * DAY;
    p = renewal_plan(&c, &f, &j, false, 0, NOW);
    assert_int_equal(p.at, f.not_after - 10 * DAY);
    assert_false(p.capped);
    c.renew_before = 30 * DAY;
    f = certificate(NOW, 160 * HOUR);
    p = renewal_plan(&c, &f, &j, false, 0, NOW);
    assert_int_equal(p.at, NOW + 80 * HOUR);
    assert_true(p.capped);
    c.renew_before = INT64_MAX;
    assert_int_equal(renewal_plan(&c, &f, &j, false, 0, NOW).at, NOW + 80 * HOUR);
    c.renew_before = 0;
    c.renew_before_percent = 25;
    p = renewal_plan(&c, &f, &j, false, 0, NOW);
    assert_int_equal(p.at, NOW + 120 * HOUR);
    c.renew_before_percent = UINT_MAX;
    assert_true(renewal_plan(&c, &f, &j, false, 0, NOW).capped);
}

static void test_reasons(void **state)
{
    struct config_certificate c = plain;
    struct journal j = {0};
    struct cert_facts f = certificate(NOW, 90 * DAY);
    struct renewal_plan p;

    (void)state;
    p = plan_at(&c, NULL, &j, NOW);
    assert_int_equal(p.reason, RENEWAL_MISSING);
    assert_int_equal(p.at, NOW);
    p = plan_at(&c, &f, &j, f.not_after);
    assert_int_equal(p.reason, RENEWAL_EXPIRED);
    assert_int_equal(p.at, f.not_after);
    p = renewal_plan(&c, &f, &j, true, 1, NOW);
    assert_int_equal(p.reason, RENEWAL_REQUESTED);
    assert_int_equal(p.at, NOW);
    j.damaged_generation = 3;
    p = plan_at(&c, &f, &j, NOW);
    assert_int_equal(p.reason, RENEWAL_DAMAGED);
    assert_int_equal(p.at, NOW);
    j.issued[0] = NOW - 60; /* a disk that loses what is written makes no loop */
    p = plan_at(&c, &f, &j, NOW);
    assert_true(p.held);
    assert_int_equal(p.at, NOW - 60 + RENEWAL_ISSUANCE_FLOOR);
    j = (struct journal){0};
    f.key_type = KEY_TYPE_RSA_2048;
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_KEY_TYPE);
    f.key_type = c.key;
    f.key_type_known = false;
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_KEY_TYPE);
    c.domains = (struct strv){names_a, 1};
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_NAMES);
    c.domains = (struct strv){names_ab, 2};
    f.names = (struct strv){names_a, 1};
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_NAMES);
    for (int i = RENEWAL_NOT_DUE; i <= RENEWAL_REQUESTED; i++)
        assert_string_not_equal(renewal_reason_to_str((enum renewal_reason)i), "unknown");
}

static void test_floors(void **state)
{
    struct config_certificate c = plain;
    struct journal j = {.issued = {NOW}};
    struct cert_facts f = certificate(NOW - HOUR, 90 * DAY);
    struct renewal_plan p;

    (void)state;
    /* A name was added right after an issuance: an hour, not a quarter of the lifetime. */
    c.domains = (struct strv){names_a, 1};
    p = plan_at(&c, &f, &j, NOW + 5);
    assert_int_equal(p.at, NOW + HOUR);
    assert_true(p.held);
    assert_int_equal(renewal_plan(&c, &f, &j, true, 0, NOW + 5).at, NOW + 5);
    assert_false(plan_at(&c, &f, &j, NOW + HOUR).held);
    /* Back-off. */
    j.not_before = NOW + 10 * HOUR;
    p = plan_at(&c, &f, &j, NOW + 2 * HOUR);
    assert_int_equal(p.at, NOW + 10 * HOUR);
    assert_true(p.held);
    /* An issuance under a clock that was ahead binds nobody for long. */
    j = (struct journal){.issued = {NOW + 3650 * DAY}, .not_before = NOW + 3650 * DAY};
    p = plan_at(&c, NULL, &j, NOW);
    assert_int_equal(p.at, NOW);
    assert_false(p.held);
}

/* A CA that hands out certificates which are old already: their lifetime begins when we got them. */
static void test_an_old_new_certificate_is_no_loop(void **state)
{
    struct cert_facts f = certificate(NOW - 80 * DAY, 90 * DAY);
    struct journal j = {.issued = {NOW}};
    struct renewal_plan p = plan_at(&plain, &f, &j, NOW + 60);

    (void)state;
    assert_true(p.at >= NOW + 10 * DAY / 4);
    assert_true(p.at < f.not_after);
}

static void test_hostile_dates(void **state)
{
    static const int64_t dates[] = {INT64_MIN, INT64_MIN + 1, -62135596800,  -1,       0, 1, NOW,
                                    NOW + 1,   253402300799,  INT64_MAX - 1, INT64_MAX};
    enum { N = sizeof dates / sizeof dates[0] };
    struct config_certificate c = plain;
    struct err e = {.class = ERR_CLASS_TRANSIENT};

    (void)state;
    for (size_t i = 0; i < N * N * N * N; i++) {
        struct cert_facts f = certificate(0, 0);
        struct journal j = {.issued = {dates[i / N / N % N]}, .not_before = dates[i / N % N]};
        int64_t now = dates[i / N / N / N];
        struct renewal_plan p;
        int64_t delay;

        f.not_before = dates[i % N];
        f.not_after = dates[i / N % N];
        c.renew_before = i % 3 == 0 ? dates[i / N / N % N] : 0;
        c.renew_before_percent = i % 3 == 1 ? 50 : 0;
        p = renewal_plan(&c, &f, &j, i % 5 == 0, i, now);
        assert_true(p.at <= RECORD_TIME_MAX + RENEWAL_ISSUANCE_FLOOR && p.at >= -62135596800 * 3);
        e.retry_at = dates[i / N / N % N];
        delay = renewal_backoff(&e, (unsigned)i, &f, (uint32_t)(i * 2654435761u), now);
        assert_in_range(delay, RENEWAL_BACKOFF_MIN, RENEWAL_BACKOFF_MAX);
    }
}

static int64_t backoff(enum err_class class, unsigned attempts, const struct cert_facts *f)
{
    struct err e = {.class = class};

    return renewal_backoff(&e, attempts, f, MID, NOW);
}

static void assert_about(int64_t value, int64_t expected)
{
    assert_in_range(value, expected - expected / 1000 - 1, expected + expected / 1000 + 1);
}

static void test_backoff_schedules(void **state)
{
    struct cert_facts f = certificate(NOW, 90 * DAY);
    static const int64_t network[] = {60, 120, 300, 600, 1800, 1800};
    static const int64_t transient[] = {60, 600, 6000, DAY, DAY};

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        assert_about(backoff(ERR_CLASS_NETWORK, i + 1, &f), network[i]);
    for (unsigned i = 0; i < 5; i++) {
        assert_about(backoff(ERR_CLASS_TRANSIENT, i + 1, &f), transient[i]);
        assert_about(backoff(ERR_CLASS_RATE_LIMITED, i + 1, &f), transient[i]);
    }
    assert_about(backoff(ERR_CLASS_PERMANENT, 1, &f), DAY);
    assert_about(backoff(ERR_CLASS_CONFIG, 1, NULL), DAY);
    assert_about(backoff(ERR_CLASS_INTERNAL, UINT_MAX, &f), HOUR);
    assert_int_equal(backoff(ERR_CLASS_NETWORK, 0, NULL), backoff(ERR_CLASS_NETWORK, 1, NULL));
    assert_true(backoff(ERR_CLASS_TRANSIENT, 9, NULL) <= 6 * HOUR);
    f = certificate(NOW - 90 * DAY, 89 * DAY);
    assert_true(backoff(ERR_CLASS_TRANSIENT, 9, &f) <= 6 * HOUR);
}

static void test_backoff_leaves_slack(void **state)
{
    struct cert_facts f = certificate(NOW - 90 * DAY, 90 * DAY + 16 * HOUR);
    struct err e = {.class = ERR_CLASS_TRANSIENT};

    (void)state;
    for (uint64_t jitter = 0; jitter <= UINT32_MAX; jitter += UINT32_MAX / 16)
        assert_in_range(renewal_backoff(&e, 9, &f, (uint32_t)jitter, NOW), HOUR, 2 * HOUR);
    f.not_after = NOW + 100;
    assert_int_equal(renewal_backoff(&e, 9, &f, MID, NOW), 60);
}

static void test_jitter_is_ten_percent(void **state)
{
    struct err e = {.class = ERR_CLASS_PERMANENT};

    (void)state;
    assert_int_equal(renewal_backoff(&e, 1, NULL, 0, NOW), DAY - DAY / 10);
    assert_int_equal(renewal_backoff(&e, 1, NULL, UINT32_MAX, NOW), DAY + DAY / 10);
    assert_int_equal(renewal_deploy_backoff(1, 0), 60);
    assert_int_equal(renewal_deploy_backoff(2, 0), 108);
    assert_int_equal(renewal_deploy_backoff(UINT_MAX, UINT32_MAX), 1980);
}

static void test_retry_after_is_obeyed(void **state)
{
    struct err e = {.class = ERR_CLASS_RATE_LIMITED, .retry_at = NOW + 3 * HOUR};
    struct cert_facts f = certificate(NOW - DAY, DAY + 60);

    (void)state;
    assert_int_equal(renewal_backoff(&e, 50, NULL, 0, NOW), 3 * HOUR);
    assert_in_range(renewal_backoff(&e, 50, &f, UINT32_MAX, NOW), 3 * HOUR, 3 * HOUR + 3 * HOUR / 10);
    e.retry_at = NOW + 1000 * DAY;
    assert_int_equal(renewal_backoff(&e, 1, NULL, 0, NOW), DAY);
    e.retry_at = NOW - 1000 * DAY;
    assert_in_range(renewal_backoff(&e, 2, NULL, 0, NOW), 540, 660);
    e.retry_at = NOW + 1;
    assert_int_equal(renewal_backoff(&e, 1, NULL, 0, NOW), 60);
    assert_in_range(renewal_backoff(&e, 50, NULL, MID, NOW), 1790, 1810);
    e = (struct err){.class = ERR_CLASS_TRANSIENT, .retry_at = NOW + 2 * HOUR};
    assert_in_range(renewal_backoff(&e, 1, NULL, 0, NOW), 2 * HOUR, 2 * HOUR);
}

static void test_requests(void **state)
{
    struct journal j = {.issued = {NOW - 2 * HOUR}};
    char text[512];

    (void)state;
    assert_int_equal(renewal_request_check(&j, true, false, NOW, text, sizeof text), RENEWAL_ALLOWED);
    assert_string_equal(text, "");
    assert_int_equal(renewal_request_check(&j, false, false, NOW, text, sizeof text), RENEWAL_LEFT_OUT);
    assert_non_null(strstr(text, "24 hours"));
    assert_int_equal(renewal_request_check(&j, false, true, NOW, text, sizeof text), RENEWAL_ALLOWED);
    assert_int_equal(renewal_request_check(&j, false, false, NOW + DAY, text, sizeof text), RENEWAL_ALLOWED);
    j.issued[1] = NOW - 6 * DAY;
    assert_int_equal(renewal_request_check(&j, true, false, NOW, text, sizeof text), RENEWAL_REFUSED);
    assert_non_null(strstr(text, "until 2027-01-16 08:00 UTC"));
    assert_non_null(strstr(text, "--force"));
    assert_int_equal(renewal_request_check(&j, true, true, NOW, text, sizeof text), RENEWAL_ALLOWED);
    assert_int_equal(renewal_request_check(&j, true, false, NOW + DAY, text, sizeof text), RENEWAL_ALLOWED);
    j = (struct journal){.issued = {INT64_MAX, INT64_MIN}};
    assert_int_equal(renewal_request_check(&j, true, false, NOW, text, sizeof text), RENEWAL_ALLOWED);
}

static void test_the_clock(void **state)
{
    struct renewal_clock c = {0};
    char text[300];

    (void)state;
    assert_false(renewal_clock_sane(0));
    assert_true(renewal_clock_sane(NOW));
    assert_false(renewal_clock_tick(&c, NOW, 100));
    assert_false(renewal_clock_tick(&c, NOW + 10 * DAY, 100 + 10 * DAY)); /* suspended */
    assert_false(renewal_clock_tick(&c, NOW + 10 * DAY + 60, 101 + 10 * DAY));
    renewal_clock_describe(&c, text, sizeof text);
    assert_string_equal(text, "");
    assert_true(renewal_clock_tick(&c, NOW + 3660 * DAY, 110 + 10 * DAY));
    assert_true(c.doubted);
    renewal_clock_describe(&c, text, sizeof text);
    assert_non_null(strstr(text, "days ahead"));
    assert_false(renewal_clock_tick(&c, NOW + 3660 * DAY + 1, 111 + 10 * DAY));
    assert_true(c.doubted);
    assert_false(renewal_clock_confirm(&c, NOW + 10 * DAY, NOW + 3660 * DAY));
    assert_true(renewal_clock_tick(&c, NOW + 10 * DAY, 112 + 10 * DAY)); /* put right */
    assert_false(c.doubted);
    assert_true(renewal_clock_tick(&c, NOW + 9 * DAY, 113 + 10 * DAY));
    assert_true(c.doubted);
    renewal_clock_describe(&c, text, sizeof text);
    assert_non_null(strstr(text, "24 hours back"));
    assert_true(renewal_clock_confirm(&c, NOW + 9 * DAY + 5, NOW + 9 * DAY));
    assert_false(c.doubted);
    assert_true(renewal_clock_tick(&c, INT64_MAX, INT64_MIN));
    assert_true(renewal_clock_tick(&c, INT64_MIN, INT64_MAX));
    assert_true(renewal_clock_confirm(&c, 0, INT64_MIN));
}

static void test_seeds_differ(void **state)
{
    struct cert_facts f = certificate(NOW, DAY);
    uint64_t a = renewal_seed("a.example", &f);

    (void)state;
    assert_true(a == renewal_seed("a.example", &f));
    assert_true(a != renewal_seed("b.example", &f));
    f.sha256[31] = 1;
    assert_true(a != renewal_seed("a.example", &f));
    assert_true(renewal_seed("a", NULL) != renewal_seed("b", NULL));
}

static void test_a_revoked_certificate_is_replaced(void **state)
{
    struct cert_facts f = certificate(NOW - DAY, 90 * DAY);
    struct journal j = {.issued = {NOW - 60}};
    struct renewal_plan p;

    (void)state;
    f.revoked = true;
    p = plan_at(&plain, &f, &j, NOW);
    assert_int_equal(p.reason, RENEWAL_REVOKED);
    assert_int_equal(p.at, NOW);
    assert_false(p.held);
    j.not_before = NOW + 600; /* a failed attempt counts as ever */
    p = plan_at(&plain, &f, &j, NOW);
    assert_int_equal(p.at, NOW + 600);
    assert_true(p.held);
}

/* The CA's suggestion (RFC 9773). */

static struct journal suggested(int64_t start, int64_t end, int64_t chosen)
{
    return (struct journal){
        .ari = {.id = (char *)"a.b", .start = start, .end = end, .chosen = chosen, .next_poll = 1}};
}

static void test_the_moment_that_the_ca_suggests(void **state)
{
    struct cert_facts f = certificate(NOW, 90 * DAY);
    struct journal j = suggested(NOW + 59 * DAY, NOW + 61 * DAY, NOW + 60 * DAY);
    struct renewal_plan p;

    (void)state;
    f.ari_id = (char *)"a.b";
    p = plan_at(&plain, &f, &j, NOW);
    assert_int_equal(p.at, NOW + 60 * DAY);
    assert_int_equal(p.renew_at, p.at);
    assert_int_equal(p.reason, RENEWAL_ARI);
    assert_false(p.held);
    j.ari.start = NOW + 70 * DAY; /* later than the lifetime alone would say */
    j.ari.end = NOW + 80 * DAY;
    j.ari.chosen = NOW + 75 * DAY;
    p = plan_at(&plain, &f, &j, NOW);
    assert_int_equal(p.at, NOW + 75 * DAY);
    assert_int_equal(p.reason, RENEWAL_ARI);
    f.ari_id = (char *)"of.another"; /* of a certificate that is not the live one */
    p = plan_at(&plain, &f, &j, NOW);
    assert_int_equal(p.reason, RENEWAL_LIFETIME);
    assert_true(p.at <= NOW + 60 * DAY);
}

static void test_the_ca_asks_early(void **state)
{
    struct cert_facts f = certificate(NOW, 90 * DAY);
    struct journal j = suggested(NOW + 9 * DAY, NOW + 10 * DAY, NOW + 9 * DAY + 5);
    struct renewal_plan p;

    (void)state;
    f.ari_id = (char *)"a.b";
    p = plan_at(&plain, &f, &j, NOW + 12 * DAY);
    assert_int_equal(p.at, NOW + 9 * DAY + 5);
    assert_int_equal(p.reason, RENEWAL_ARI_EARLY);
    assert_false(p.held);
    j.issued[0] = NOW + 12 * DAY - HOUR / 2; /* but not within an hour of the last */
    p = plan_at(&plain, &f, &j, NOW + 12 * DAY);
    assert_true(p.held);
    assert_int_equal(p.at, NOW + 12 * DAY + HOUR / 2);
}

/* A CA that never has enough waits longer each time: an hour, two, four ... up to two days. */
static void test_a_ca_that_asks_without_end(void **state)
{
    static const int64_t hours[] = {1, 2, 4, 8, 16, 32, 48, 48};
    struct cert_facts f = certificate(NOW, 90 * DAY);
    struct journal j = suggested(NOW - DAY, NOW - HOUR, NOW - 2 * HOUR);

    (void)state;
    f.ari_id = (char *)"a.b";
    for (unsigned n = 0; n < JOURNAL_ISSUED_MAX; n++) {
        for (unsigned i = 0; i <= n; i++)
            j.issued[i] = NOW - 60 - i * HOUR;
        assert_int_equal(plan_at(&plain, &f, &j, NOW).at, NOW - 60 + hours[n] * HOUR);
    }
    f = certificate(NOW - HOUR, 160 * HOUR);
    f.ari_id = (char *)"a.b";
    assert_in_range(plan_at(&plain, &f, &j, NOW).at, NOW + 39 * HOUR, NOW + 40 * HOUR);
}

/* It can never let a certificate expire. */
static void test_a_suggestion_too_late(void **state)
{
    static const int64_t lifetimes[] = {160 * HOUR, 45 * DAY, 90 * DAY, 398 * DAY};

    (void)state;
    for (size_t i = 0; i < sizeof lifetimes / sizeof lifetimes[0]; i++) {
        struct cert_facts f = certificate(NOW, lifetimes[i]);
        struct journal j = suggested(f.not_after - 60, f.not_after, f.not_after - 1);

        f.ari_id = (char *)"a.b";
        for (uint64_t seed = 0; seed < 100; seed++) {
            struct renewal_plan p = renewal_plan(&plain, &f, &j, false, seed * UINT64_C(0x9e3779b97f4a7c15),
                                                 NOW + lifetimes[i] / 2);

            assert_in_range(p.at, f.not_after - lifetimes[i] * 6 / 100 - 1, f.not_after - lifetimes[i] / 20);
            assert_int_equal(p.reason, RENEWAL_LIFETIME);
        }
    }
}

/* What the administrator wrote is not made later by the CA, but earlier. */
static void test_renew_before_and_the_ca(void **state)
{
    struct config_certificate c = plain;
    struct cert_facts f = certificate(NOW, 90 * DAY);
    struct journal j = suggested(NOW + 59 * DAY, NOW + 61 * DAY, NOW + 60 * DAY);
    struct renewal_plan p;

    (void)state;
    f.ari_id = (char *)"a.b";
    c.renew_before = 40 * DAY;
    p = renewal_plan(&c, &f, &j, false, 0, NOW);
    assert_int_equal(p.at, NOW + 50 * DAY);
    assert_int_equal(p.reason, RENEWAL_LIFETIME);
    c.renew_before = 20 * DAY;
    p = renewal_plan(&c, &f, &j, false, 0, NOW);
    assert_int_equal(p.at, NOW + 60 * DAY);
    assert_int_equal(p.reason, RENEWAL_ARI);
    c.renew_before = 0;
    c.renew_before_percent = 45;
    assert_int_equal(renewal_plan(&c, &f, &j, false, 0, NOW).reason, RENEWAL_LIFETIME);
}

static void test_another_profile(void **state)
{
    struct config_certificate c = plain;
    struct cert_facts f = certificate(NOW - 30 * DAY, 90 * DAY);
    struct journal j = {0};

    (void)state;
    c.profile = (char *)"shortlived";
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_LIFETIME); /* nobody knows of which it is */
    j.issued_directory = (char *)"https://ca.test/dir";
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_PROFILE);
    assert_int_equal(plan_at(&c, &f, &j, NOW).at, NOW);
    j.issued_profile = (char *)"shortlived";
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_LIFETIME);
    j.issued_profile = (char *)"classic";
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_PROFILE);
    c.profile = NULL;
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_PROFILE);
    j.issued_profile = NULL;
    assert_int_equal(plan_at(&c, &f, &j, NOW).reason, RENEWAL_LIFETIME);
}

/* A certificate that will be revoked goes before one that expires in weeks, not before one that does in
 * hours. */
static void test_what_is_more_urgent(void **state)
{
    struct journal early = suggested(NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - 3 * HOUR);
    struct journal usual = suggested(NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - 3 * HOUR);
    struct journal none = {0};
    struct cert_facts young = certificate(NOW - 10 * DAY, 90 * DAY);
    struct cert_facts old = certificate(NOW - 70 * DAY, 90 * DAY);
    struct cert_facts dying = certificate(NOW - 90 * DAY + HOUR, 90 * DAY);

    (void)state;
    young.ari_id = old.ari_id = (char *)"a.b";
    assert_int_equal(renewal_deadline(&young, &early), NOW - 2 * HOUR);
    assert_int_equal(renewal_deadline(&old, &usual), old.not_after - 90 * DAY / 20);
    assert_int_equal(renewal_deadline(&dying, &none), dying.not_after - 90 * DAY / 20);
    assert_true(renewal_deadline(&dying, &none) < renewal_deadline(&young, &early));
    assert_true(renewal_deadline(&young, &early) < renewal_deadline(&old, &usual));
}

static void test_the_reason_is_explained(void **state)
{
    struct journal j = {0};
    char text[RENEWAL_DESCRIPTION_MAX];

    (void)state;
    renewal_describe(RENEWAL_ARI_EARLY, &j, text, sizeof text);
    assert_string_equal(text, "the CA asks for an early renewal");
    j.ari.explanation = (char *)"https://ca.test/why";
    renewal_describe(RENEWAL_ARI_EARLY, &j, text, sizeof text);
    assert_string_equal(text, "the CA asks for an early renewal; why, says https://ca.test/why");
    renewal_describe(RENEWAL_NAMES, &j, text, sizeof text);
    assert_string_equal(text, "the configured names are not those of the certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_moment_that_the_ca_suggests),
        cmocka_unit_test(test_the_ca_asks_early),
        cmocka_unit_test(test_a_ca_that_asks_without_end),
        cmocka_unit_test(test_a_suggestion_too_late),
        cmocka_unit_test(test_renew_before_and_the_ca),
        cmocka_unit_test(test_another_profile),
        cmocka_unit_test(test_what_is_more_urgent),
        cmocka_unit_test(test_the_reason_is_explained),
        cmocka_unit_test(test_share_of_the_lifetime),
        cmocka_unit_test(test_a_revoked_certificate_is_replaced),
        cmocka_unit_test(test_renew_before_and_its_cap),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_floors),
        cmocka_unit_test(test_an_old_new_certificate_is_no_loop),
        cmocka_unit_test(test_hostile_dates),
        cmocka_unit_test(test_backoff_schedules),
        cmocka_unit_test(test_backoff_leaves_slack),
        cmocka_unit_test(test_jitter_is_ten_percent),
        cmocka_unit_test(test_retry_after_is_obeyed),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_the_clock),
        cmocka_unit_test(test_seeds_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
