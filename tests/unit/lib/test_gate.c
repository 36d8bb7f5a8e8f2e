/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/gate.h"

#include <stdio.h>
#include <string.h>

#define NOW  INT64_C(1800000000)
#define HOUR 3600

static char *a_names[] = {(char *)"a.example.com"};
static char *b_names[] = {(char *)"www.b.example"};
static const struct strv a = {a_names, 1};
static const struct strv b = {b_names, 1};

static bool goes(const struct gate *g, const struct strv *names, int64_t now)
{
    return gate_ask(g, names, LEDGER_COUNTED, now).go;
}

static enum gate_cause why(const struct gate *g, const struct strv *names, int64_t now)
{
    return gate_ask(g, names, LEDGER_COUNTED, now).cause;
}

static struct err failure(enum err_class class, int64_t retry_at, const char *text)
{
    struct err e;

    err_set(&e, class, "%s", text);
    e.retry_at = retry_at;
    return e;
}

/* One that begins and ends so. */
static bool run(struct gate *g, const struct strv *names, const struct err *e, enum gate_scope scope,
                int64_t now)
{
    gate_started(g, names, LEDGER_COUNTED, now);
    return gate_ended(g, names, e, scope, 0, now);
}

static void check_describe(const struct gate *g, int64_t now, enum gate_cause cause, const char *begin,
                           int64_t until)
{
    char text[ERR_TEXT_MAX + 64];
    int64_t u;

    assert_int_equal(gate_describe(g, now, text, sizeof text, &u), cause);
    assert_int_equal(u, until);
    assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
}

/* Orders that rest say nothing about whether the CA is back: the probe does not wait for them. */
static void test_resting(void **state)
{
    const struct err e = failure(ERR_CLASS_RATE_LIMITED, NOW + 10, "busy");
    struct gate *g = gate_new(0, 0);
    int64_t until;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        gate_started(g, &a, LEDGER_COUNTED, NOW);
    gate_rest(g, true);
    gate_rest(g, true);
    assert_int_equal(gate_resting(g), 2);
    assert_true(gate_ended(g, &a, &e, GATE_SCOPE_NEW_ORDER, 0, NOW));
    until = gate_ask(g, &b, LEDGER_COUNTED, NOW).until;
    assert_in_range(until, NOW + 10, NOW + 15);
    assert_true(goes(g, &b, until));
    gate_started(g, &b, LEDGER_COUNTED, until);
    assert_int_equal(why(g, &a, until), GATE_CAUSE_PROBE);
    gate_rest(g, true);
    assert_true(goes(g, &a, until)); /* the CA took it: the next goes */
    gate_rest(g, false);
    assert_int_equal(why(g, &a, until), GATE_CAUSE_PROBE);
    gate_free(g);
}

/* One fact for all: one probe, then twice as many each time. */
static void test_unreachable(void **state)
{
    const struct err e = failure(ERR_CLASS_NETWORK, 0, "no route to host");
    struct gate *g = gate_new(0, 0);
    int64_t until;

    (void)state;
    check_describe(g, NOW, GATE_CAUSE_NONE, "", 0);
    for (unsigned i = 0; i < 8; i++)
        gate_started(g, &a, LEDGER_COUNTED, NOW);
    for (unsigned i = 0; i < 8; i++)
        assert_true(gate_ended(g, &a, &e, GATE_SCOPE_ORDER, 0, NOW + i));
    until = gate_ask(g, &b, LEDGER_COUNTED, NOW).until;
    assert_in_range(until, NOW + 60, NOW + 75); /* eight that fell together are one failure */
    assert_int_equal(why(g, &b, NOW), GATE_CAUSE_UNREACHABLE);
    assert_true(gate_holds_all(GATE_CAUSE_UNREACHABLE));
    check_describe(g, NOW, GATE_CAUSE_UNREACHABLE, "cannot be reached: no route to host", until);
    assert_true(goes(g, &b, until));
    gate_started(g, &b, LEDGER_COUNTED, until);
    assert_int_equal(why(g, &a, until), GATE_CAUSE_PROBE);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, until).until, 0);
    assert_true(gate_ended(g, &b, &e, GATE_SCOPE_ORDER, 0, until));
    assert_in_range(gate_ask(g, &a, LEDGER_COUNTED, until).until, until + 100, until + 130); /* 2 min */
    until += 130;
    assert_false(run(g, &a, NULL, GATE_SCOPE_ORDER, until));
    check_describe(g, until, GATE_CAUSE_NONE, "", 0);
    for (unsigned window = 2; window <= 64; window *= 2) {
        for (unsigned i = 0; i < window; i++) {
            assert_true(goes(g, &a, until));
            gate_started(g, &a, LEDGER_COUNTED, until);
        }
        assert_int_equal(why(g, &a, until), GATE_CAUSE_PROBE);
        assert_int_equal(gate_in_flight(g), window);
        gate_ended(g, &a, NULL, GATE_SCOPE_ORDER, 0, until);
        for (unsigned i = 1; i < window; i++) /* the CA answers, though not as wished: no news */
            gate_ended(g, &a, &(struct err){.class = ERR_CLASS_INTERNAL}, GATE_SCOPE_ORDER, 0, until);
    }
    for (unsigned i = 0; i < 1000; i++)
        gate_started(g, &a, LEDGER_COUNTED, until);
    assert_true(goes(g, &a, until));
    gate_free(g);
}

/* What was placed already takes nothing; when a new order takes its place, that does. */
static void test_one_that_cannot_be_resumed(void **state)
{
    struct gate *g = gate_new(2, 36000);
    struct ledger_rate rate;
    struct ledger_line line;

    (void)state;
    gate_started(g, &a, LEDGER_RESUMED, NOW);
    assert_true(gate_account_left(g, NOW, &rate, &line));
    assert_int_equal(line.left, 2);
    gate_placed_anew(g, &a, LEDGER_RENEWAL, NOW);
    assert_true(gate_account_left(g, NOW, &rate, &line));
    assert_int_equal(line.left, 2);
    gate_placed_anew(g, &a, LEDGER_COUNTED, NOW);
    assert_true(gate_account_left(g, NOW, &rate, &line));
    assert_int_equal(line.left, 1);
    assert_int_equal(gate_in_flight(g), 1);
    gate_free(g);
}

/* Thirty days away: never more often than each minute, never less than twice an hour. */
static void test_probes_of_a_long_outage(void **state)
{
    const struct err e = failure(ERR_CLASS_NETWORK, 0, "no route to host");
    struct gate *g = gate_new(0, 0);
    int64_t now = NOW;
    unsigned probes = 0;

    (void)state;
    while (now < NOW + 30 * 24 * HOUR) {
        int64_t until;

        run(g, &a, &e, GATE_SCOPE_ACCOUNT, now);
        until = gate_ask(g, &a, LEDGER_COUNTED, now).until;
        assert_in_range(until - now, 54, 33 * 60);
        now = until;
        probes++;
    }
    assert_in_range(probes, 1400, 1700);
    gate_free(g);
}

static void test_nudge(void **state)
{
    const struct err away = failure(ERR_CLASS_NETWORK, 0, "x");
    const struct err asked = failure(ERR_CLASS_RATE_LIMITED, NOW + HOUR, "too many");
    struct gate *g = gate_new(0, 0);

    (void)state;
    run(g, &a, &away, GATE_SCOPE_ORDER, NOW);
    assert_false(goes(g, &a, NOW + 1));
    gate_nudge(g, NOW + 1);
    gate_nudge(g, NOW + 1);
    assert_true(goes(g, &a, NOW + 1));
    gate_started(g, &a, LEDGER_COUNTED, NOW + 1);
    assert_int_equal(why(g, &b, NOW + 1), GATE_CAUSE_PROBE); /* one for all who ask */
    gate_ended(g, &a, &asked, GATE_SCOPE_NEW_ORDER, 0, NOW + 1);
    gate_nudge(g, NOW + 2);
    assert_int_equal(why(g, &a, NOW + 2), GATE_CAUSE_ASKED);
    gate_free(g);
}

static void test_scopes(void **state)
{
    static const struct {
        enum err_class class;
        enum gate_scope scope;
        bool matter;
        enum gate_cause cause;
    } cases[] = {
        {ERR_CLASS_NETWORK, GATE_SCOPE_ORDER, true, GATE_CAUSE_UNREACHABLE},
        {ERR_CLASS_NETWORK, GATE_SCOPE_ACCOUNT, true, GATE_CAUSE_UNREACHABLE},
        {ERR_CLASS_RATE_LIMITED, GATE_SCOPE_ORDER, false, GATE_CAUSE_NONE},
        {ERR_CLASS_RATE_LIMITED, GATE_SCOPE_NEW_ORDER, true, GATE_CAUSE_ASKED},
        {ERR_CLASS_RATE_LIMITED, GATE_SCOPE_ACCOUNT, true, GATE_CAUSE_ASKED},
        {ERR_CLASS_TRANSIENT, GATE_SCOPE_NEW_ORDER, false, GATE_CAUSE_NONE},
        {ERR_CLASS_TRANSIENT, GATE_SCOPE_ACCOUNT, true, GATE_CAUSE_REFUSED},
        {ERR_CLASS_PERMANENT, GATE_SCOPE_NEW_ORDER, false, GATE_CAUSE_NONE},
        {ERR_CLASS_PERMANENT, GATE_SCOPE_ACCOUNT, true, GATE_CAUSE_REFUSED},
        {ERR_CLASS_INTERNAL, GATE_SCOPE_ORDER, false, GATE_CAUSE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct err e = failure(cases[i].class, 0, "x");
        struct gate *g = gate_new(0, 0);

        assert_int_equal(run(g, &a, &e, cases[i].scope, NOW), cases[i].matter);
        assert_int_equal(why(g, &b, NOW), cases[i].cause);
        gate_free(g);
    }
}

/* FAULTS 2: Retry-After is obeyed, clamped to a day; a CA that says "in a second" for ever is asked less and
 * less. */
static void test_pause(void **state)
{
    struct gate *g = gate_new(0, 0);
    struct err e = failure(ERR_CLASS_RATE_LIMITED, NOW + 30, "too many new orders (300) from this account");
    int64_t now = NOW;
    int64_t until = 0;

    (void)state;
    assert_true(run(g, &a, &e, GATE_SCOPE_NEW_ORDER, now));
    assert_int_equal(gate_ask(g, &b, LEDGER_RENEWAL, now).until, NOW + 31);
    check_describe(g, now, GATE_CAUSE_ASKED, "takes no new orders for now: too many", NOW + 31);
    for (unsigned i = 0; i < 8; i++) {
        now = gate_ask(g, &b, LEDGER_COUNTED, now).until;
        e.retry_at = now + 1;
        assert_true(run(g, &a, &e, GATE_SCOPE_NEW_ORDER, now));
        until = gate_ask(g, &b, LEDGER_COUNTED, now).until;
        assert_true(until - now >= (i < 1 ? 54 : i < 4 ? 100 : 1600));
    }
    assert_false(run(g, &a, NULL, GATE_SCOPE_ORDER, until));
    e.retry_at = NOW + 400 * 24 * HOUR;
    run(g, &a, &e, GATE_SCOPE_NEW_ORDER, until);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, until).until, until + 24 * HOUR + 1);
    /* one that had begun before comes through: the pause stays one */
    gate_ended(g, &a, NULL, GATE_SCOPE_ORDER, 0, until + 1);
    assert_int_equal(why(g, &a, until + 1), GATE_CAUSE_ASKED);
    gate_free(g);
    g = gate_new(0, 0);
    e.retry_at = 0;
    run(g, &a, &e, GATE_SCOPE_NEW_ORDER, NOW);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, NOW).until, NOW + 901);
    gate_free(g);
}

static void test_domain(void **state)
{
    const struct err e = failure(ERR_CLASS_RATE_LIMITED, NOW + HOUR,
                                 "HTTP 429 rateLimited: too many certificates (50) already issued for "
                                 "\"Example.COM\" in the last 168h0m0s");
    struct gate *g = gate_new(0, 0);
    int64_t now = NOW + HOUR + 1;

    (void)state;
    assert_true(run(g, &a, &e, GATE_SCOPE_NEW_ORDER, NOW));
    assert_int_equal(why(g, &a, NOW), GATE_CAUSE_DOMAIN);
    assert_int_equal(gate_ask(g, &a, LEDGER_RENEWAL, NOW).until, NOW + HOUR + 1);
    assert_false(gate_holds_all(GATE_CAUSE_DOMAIN));
    assert_true(goes(g, &b, NOW));
    check_describe(g, NOW, GATE_CAUSE_NONE, "", 0);
    assert_true(goes(g, &a, now));
    gate_started(g, &a, LEDGER_COUNTED, now);
    assert_int_equal(why(g, &a, now), GATE_CAUSE_DOMAIN); /* one goes first */
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, now).until, 0);
    assert_true(goes(g, &b, now));
    gate_ended(g, &a, NULL, GATE_SCOPE_ORDER, 0, now);
    for (unsigned i = 1; i < 64; i++) {
        assert_true(goes(g, &a, now));
        run(g, &a, NULL, GATE_SCOPE_ORDER, now);
    }
    for (unsigned i = 0; i < 100; i++)
        gate_started(g, &a, LEDGER_COUNTED, now);
    assert_true(goes(g, &a, now)); /* forgotten */
    gate_free(g);
}

static void test_limits_of_a_set_close_nothing(void **state)
{
    static const char *const texts[] = {
        "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
        "too many failed authorizations (5) for \"a.example.com\" in the last 1h0m0s",
        "Your account is temporarily prevented from requesting certificates for a.example.com",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct err e = failure(ERR_CLASS_RATE_LIMITED, NOW + HOUR, texts[i]);
        struct gate *g = gate_new(0, 0);

        assert_false(run(g, &a, &e, GATE_SCOPE_NEW_ORDER, NOW));
        assert_true(goes(g, &a, NOW));
        gate_free(g);
    }
}

/* 280 in 3 h: a burst, then one each 38.6 s; renewals do not count; what others used up shows as a 429. */
static void test_limit(void **state)
{
    const struct err e =
        failure(ERR_CLASS_RATE_LIMITED, NOW + 36, "too many new orders (300) from this account");
    struct gate *g = gate_new(280, 3 * HOUR);
    unsigned n = 0;

    (void)state;
    for (; goes(g, &a, NOW); n++)
        run(g, &a, NULL, GATE_SCOPE_ORDER, NOW);
    assert_int_equal(n, 280);
    assert_int_equal(why(g, &a, NOW), GATE_CAUSE_LIMIT);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, NOW).until, NOW + 39);
    assert_true(gate_ask(g, &a, LEDGER_RENEWAL, NOW).go);
    for (int64_t now = NOW; now < NOW + 3 * HOUR; now++)
        for (; goes(g, &a, now); n++)
            run(g, &a, NULL, GATE_SCOPE_ORDER, now);
    assert_in_range(n, 558, 560);
    gate_free(g);

    g = gate_new(2, 2 * HOUR); /* the clock is set back by a day: one goes, then it counts by the new time */
    run(g, &a, NULL, GATE_SCOPE_ORDER, NOW);
    run(g, &a, NULL, GATE_SCOPE_ORDER, NOW);
    assert_int_equal(why(g, &a, NOW), GATE_CAUSE_LIMIT);
    assert_true(goes(g, &a, NOW - 24 * HOUR));
    run(g, &a, NULL, GATE_SCOPE_ORDER, NOW - 24 * HOUR);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, NOW - 24 * HOUR).until, NOW - 23 * HOUR);
    gate_free(g);

    g = gate_new(280, 3 * HOUR);
    run(g, &a, &e, GATE_SCOPE_NEW_ORDER, NOW);
    run(g, &a, NULL, GATE_SCOPE_ORDER, NOW + 39);
    assert_int_equal(why(g, &a, NOW + 39), GATE_CAUSE_LIMIT);
    gate_free(g);
}

/* What was closed while the clock was years ahead does not stay closed for years once it is right. */
static void test_closed_under_another_clock(void **state)
{
    const int64_t ahead = NOW + INT64_C(10) * 365 * 24 * HOUR;
    const struct err away = failure(ERR_CLASS_NETWORK, 0, "certificate is not valid any more");
    const struct err much = failure(ERR_CLASS_RATE_LIMITED, 0, "too many orders");
    const struct err domain = failure(ERR_CLASS_RATE_LIMITED, ahead + HOUR, "too many for \"example.com\"");
    struct gate *g = gate_new(0, 0);

    (void)state;
    assert_true(run(g, &a, &away, GATE_SCOPE_ORDER, ahead));
    assert_int_equal(why(g, &a, ahead), GATE_CAUSE_UNREACHABLE);
    assert_true(goes(g, &a, NOW));
    check_describe(g, NOW, GATE_CAUSE_UNREACHABLE, "cannot be reached", 0);
    assert_int_equal(gate_forecast(g, &a, LEDGER_COUNTED, NOW), NOW);
    gate_started(g, &a, LEDGER_COUNTED, NOW);
    assert_int_equal(why(g, &b, NOW), GATE_CAUSE_PROBE);
    assert_true(gate_ended(g, &a, &away, GATE_SCOPE_ORDER, 0, NOW)); /* closed by the clock as it is now */
    assert_in_range(gate_ask(g, &a, LEDGER_COUNTED, NOW).until, NOW + 60, NOW + 700);
    gate_free(g);

    g = gate_new(0, 0);
    assert_true(run(g, &a, &much, GATE_SCOPE_NEW_ORDER, ahead));
    assert_true(goes(g, &a, NOW));
    assert_false(run(g, &a, NULL, GATE_SCOPE_ORDER, NOW));
    check_describe(g, NOW, GATE_CAUSE_NONE, "", 0);
    gate_free(g);

    g = gate_new(0, 0);
    assert_true(run(g, &a, &domain, GATE_SCOPE_NEW_ORDER, ahead));
    assert_int_equal(why(g, &a, ahead), GATE_CAUSE_DOMAIN);
    assert_true(goes(g, &a, NOW));
    assert_int_equal(gate_forecast(g, &a, LEDGER_COUNTED, NOW), NOW);
    gate_free(g);
}

/* A domain that cannot be closed, for there are too many, does not let its orders run in a loop: whoever is
 * refused backs off. Those that have long been open again give way. */
static void test_too_many_domains(void **state)
{
    struct gate *g = gate_new(0, 0);
    int64_t now = NOW;

    (void)state;
    for (unsigned i = 0; i < 2500; i++) {
        char name[32];
        char text[64];
        char *v[] = {name};
        const struct strv names = {v, 1};
        struct err e;

        if (i == 2000)
            now += 24 * HOUR;
        (void)snprintf(name, sizeof name, "d%u.example", i);
        (void)snprintf(text, sizeof text, "too many for \"%s\"", name);
        e = failure(ERR_CLASS_RATE_LIMITED, now + HOUR, text);
        assert_int_equal(run(g, &names, &e, GATE_SCOPE_NEW_ORDER, now), i < 1000 || i >= 2000);
        assert_int_equal(goes(g, &names, now), i >= 1000 && i < 2000);
    }
    gate_free(g);
}

/* No limit is known: after a refusal orders go one by one, renewals as well, for whatever limit a CA has. */
static void test_learned_pace(void **state)
{
    struct err e = failure(ERR_CLASS_RATE_LIMITED, NOW + 180, "too many orders");
    struct gate *g = gate_new(0, 0);
    int64_t now = NOW + 181;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        run(g, &a, NULL, GATE_SCOPE_ORDER, NOW);
    assert_int_equal(gate_pace_ms(g), 0);
    gate_started(g, &b, LEDGER_COUNTED,
                 NOW); /* begun before the refusal, ends after it: no sign of the CA's mercy */
    run(g, &a, &e, GATE_SCOPE_NEW_ORDER, NOW);
    gate_ended(g, &b, NULL, GATE_SCOPE_ORDER, 0, NOW + 5);
    assert_int_equal(gate_pace_ms(g), 0);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, NOW + 5).until, now);
    run(g, &a, NULL, GATE_SCOPE_ORDER, now);
    assert_int_equal(gate_pace_ms(g), 181000 / 21 + 181000 / 21 / 10);
    assert_int_equal(why(g, &a, now), GATE_CAUSE_PACE);
    assert_int_equal(gate_ask(g, &a, LEDGER_RENEWAL, now).cause, GATE_CAUSE_PACE);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, now).until, now + 10);
    assert_false(gate_holds_all(GATE_CAUSE_PACE));
    assert_true(goes(g, &a, now + 10));
    e.retry_at = now + 10; /* "now": asked again at once, the first time */
    run(g, &a, &e, GATE_SCOPE_NEW_ORDER, now + 10);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, now + 10).until, now + 11);
    gate_free(g);
}

/* A CA that never says when is asked less and less often. */
static void test_blind_pauses(void **state)
{
    static const int64_t pauses[] = {900, 1800, 3600, 7200, 14400, 14400};
    const struct err e = failure(ERR_CLASS_RATE_LIMITED, 0, "too many orders");
    struct gate *g = gate_new(0, 0);
    int64_t now = NOW;

    (void)state;
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        int64_t until;

        run(g, &a, &e, GATE_SCOPE_NEW_ORDER, now);
        until = gate_ask(g, &a, LEDGER_COUNTED, now).until;
        assert_int_equal(until, now + pauses[i] + 1);
        now = until;
    }
    gate_free(g);
}

static void test_remembered(void **state)
{
    struct gate_past past[400];
    struct gate *g = gate_new(280, 3 * HOUR);

    (void)state;
    for (int64_t i = 0; i < 280; i++)
        past[i] = (struct gate_past){.at = NOW - i / 10, .names = &b}; /* a moment ago, newest first */
    gate_remember(g, past, 280, NOW);
    assert_int_equal(why(g, &a, NOW), GATE_CAUSE_LIMIT);
    assert_true(goes(g, &a, NOW + 60));
    gate_free(g);

    g = gate_new(280, 3 * HOUR);
    for (int64_t i = 0; i < 280; i++) /* long ago, or of another clock */
        past[i] = (struct gate_past){.at = i % 2 == 0 ? NOW - 3 * HOUR - i : NOW + 1 + i, .names = &b};
    gate_remember(g, past, 280, NOW);
    for (unsigned i = 0; i < 280; i++, run(g, &a, NULL, GATE_SCOPE_ORDER, NOW))
        assert_true(goes(g, &a, NOW));
    gate_free(g);

    g = gate_new(1, HOUR);
    for (int64_t i = 0; i < 400; i++)
        past[i] = (struct gate_past){.at = NOW, .names = &b};
    gate_remember(g, past, 400, NOW);
    assert_true(goes(g, &a, NOW + HOUR));
    gate_free(g);
}

static const struct ledger_rates rates = {{{2, 2 * HOUR}, {1, HOUR}, {1, HOUR}}};

/* The ledger's limits: each holds only whom it concerns, and gives back what came to nothing. */
static void test_ledger(void **state)
{
    static char *names_of_c[] = {(char *)"c.example.com"};
    const struct strv c = {names_of_c, 1};
    struct gate *g = gate_new(0, 0);
    struct gate_answer answer;

    (void)state;
    assert_null(gate_ledger(g));
    assert_true(gate_keep_ledger(g, &rates));
    gate_started(g, &a, LEDGER_COUNTED, NOW);
    answer = gate_ask(g, &a, LEDGER_RENEWAL, NOW);
    assert_int_equal(answer.cause, GATE_CAUSE_LEDGER);
    assert_int_equal(answer.lack.limit, LEDGER_SET);
    assert_int_equal(answer.until, NOW + HOUR + 60); /* the CA counts a little later */
    assert_false(gate_holds_all(answer.cause));
    assert_true(gate_ask(g, &a, LEDGER_ARI, NOW).go);
    assert_true(goes(g, &c, NOW));
    gate_started(g, &c, LEDGER_COUNTED, NOW);
    names_of_c[0] = (char *)"d.example.com";
    assert_int_equal(gate_ask(g, &c, LEDGER_COUNTED, NOW).lack.limit, LEDGER_DOMAIN);
    assert_true(gate_ask(g, &c, LEDGER_RENEWAL, NOW).go);
    assert_true(goes(g, &b, NOW));
    gate_ended(g, &a, &(struct err){.class = ERR_CLASS_TRANSIENT}, GATE_SCOPE_ORDER, 0, NOW);
    gate_give_back(g, &a, LEDGER_COUNTED);
    gate_validation_failed(g, "a.example.com", NOW);
    assert_int_equal(gate_ask(g, &a, LEDGER_COUNTED, NOW).lack.limit, LEDGER_FAILURES);
    assert_true(goes(g, &c, NOW));
    assert_true(goes(g, &a, NOW + HOUR + 60));
    gate_free(g);
}

/* After a restart: what was issued, and what failed, counts by its time. */
static void test_remembered_ledger(void **state)
{
    struct gate_past past[] = {
        {.at = NOW - 60, .names = &b, .failed = true},
        {.at = NOW - 1800, .names = &a, .exemption = LEDGER_COUNTED},
        {.at = NOW + 5, .names = &b, .exemption = LEDGER_COUNTED},
    };
    struct gate *g = gate_new(0, 0);
    struct gate_answer answer;

    (void)state;
    assert_true(gate_keep_ledger(g, &rates));
    gate_remember(g, past, 3, NOW);
    answer = gate_ask(g, &a, LEDGER_COUNTED, NOW);
    assert_int_equal(answer.lack.limit, LEDGER_SET);
    assert_int_equal(answer.until, NOW + 1800 + 60);
    answer = gate_ask(g, &b, LEDGER_COUNTED, NOW);
    assert_int_equal(answer.lack.limit, LEDGER_FAILURES);
    assert_int_equal(answer.until, NOW - 60 + HOUR + 60);
    gate_free(g);
}

/* Each gets the next place, by all limits; the gate itself stays as it is. */
static void test_forecast(void **state)
{
    const struct err e = failure(ERR_CLASS_RATE_LIMITED, NOW + 100, "too many orders");
    struct gate *g = gate_new(2, 2 * HOUR);
    struct gate *copy;
    struct ledger_line line;
    struct ledger_rate rate;

    (void)state;
    assert_true(gate_keep_ledger(g, &rates));
    assert_true(gate_account_left(g, NOW, &rate, &line));
    assert_int_equal(line.left, 2);
    assert_int_equal(rate.n, 2);
    assert_int_equal(rate.window_s, 2 * HOUR);
    copy = gate_copy(g);
    assert_non_null(copy);
    assert_int_equal(gate_forecast(copy, &a, LEDGER_COUNTED, NOW), NOW);
    assert_int_equal(gate_forecast(copy, &b, LEDGER_COUNTED, NOW + 5), NOW + 5);
    assert_int_equal(gate_forecast(copy, &b, LEDGER_ARI, NOW + 5), NOW + 5);
    assert_int_equal(gate_forecast(copy, &a, LEDGER_COUNTED, NOW + 5), NOW + HOUR + 60);
    assert_int_equal(gate_forecast(copy, &a, LEDGER_RENEWAL, NOW + 5), NOW + 2 * HOUR + 120);
    gate_free(copy);
    assert_true(gate_account_left(g, NOW, &rate, &line));
    assert_int_equal(line.left, 2);
    run(g, &a, &e, GATE_SCOPE_NEW_ORDER, NOW); /* closed, and then the bucket is empty */
    copy = gate_copy(g);
    assert_int_equal(gate_forecast(copy, &b, LEDGER_ARI, NOW), NOW + 101);
    assert_int_equal(gate_forecast(copy, &b, LEDGER_COUNTED, NOW), NOW + 101 + HOUR + 60); /* of its set */
    assert_true(gate_account_left(copy, NOW, &rate, &line));
    assert_int_equal(line.left, 0);
    assert_int_equal(line.room_at, NOW + 2 * HOUR);
    gate_free(copy);
    gate_free(g);
    g = gate_new(0, 0);
    assert_false(gate_account_left(g, NOW, &rate, &line));
    gate_free(g);
}

/* After a restart: nothing is known but that there was trouble. */
static void test_suspect(void **state)
{
    struct gate *g = gate_new(0, 0);

    (void)state;
    gate_suspect(g);
    assert_true(goes(g, &a, NOW));
    gate_started(g, &a, LEDGER_COUNTED, NOW);
    assert_int_equal(why(g, &b, NOW), GATE_CAUSE_PROBE);
    gate_ended(g, &a, NULL, GATE_SCOPE_ORDER, 0, NOW);
    assert_true(goes(g, &b, NOW));
    gate_free(g);
}

static void test_published_limits(void **state)
{
    int64_t window;

    (void)state;
    assert_int_equal(gate_limit("https://acme-v02.api.letsencrypt.org/directory", &window), 280);
    assert_int_equal(window, 3 * HOUR);
    assert_int_equal(gate_limit("https://acme-staging-v02.api.letsencrypt.org/directory", &window), 0);
    assert_int_equal(gate_limit("https://acme.zerossl.com/v2/DV90", &window), 0);
    assert_int_equal(gate_limit("https://127.0.0.1:14000/dir", &window), 0);
    gate_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resting),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_one_that_cannot_be_resumed),
        cmocka_unit_test(test_probes_of_a_long_outage),
        cmocka_unit_test(test_nudge),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_limits_of_a_set_close_nothing),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_closed_under_another_clock),
        cmocka_unit_test(test_too_many_domains),
        cmocka_unit_test(test_learned_pace),
        cmocka_unit_test(test_blind_pauses),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_remembered_ledger),
        cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_suspect),
        cmocka_unit_test(test_published_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
