/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/gate.h"
#include "lib/http.h"
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_ORDERS 8
#define ORDER_TIME 5 /* seconds from newOrder to the certificate */
#define FAIL_TIME  1

/* A limit as Let's Encrypt counts: a bucket of n that refills in window seconds. */
struct bucket {
    int64_t n;
    int64_t window;
    int64_t full_at_ms; /* when nothing of it will be used any more */
    bool fixed;         /* other CAs: n from each multiple of window to the next */
    int64_t began;
    int64_t used;
};

static bool fixed_take(struct bucket *b, int64_t now, int64_t *wait)
{
    if (now >= b->began + b->window) {
        b->began = now - now % b->window;
        b->used = 0;
    }
    *wait = b->began + b->window - now;
    return b->used < b->n && ++b->used > 0;
}

/* True: taken. Else *wait: seconds until it would be. */
static bool bucket_take(struct bucket *b, int64_t now, int64_t *wait)
{
    int64_t interval = b->window * 1000 / b->n;
    int64_t full_at = b->full_at_ms > now * 1000 ? b->full_at_ms : now * 1000;
    int64_t excess = full_at + interval - now * 1000 - b->window * 1000;

    if (b->fixed)
        return fixed_take(b, now, wait);
    *wait = (excess + 999) / 1000;
    if (excess > 0)
        return false;
    b->full_at_ms = full_at + interval;
    return true;
}

struct order {
    char name[64];
    char *names[1];
    struct strv domains;
    struct bucket *domain; /* of its registered domain; NULL: one of its own */
    struct bucket failures;
    bool exists;       /* there is a certificate: slack counts, newOrder is exempt */
    int64_t slack;     /* its not_after */
    bool unprovable;   /* the CA never can validate the name */
    unsigned attempts; /* failures of its own */
    unsigned told;     /* failures noted in its journal */
    int64_t not_before;
    int64_t ends; /* while it is in flight; 0: it is not */
    enum gate_scope scope;
    struct err error; /* class NONE: it will be issued */
    int64_t issued;
};

struct world {
    int64_t now;
    struct gate *gate;
    struct order *v; /* in order of urgency */
    size_t n;
    unsigned in_flight;
    size_t issued;
    /* the CA */
    struct bucket account;
    unsigned form; /* of Retry-After: see retry_after() */
    int64_t down_from;
    int64_t down_until;
    unsigned asked;     /* newOrder requests, or attempts at them */
    unsigned refused;   /* 429s */
    int64_t impatience; /* somebody asks again for what failed so many seconds later; 0: nobody does */
    uint64_t random;
};

static uint32_t draw(struct world *w)
{
    w->random = w->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(w->random >> 32);
}

static void world_init(struct world *w, size_t n, unsigned limit)
{
    *w = (struct world){
        .now = SIM_START, .n = n, .account = {.n = 300, .window = 3 * HOUR}, .random = n + limit};
    w->gate = gate_new(limit, 3 * HOUR);
    w->v = calloc(n, sizeof *w->v);
    assert_non_null(w->v);
    for (size_t i = 0; i < n; i++) {
        struct order *o = &w->v[i];

        (void)snprintf(o->name, sizeof o->name, "www.n%zu.example", i);
        o->names[0] = o->name;
        o->domains = (struct strv){o->names, 1};
        o->failures = (struct bucket){.n = 5, .window = HOUR};
    }
}

static void world_clear(struct world *w)
{
    gate_free(w->gate);
    free(w->v);
}

/* The forms of RFC 9110 section 10.2.3, and what CAs should not send. */
static void retry_after(unsigned form, int64_t now, int64_t wait, char *out, size_t size)
{
    static const char *const odd[] = {"0", "99999999999999999999", "-5", "soon"};
    time_t at = (time_t)(now + wait);
    struct tm tm;

    (void)gmtime_r(&at, &tm);
    if (form == 0)
        (void)snprintf(out, size, "%lld", (long long)wait);
    else if (form == 1)
        (void)strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    else if (form == 2)
        (void)snprintf(out + strftime(out, size, "%A, %d-%b-", &tm), 32, "%02d %02d:%02d:%02d GMT",
                       tm.tm_year % 100, tm.tm_hour, tm.tm_min, tm.tm_sec);
    else if (form == 3)
        (void)strftime(out, size, "%a %b %e %H:%M:%S %Y", &tm);
    else
        (void)snprintf(out, size, "%s", odd[form - 4]);
}

static int64_t refuse(struct world *w, struct order *o, int64_t wait, const char *text)
{
    char header[64];
    int64_t delay;

    w->refused++;
    err_set(&o->error, ERR_CLASS_RATE_LIMITED, "HTTP 429 rateLimited: %s", text);
    o->scope = GATE_SCOPE_NEW_ORDER;
    retry_after(w->form, w->now, wait, header, sizeof header);
    delay = http_retry_after(header, w->now);
    o->error.retry_at = delay >= 0 ? w->now + delay : 0;
    return FAIL_TIME;
}

/* What the CA makes of it, and how long that takes. */
static int64_t ca(struct world *w, struct order *o)
{
    const char *registered = strchr(o->name, '.') + 1;
    char text[160];
    int64_t wait;

    err_clear(&o->error);
    o->scope = GATE_SCOPE_ORDER;
    w->asked++;
    if (w->now >= w->down_from && w->now < w->down_until) {
        err_set(&o->error, ERR_CLASS_NETWORK, "no route to host");
        return FAIL_TIME;
    }
    if (!o->exists && !bucket_take(&w->account, w->now, &wait))
        return refuse(w, o, wait, "too many new orders (300) from this account in the last 3h0m0s");
    (void)snprintf(text, sizeof text, "too many certificates (50) already issued for \"%s\"", registered);
    if (!o->exists && o->domain != NULL && !bucket_take(o->domain, w->now, &wait))
        return refuse(w, o, wait, text);
    (void)snprintf(text, sizeof text, "too many failed authorizations (5) for \"%s\"", o->name);
    if (o->unprovable && !bucket_take(&o->failures, w->now, &wait))
        return refuse(w, o, wait, text);
    if (o->unprovable)
        err_set(&o->error, ERR_CLASS_TRANSIENT, "connection refused");
    return ORDER_TIME;
}

static enum ledger_exemption exemption_of(const struct order *o)
{
    return o->exists ? LEDGER_RENEWAL : LEDGER_COUNTED;
}

static void end(struct world *w, struct order *o)
{
    const struct err *e = o->error.class != ERR_CLASS_NONE ? &o->error : NULL;
    uint32_t jitter = draw(w);

    o->ends = 0;
    w->in_flight--;
    if (e != NULL && o->scope == GATE_SCOPE_ORDER && o->unprovable)
        gate_validation_failed(w->gate, o->name, w->now);
    if (e != NULL)
        gate_give_back(w->gate, &o->domains, exemption_of(o));
    if (gate_ended(w->gate, &o->domains, e, o->scope, jitter, w->now)) {
        o->told++;
    } else if (e != NULL) {
        o->told++;
        o->not_before = w->now + renewal_backoff(e, ++o->attempts, NULL, jitter, w->now);
        if (w->impatience != 0)
            o->not_before = w->now + w->impatience;
    } else {
        o->issued = w->now;
        w->issued++;
    }
}

/* As the engine's fleet does. Returns when to look again at the latest. */
static int64_t start_next(struct world *w)
{
    int64_t again = INT64_MAX;

    for (size_t i = 0; i < w->n && w->in_flight < MAX_ORDERS; i++) {
        struct order *o = &w->v[i];
        struct gate_answer answer;

        if (o->issued != 0 || o->ends != 0)
            continue;
        if (o->not_before > w->now) {
            again = o->not_before < again ? o->not_before : again;
            continue;
        }
        answer = gate_ask(w->gate, &o->domains, exemption_of(o), w->now);
        if (answer.until != 0 && answer.until < again)
            again = answer.until;
        if (gate_holds_all(answer.cause))
            break;
        if (!answer.go)
            continue;
        gate_started(w->gate, &o->domains, exemption_of(o), w->now);
        w->in_flight++;
        o->ends = w->now + ca(w, o);
    }
    return again;
}

static void world_run(struct world *w, size_t issued, int64_t until)
{
    while (w->issued < issued && w->now < until) {
        int64_t next = start_next(w);

        for (size_t i = 0; w->in_flight > 0 && i < w->n; i++)
            if (w->v[i].ends != 0 && w->v[i].ends < next)
                next = w->v[i].ends;
        assert_true(next > w->now);
        w->now = next < until ? next : until;
        for (size_t i = 0; w->in_flight > 0 && i < w->n; i++)
            if (w->v[i].ends != 0 && w->v[i].ends <= w->now)
                end(w, &w->v[i]);
    }
}

/* 1,000 new certificates at first start: as fast as 280 in 3 h allow, and the CA never has to say no. */
static void test_first_start(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 1000, 280);
    world_run(&w, 1000, SIM_START + DAY);
    assert_int_equal(w.issued, 1000);
    assert_int_equal(w.refused, 0);
    assert_int_equal(w.asked, 1000);
    assert_true(w.now - SIM_START <= 720 * 3 * HOUR / 280 + 60);
    world_clear(&w);
}

/* Somebody else uses the account as well: the CA says no now and then, never in a row. */
static void test_first_start_with_others(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 1000, 280);
    w.account.n = 250;
    world_run(&w, 1000, SIM_START + 2 * DAY);
    assert_int_equal(w.issued, 1000);
    assert_in_range(w.refused, 1, 200);
    assert_true(w.now - SIM_START <= 750 * 3 * HOUR / 250 * 3 / 2);
    world_clear(&w);
}

/* No limit is known, and the CA has one, and says so in each form of Retry-After. */
static void test_unknown_limit(void **state)
{
    (void)state;
    for (unsigned form = 0; form < 8; form++) {
        struct world w;

        world_init(&w, 600, 0);
        w.form = form;
        world_run(&w, 600, SIM_START + 20 * DAY);
        print_message("form %u: %zu issued in %lld h, %u requests refused\n", form, w.issued,
                      (long long)(w.now - SIM_START) / HOUR, w.refused);
        assert_int_equal(w.issued, 600);
        assert_true(w.refused <= MAX_ORDERS + 8);
        for (size_t k = 0; k < w.n; k++)
            assert_int_equal(w.v[k].attempts, 0); /* nobody backs off for it */
        world_clear(&w);
    }
}

/* 1,000 certificates at CAs whose limit is not known: what it bears is learned for a handful of refusals, and
 * nearly all of it is used. */
static void test_learned_pace(void **state)
{
    static const struct {
        int64_t n;
        int64_t window;
        bool fixed; /* counts by the calendar, not by a bucket */
    } cas[] = {{20, HOUR, false},     {100, DAY, false},    {300, 3 * HOUR, false}, {5, HOUR, false},
               {1000, HOUR, false},   {60, 60, false},      {20, HOUR, true},       {100, DAY, true},
               {300, 3 * HOUR, true}, {50, 7 * DAY, false}, {60, 60, true}};

    (void)state;
    for (size_t i = 0; i < sizeof cas / sizeof cas[0]; i++) {
        int64_t least = (1000 - cas[i].n) * cas[i].window / cas[i].n;
        struct world w;

        world_init(&w, 1000, 0);
        w.account = (struct bucket){.n = cas[i].n, .window = cas[i].window, .fixed = cas[i].fixed};
        world_run(&w, 1000, SIM_START + 400 * DAY);
        print_message("%lld in %lld s%s: %zu issued in %lld s (at least %lld), %u requests refused\n",
                      (long long)cas[i].n, (long long)cas[i].window, cas[i].fixed ? ", fixed" : "", w.issued,
                      (long long)(w.now - SIM_START), (long long)least, w.refused);
        assert_int_equal(w.issued, 1000);
        assert_true(w.refused <= MAX_ORDERS + 16);
        assert_true(w.now - SIM_START <= least * 3 / 2 + 2 * cas[i].window + 1000);
        world_clear(&w);
    }
}

/* 100 new names of one registered domain, which may have 50 in 7 days: the rest of the world goes on. */
static void test_domain(void **state)
{
    struct bucket domain = {.n = 50, .window = 7 * DAY};
    struct world w;
    size_t others = 0;

    (void)state;
    world_init(&w, 200, 280);
    for (size_t i = 0; i < 100; i++) {
        (void)snprintf(w.v[i].name, sizeof w.v[i].name, "n%zu.example.com", i);
        w.v[i].domain = &domain;
    }
    world_run(&w, 200, SIM_START + HOUR);
    for (size_t i = 100; i < 200; i++)
        others += w.v[i].issued != 0 ? 1 : 0;
    assert_int_equal(others, 100);
    assert_int_equal(w.issued, 150);
    assert_true(w.refused <= MAX_ORDERS);
    world_run(&w, 200, SIM_START + 9 * DAY);
    assert_int_equal(w.issued, 200);
    assert_true(w.refused <= 3 * 50);
    world_clear(&w);
}

static void keep_ledger(struct world *w)
{
    assert_true(gate_keep_ledger(w->gate, ledger_rates("https://acme-v02.api.letsencrypt.org/directory")));
}

/* 1,000 new certificates of 40 domains, 25 each: the CA never has to say no, and they end when the forecast
 * said. */
static void test_domains_with_room(void **state)
{
    struct bucket domains[40];
    struct world w;
    struct gate *copy;
    int64_t last = 0;

    (void)state;
    world_init(&w, 1000, 280);
    keep_ledger(&w);
    copy = gate_copy(w.gate);
    assert_non_null(copy);
    for (size_t i = 0; i < 40; i++)
        domains[i] = (struct bucket){.n = 50, .window = 7 * DAY};
    for (size_t i = 0; i < w.n; i++) {
        (void)snprintf(w.v[i].name, sizeof w.v[i].name, "n%zu.d%zu.example", i, i % 40);
        w.v[i].domain = &domains[i % 40];
        last = gate_forecast(copy, &w.v[i].domains, LEDGER_COUNTED, SIM_START);
    }
    gate_free(copy);
    world_run(&w, 1000, SIM_START + 2 * DAY);
    assert_int_equal(w.issued, 1000);
    assert_int_equal(w.refused, 0);
    assert_true(w.now - SIM_START <= 720 * 3 * HOUR / 280 + 60);
    assert_in_range(last, w.now - 60, w.now + 60);
    world_clear(&w);
}

/* All at once: a domain with more than it may have, names that nobody can prove and somebody who asks for
 * them each minute, renewals, and new ones of domains of their own. The CA never has to say no. */
static void test_mixture(void **state)
{
    struct bucket domain = {.n = 50, .window = 7 * DAY};
    struct world w;
    size_t busy = 0;

    (void)state;
    world_init(&w, 1000, 280);
    keep_ledger(&w);
    w.impatience = 60;
    for (size_t i = 0; i < w.n; i++) {
        w.v[i].exists = i < 300;
        w.v[i].unprovable = i >= 300 && i < 310;
        if (i < 800)
            continue;
        (void)snprintf(w.v[i].name, sizeof w.v[i].name, "n%zu.busy.example", i);
        w.v[i].domain = &domain;
    }
    world_run(&w, 840, SIM_START + DAY);
    assert_int_equal(w.issued, 840);
    assert_int_equal(w.refused, 0);
    assert_true(w.now - SIM_START < 8 * HOUR);
    for (size_t i = 300; i < 310; i++)
        assert_in_range(w.v[i].attempts, 5, 5 + 8 * 5);
    world_run(&w, 990, SIM_START + 30 * DAY);
    for (size_t i = 800; i < w.n; i++)
        busy += w.v[i].issued != 0 ? 1 : 0;
    assert_int_equal(busy, 200);
    assert_int_equal(w.refused, 0);
    assert_true(w.now - SIM_START < 150 * 7 * DAY / 50 + DAY);
    world_clear(&w);
}

/* Ten names that nobody can prove: each backs off for itself, below 5 failures an hour; nobody waits for it.
 */
static void test_unprovable_names(void **state)
{
    struct world w;

    (void)state;
    world_init(&w, 200, 280);
    for (size_t i = 0; i < 10; i++)
        w.v[i].unprovable = true;
    world_run(&w, 190, SIM_START + HOUR);
    assert_int_equal(w.issued, 190);
    assert_true(w.now - SIM_START < 300);
    world_run(&w, 200, SIM_START + 7 * DAY);
    assert_int_equal(w.refused, 0);
    for (size_t i = 0; i < 10; i++)
        assert_in_range(w.v[i].attempts, 7, 36);
    world_clear(&w);
}

/* FAULTS 20: 10,000 due while the CA is away for 8 hours. One asks for all, and when it is back they go by
 * slack, not more at a time than ever, new ones last. */
static void test_outage(void **state)
{
    struct world w;
    int64_t previous = 0;
    unsigned probes;

    (void)state;
    world_init(&w, 10000, 280);
    for (size_t i = 0; i < 9900; i++) {
        w.v[i].exists = true;
        w.v[i].slack = SIM_START + 10 * DAY + (int64_t)i * 60;
    }
    w.down_from = SIM_START;
    w.down_until = SIM_START + 8 * HOUR;
    world_run(&w, 10000, w.down_until);
    probes = w.asked;
    assert_int_equal(w.issued, 0);
    assert_in_range(probes, 12, MAX_ORDERS + 25);
    world_run(&w, 10000, w.down_until + DAY);
    assert_int_equal(w.issued, 10000);
    assert_int_equal(w.refused, 0);
    assert_int_equal(w.asked, probes + 10000); /* nothing in vain */
    assert_true(w.now < w.down_until + 33 * 60 + (10000 / MAX_ORDERS + 20) * ORDER_TIME);
    for (size_t i = 0; i < w.n; i++) {
        assert_true(w.v[i].issued >= previous);
        assert_int_equal(w.v[i].attempts, 0);
        assert_true(i < MAX_ORDERS || w.v[i].told == 0); /* no failure is noted for those who waited */
        previous = w.v[i].issued;
    }
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_start),   cmocka_unit_test(test_first_start_with_others),
        cmocka_unit_test(test_unknown_limit), cmocka_unit_test(test_learned_pace),
        cmocka_unit_test(test_domain),        cmocka_unit_test(test_domains_with_room),
        cmocka_unit_test(test_mixture),       cmocka_unit_test(test_unprovable_names),
        cmocka_unit_test(test_outage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
