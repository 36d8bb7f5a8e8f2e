/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/reloads.h"

#include <stdlib.h>
#include <string.h>

/* ---- in the place of link.c, loop.c's clock and delays, and fleet.c ---- */

#define REQUESTS_MAX 2048

static int64_t now;
static struct loop_delay {
    void (*fn)(void *arg);
    void *arg;
    int64_t at;
    bool running;
} delay;
static struct {
    void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e);
    void *arg;
    int64_t at;
} sent[REQUESTS_MAX];
static unsigned n_sent;
static unsigned forgotten;
static bool link_fails;
static const struct certificate *flying[8];
static unsigned n_flying;

int64_t loop_monotonic_ms(void)
{
    return now;
}

struct loop_delay *loop_delay_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
    (void)l;
    delay = (struct loop_delay){.fn = fn, .arg = arg};
    return &delay;
}

void loop_delay_start(struct loop_delay *d, int64_t ms)
{
    d->at = now + (ms > 0 ? ms : 0);
    d->running = true;
}

void loop_delay_free(struct loop_delay *d)
{
    d->running = false;
}

uint32_t link_request(struct link *k,
                      void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e), void *arg,
                      enum ipc_type type, ...)
{
    (void)k;
    assert_int_equal(type, IPC_DEPLOY);
    if (link_fails)
        return 0;
    assert_true(n_sent < REQUESTS_MAX);
    sent[n_sent].on_reply = on_reply;
    sent[n_sent].arg = arg;
    sent[n_sent].at = now;
    return ++n_sent;
}

void link_forget(struct link *k, uint32_t id)
{
    (void)k;
    forgotten += id != 0;
}

unsigned fleet_in_flight(const struct fleet *f)
{
    (void)f;
    return n_flying;
}

const struct certificate *fleet_in_flight_at(const struct fleet *f, unsigned i)
{
    (void)f;
    return flying[i];
}

/* ---- */

static void run_until(int64_t t)
{
    while (delay.running && delay.at <= t) {
        now = delay.at;
        delay.running = false;
        delay.fn(delay.arg);
    }
    now = t;
}

static char *nginx[] = {(char *)"nginx.service"};
static char *both[] = {(char *)"nginx.service", (char *)"haproxy.service"};

struct site {
    struct config_certificate config;
    struct certificate c;
    struct reload_wait w;
    unsigned done;
    bool failed;
};

static void on_done(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct site *s = arg;

    (void)m;
    s->done++;
    s->failed = e != NULL;
}

static void site_init(struct site *s, char **units, size_t n)
{
    *s = (struct site){.config = {.reload = {units, n}}};
    s->c = (struct certificate){.name = (char *)"a", .config = &s->config};
    s->w = (struct reload_wait){.c = &s->c, .event = "issued", .on_done = on_done, .arg = s};
}

struct rig {
    struct engine engine;
    struct reloads *reloads;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    now = 500; /* of a machine that has just booted */
    n_sent = forgotten = n_flying = 0;
    link_fails = false;
    r->reloads = reloads_new(&r->engine);
    assert_non_null(r->reloads);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    reloads_free(r->reloads);
    free(r);
    return 0;
}

static void test_settles(void **state)
{
    struct rig *r = *state;
    struct site s[3];

    for (unsigned i = 0; i < 3; i++) {
        site_init(&s[i], nginx, 1);
        reload_wait(r->reloads, &s[i].w, false);
        run_until(now + 1500);
    }
    assert_int_equal(n_sent, 0);
    run_until(500 + 2 * 1500 + RELOAD_SETTLE_MS);
    assert_int_equal(n_sent, 3);
    assert_int_equal(sent[0].at, 500 + 2 * 1500 + RELOAD_SETTLE_MS);
    assert_int_equal(sent[0].at, sent[2].at);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(s[i].done, 0);
        sent[i].on_reply(sent[i].arg, NULL, NULL);
    }
    assert_int_equal(s[0].done + s[1].done + s[2].done, 3);
}

/* While one order after the other is under way for the unit: a minute after the first, not later. */
static void test_waits_for_orders(void **state)
{
    struct rig *r = *state;
    struct site ordered;
    struct site s;

    site_init(&ordered, both, 2);
    site_init(&s, nginx, 1);
    flying[0] = &ordered.c;
    n_flying = 1;
    reload_wait(r->reloads, &s.w, false);
    run_until(500 + RELOAD_LATEST_MS - 1);
    assert_int_equal(n_sent, 0);
    run_until(500 + RELOAD_LATEST_MS);
    assert_int_equal(n_sent, 1);
    /* it ends: whoever waited for it goes */
    reload_wait(r->reloads, &s.w, false);
    run_until(now + 20000);
    assert_int_equal(n_sent, 1);
    n_flying = 0;
    reloads_reconsider(r->reloads);
    run_until(now);
    assert_int_equal(n_sent, 2);
}

static void test_apart(void **state)
{
    struct rig *r = *state;
    struct site s[2];
    int64_t first;

    site_init(&s[0], nginx, 1);
    site_init(&s[1], nginx, 1);
    reload_wait(r->reloads, &s[0].w, false);
    run_until(now + RELOAD_SETTLE_MS);
    first = now;
    assert_int_equal(n_sent, 1);
    reload_wait(r->reloads, &s[1].w, true); /* not even a person changes that */
    run_until(first + RELOAD_APART_MS - 1);
    assert_int_equal(n_sent, 1);
    run_until(first + RELOAD_APART_MS);
    assert_int_equal(n_sent, 2);
}

/* A person asked: at once, with those who waited already. */
static void test_at_once(void **state)
{
    struct rig *r = *state;
    struct site s[2];

    site_init(&s[0], nginx, 1);
    site_init(&s[1], nginx, 1);
    flying[0] = &s[0].c;
    n_flying = 1;
    reload_wait(r->reloads, &s[0].w, false);
    run_until(now + 5000);
    assert_int_equal(n_sent, 0);
    reload_wait(r->reloads, &s[1].w, true);
    assert_int_equal(n_sent, 0); /* never within the call */
    run_until(now);
    assert_int_equal(n_sent, 2);
}

/* One with two units waits for both; those of the other unit do not wait for it. */
static void test_two_units(void **state)
{
    struct rig *r = *state;
    struct site ordered;
    struct site one;
    struct site two;
    static char *haproxy[] = {(char *)"haproxy.service"};

    site_init(&ordered, haproxy, 1);
    site_init(&one, nginx, 1);
    site_init(&two, both, 2);
    flying[0] = &ordered.c;
    n_flying = 1;
    reload_wait(r->reloads, &one.w, false);
    reload_wait(r->reloads, &two.w, false);
    run_until(500 + RELOAD_SETTLE_MS);
    assert_int_equal(n_sent, 1);
    assert_ptr_equal(sent[0].arg, &one.w);
    run_until(500 + RELOAD_LATEST_MS);
    assert_int_equal(n_sent, 2);
}

static void test_cancel_and_failure(void **state)
{
    struct rig *r = *state;
    struct site s[3];

    for (unsigned i = 0; i < 3; i++) {
        site_init(&s[i], nginx, 1);
        reload_wait(r->reloads, &s[i].w, false);
    }
    reload_cancel(r->reloads, &s[1].w);
    run_until(now + RELOAD_SETTLE_MS);
    assert_int_equal(n_sent, 2);
    reload_cancel(r->reloads, &s[0].w);
    assert_int_equal(forgotten, 1);
    assert_int_equal(s[1].done, 0);
    link_fails = true;
    reload_wait(r->reloads, &s[1].w, false);
    run_until(now + RELOAD_APART_MS);
    assert_int_equal(s[1].done, 1);
    assert_true(s[1].failed);
}

/* FAULTS 55: 1,000 in a minute are few reloads. */
static void test_thousand(void **state)
{
    struct rig *r = *state;
    struct site *s = calloc(1000, sizeof *s);
    unsigned runs = 1;

    for (unsigned i = 0; i < 1000; i++) {
        site_init(&s[i], nginx, 1);
        flying[0] = &s[i].c;
        n_flying = 1;
        run_until(now + 60);
        n_flying = 0;
        reload_wait(r->reloads, &s[i].w, false);
        reloads_reconsider(r->reloads);
    }
    run_until(now + RELOAD_LATEST_MS);
    assert_int_equal(n_sent, 1000);
    for (unsigned i = 1; i < n_sent; i++)
        runs += sent[i].at != sent[i - 1].at ? 1 : 0;
    assert_in_range(runs, 1, 3);
    free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_settles),   TEST(test_waits_for_orders),   TEST(test_apart),    TEST(test_at_once),
        TEST(test_two_units), TEST(test_cancel_and_failure), TEST(test_thousand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
