/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/ledger.h"
#include "lib/registered_domain.h"

#include <stdio.h>
#include <string.h>

#define NOW    INT64_C(1800000000)
#define HOUR   INT64_C(3600)
#define DAY    (24 * HOUR)
#define MARGIN 60 /* the CA counts a little later */

static const char letsencrypt[] = "https://acme-v02.api.letsencrypt.org/directory";

/* The list of one name. */
#define ONE(name)                                                                                            \
    &(const struct strv)                                                                                     \
    {                                                                                                        \
        (char *[]){(char *)(name)}, 1                                                                        \
    }

static bool has_room(const struct ledger *l, const struct strv *names, enum ledger_exemption exemption,
                     int64_t now, enum ledger_limit limit, int64_t until)
{
    struct ledger_lack lack;

    if (ledger_has_room(l, names, exemption, now, &lack))
        return true;
    assert_int_equal(lack.limit, limit);
    assert_int_equal(lack.until, until);
    return false;
}

static void test_published_rates(void **state)
{
    const struct ledger_rates *r = ledger_rates(letsencrypt);

    (void)state;
    assert_non_null(r);
    assert_int_equal(r->v[LEDGER_DOMAIN].n, 50);
    assert_int_equal(r->v[LEDGER_SET].n, 5);
    assert_int_equal(r->v[LEDGER_FAILURES].window_s, HOUR);
    assert_null(ledger_rates("https://acme-staging-v02.api.letsencrypt.org/directory"));
    assert_null(ledger_rates("https://acme-v02.api.letsencrypt.org.evil.example/directory"));
    assert_string_equal(ledger_limit_to_str(LEDGER_FAILURES), "failures");
}

/* 50 new certificates of one registered domain, and then one each 3 h 21 min 36 s; others are not concerned.
 */
static void test_domain(void **state)
{
    struct ledger *l = ledger_new(ledger_rates(letsencrypt));
    const int64_t interval = 7 * DAY / 50;
    char name[64];

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof name, "n%u.example.co.uk", i);
        assert_true(has_room(l, ONE(name), LEDGER_COUNTED, NOW, 0, 0));
        ledger_take(l, ONE(name), LEDGER_COUNTED, NOW);
    }
    assert_false(
        has_room(l, ONE("*.example.co.uk"), LEDGER_COUNTED, NOW, LEDGER_DOMAIN, NOW + interval + MARGIN));
    assert_true(has_room(l, ONE("www.example.co.uk"), LEDGER_RENEWAL, NOW, 0, 0));
    assert_true(has_room(l, ONE("www.example.co.uk"), LEDGER_ARI, NOW, 0, 0));
    assert_true(has_room(l, ONE("www.other.co.uk"), LEDGER_COUNTED, NOW, 0, 0));
    assert_true(has_room(l, ONE("example.co.uk"), LEDGER_COUNTED, NOW + interval + MARGIN, 0, 0));
    ledger_take(l, ONE("n51.example.co.uk"), LEDGER_COUNTED, NOW + interval + MARGIN);
    assert_false(has_room(l, ONE("example.co.uk"), LEDGER_COUNTED, NOW + interval + MARGIN, LEDGER_DOMAIN,
                          NOW + 2 * interval + MARGIN));
    ledger_give_back(l, ONE("n1.example.co.uk"), LEDGER_COUNTED);
    assert_true(has_room(l, ONE("example.co.uk"), LEDGER_COUNTED, NOW + interval + MARGIN, 0, 0));
    ledger_free(l);
}

/* Two names of one domain are one certificate of it; a domain that is closed among several counts. */
static void test_several_domains(void **state)
{
    static const struct ledger_rates rates = {{[LEDGER_DOMAIN] = {2, 2 * HOUR}}};
    char *names[] = {(char *)"a.example.com", (char *)"b.example.com", (char *)"a.example.net"};
    const struct strv all = {names, 3};
    struct ledger *l = ledger_new(&rates);

    (void)state;
    ledger_take(l, &all, LEDGER_COUNTED, NOW);
    assert_true(has_room(l, &all, LEDGER_COUNTED, NOW, 0, 0));
    ledger_take(l, ONE("x.example.net"), LEDGER_COUNTED, NOW);
    assert_true(has_room(l, ONE("x.example.com"), LEDGER_COUNTED, NOW, 0, 0));
    assert_false(has_room(l, &all, LEDGER_COUNTED, NOW, LEDGER_DOMAIN, NOW + HOUR + MARGIN));
    ledger_free(l);
}

/* Five of one set in whatever order, ARI or not; only ARI does not wait for it. */
static void test_set(void **state)
{
    struct ledger *l = ledger_new(ledger_rates(letsencrypt));
    char *names[] = {(char *)"a.example.com", (char *)"b.example.com"};
    char *turned[] = {(char *)"b.example.com", (char *)"a.example.com"};
    const struct strv set = {names, 2};
    const struct strv same = {turned, 2};
    struct ledger_lack lack;

    (void)state;
    ledger_take(l, &set, LEDGER_COUNTED, NOW);
    for (unsigned i = 0; i < 4; i++)
        ledger_take(l, i % 2 == 0 ? &same : &set, i < 2 ? LEDGER_RENEWAL : LEDGER_ARI, NOW);
    ledger_take(l, &set, LEDGER_RESUMED, NOW);
    assert_false(has_room(l, &same, LEDGER_RENEWAL, NOW, LEDGER_SET, NOW + 7 * DAY / 5 + MARGIN));
    assert_true(has_room(l, &same, LEDGER_ARI, NOW, 0, 0));
    assert_true(has_room(l, &same, LEDGER_RESUMED, NOW, 0, 0));
    assert_true(has_room(l, ONE("a.example.com"), LEDGER_RENEWAL, NOW, 0, 0));
    assert_false(ledger_has_room(l, &set, LEDGER_COUNTED, NOW, &lack));
    assert_string_equal(lack.label, "a.example.com and 1 more");
    ledger_free(l);
}

/* The clock was set back by a year: one goes, and from then on it counts by the new time. */
static void test_clock_set_back(void **state)
{
    struct ledger *l = ledger_new(ledger_rates(letsencrypt));

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        ledger_take(l, ONE("a.example.com"), LEDGER_RENEWAL, NOW);
    assert_true(has_room(l, ONE("a.example.com"), LEDGER_RENEWAL, NOW - 365 * DAY, 0, 0));
    ledger_take(l, ONE("a.example.com"), LEDGER_RENEWAL, NOW - 365 * DAY);
    assert_false(has_room(l, ONE("a.example.com"), LEDGER_RENEWAL, NOW - 365 * DAY, LEDGER_SET,
                          NOW - 365 * DAY + 7 * DAY / 5 + MARGIN));
    ledger_free(l);
}

/* At most five failures of one name in an hour, whatever certificate they are of. */
static void test_failures(void **state)
{
    struct ledger *l = ledger_new(ledger_rates(letsencrypt));
    char *names[] = {(char *)"ok.example.com", (char *)"bad.example.com"};
    const struct strv both = {names, 2};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(has_room(l, &both, LEDGER_COUNTED, NOW, 0, 0));
        ledger_failed(l, "bad.example.com", NOW);
    }
    assert_false(has_room(l, &both, LEDGER_RENEWAL, NOW, LEDGER_FAILURES, NOW + 720 + MARGIN));
    assert_true(has_room(l, ONE("ok.example.com"), LEDGER_COUNTED, NOW, 0, 0));
    assert_true(has_room(l, &both, LEDGER_COUNTED, NOW + 720 + MARGIN, 0, 0));
    ledger_free(l);
}

/* Many, and what is full again makes room: the table does not grow for ever. */
static void test_many(void **state)
{
    struct ledger *l = ledger_new(ledger_rates(letsencrypt));
    struct ledger_line v[4];
    struct ledger *copy;
    size_t total;
    char name[64];

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 10000; i++) {
            (void)snprintf(name, sizeof name, "www.n%u.example", i);
            ledger_take(l, ONE(name), LEDGER_COUNTED, NOW + round * 30 * DAY);
        }
        (void)ledger_list(l, NOW + round * 30 * DAY, v, 4, &total);
        assert_int_equal(total, 20000);
    }
    ledger_failed(l, "www.n7.example", NOW + 60 * DAY);
    copy = ledger_copy(l);
    ledger_free(l);
    assert_int_equal(ledger_list(copy, NOW + 60 * DAY, v, 4, &total), 4);
    assert_int_equal(total, 20001);
    assert_int_equal(v[0].left, 4);
    assert_int_equal(ledger_list(copy, NOW + 90 * DAY, v, 4, &total), 0);
    ledger_free(copy);
}

static void test_list(void **state)
{
    struct ledger *l = ledger_new(ledger_rates(letsencrypt));
    struct ledger_line v[2];
    size_t total;

    (void)state;
    assert_int_equal(ledger_list(l, NOW, v, 2, &total), 0);
    for (unsigned i = 0; i < 5; i++)
        ledger_failed(l, "bad.example.com", NOW);
    ledger_take(l, ONE("a.example.com"), LEDGER_COUNTED, NOW);
    assert_int_equal(ledger_list(l, NOW, v, 2, &total), 2);
    assert_int_equal(total, 3);
    assert_int_equal(v[0].limit, LEDGER_FAILURES);
    assert_string_equal(v[0].label, "bad.example.com");
    assert_int_equal(v[0].left, 0);
    assert_int_equal(v[0].room_at, NOW + 720 + MARGIN);
    assert_int_equal(v[0].full_at, NOW + HOUR);
    assert_int_equal(v[1].limit, LEDGER_SET);
    assert_int_equal(v[1].left, 4);
    assert_int_equal(v[1].room_at, 0);
    assert_int_equal(ledger_rate(l, LEDGER_SET)->n, 5);
    ledger_free(l);
    ledger_free(NULL);
}

static void test_registered_domains(void **state)
{
    static const char *const cases[][2] = {
        {"www.example.com", "example.com"},
        {"example.com", "example.com"},
        {"*.a.b.example.co.uk", "example.co.uk"},
        {"co.uk", "co.uk"},
        {"someone.github.io", "someone.github.io"},
        {"a.someone.github.io", "someone.github.io"},
        {"www.xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"localhost", "localhost"},
        {"192.0.2.7", "192.0.2.7"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"::1", "0:0:0:0::/64"},
    };
    char out[REGISTERED_DOMAIN_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        registered_domain(cases[i][0], out);
        assert_string_equal(out, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_rates),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_several_domains),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_registered_domains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
