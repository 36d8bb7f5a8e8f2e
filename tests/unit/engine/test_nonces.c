/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/nonces.h"

#define URL "https://ca.example/new-nonce"

/* ---- in the place of client.c ---- */

struct client_call {
    bool open;
    void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e);
    void *arg;
};

static struct client_call calls[64];
static unsigned n_calls; /* started so far */
static unsigned cancelled;
static bool start_fails;

struct client_call *client_start(struct client *c, const struct client_request *q,
                                 void (*on_done)(void *arg, const struct http_reply *reply,
                                                 const struct err *e),
                                 void *arg, struct err *e)
{
    (void)c;
    assert_int_equal(q->method, CLIENT_HEAD);
    assert_string_equal(q->url, URL);
    assert_string_equal(q->ca_file, "roots.pem");
    if (start_fails) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot start");
        return NULL;
    }
    calls[n_calls] = (struct client_call){true, on_done, arg};
    return &calls[n_calls++];
}

void client_cancel(struct client_call *call)
{
    if (call != NULL) {
        call->open = false;
        cancelled++;
    }
}

static void answer(unsigned i, int status, const char *nonce, int64_t retry_after)
{
    const struct http_reply reply = {
        .status = status, .body = "", .replay_nonce = nonce, .retry_after = retry_after};

    assert_true(calls[i].open);
    calls[i].open = false;
    calls[i].on_done(calls[i].arg, &reply, NULL);
}

static void break_down(unsigned i)
{
    struct err e = {0};

    err_set(&e, ERR_CLASS_NETWORK, "connection refused");
    assert_true(calls[i].open);
    calls[i].open = false;
    calls[i].on_done(calls[i].arg, NULL, &e);
}

/* ---- */

struct rig {
    struct loop *loop;
    struct nonces *nonces;
};

struct waiter {
    struct nonces_wait w;
    unsigned told;
    char nonce[32];
    struct err error;
    struct nonces *again; /* asks at once again, once */
};

static void on_nonce(void *arg, const char *nonce, const struct err *e)
{
    struct waiter *w = arg;
    struct nonces *again = w->again;

    w->told++;
    w->nonce[0] = '\0';
    assert_true((nonce == NULL) != (e == NULL));
    if (nonce != NULL)
        (void)snprintf(w->nonce, sizeof w->nonce, "%s", nonce);
    else if (e != NULL)
        w->error = *e;
    w->again = NULL;
    if (again != NULL)
        nonces_take(again, &w->w);
}

static void ask(struct rig *r, struct waiter *w)
{
    *w = (struct waiter){.w = {.on_nonce = on_nonce, .arg = w}};
    nonces_take(r->nonces, &w->w);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    n_calls = cancelled = 0;
    start_fails = false;
    r->loop = loop_new();
    r->nonces = nonces_new(r->loop, NULL, "roots.pem");
    assert_non_null(r->nonces);
    assert_true(nonces_set_url(r->nonces, "https://ca.example/former"));
    assert_true(nonces_set_url(r->nonces, URL));
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    nonces_free(r->nonces);
    loop_free(r->loop);
    free(r);
    return 0;
}

static void test_fetched_when_empty(void **state)
{
    struct rig *r = *state;
    struct waiter w;

    ask(r, &w);
    assert_int_equal(n_calls, 1);
    assert_int_equal(w.told, 0);
    answer(0, 200, "n1", -1);
    assert_string_equal(w.nonce, "n1");
    assert_int_equal(w.told, 1);
}

/* Each is used once, the newest first, and none is asked for while there are some. */
static void test_pool(void **state)
{
    struct rig *r = *state;
    struct waiter w;

    for (int i = 0; i < 2; i++)
        nonces_request_sent(r->nonces);
    nonces_reply(r->nonces, "old", 10);
    nonces_reply(r->nonces, "new", 10);
    ask(r, &w);
    assert_string_equal(w.nonce, "new");
    ask(r, &w);
    assert_string_equal(w.nonce, "old");
    assert_int_equal(n_calls, 0);
    ask(r, &w);
    assert_int_equal(w.told, 0);
    assert_int_equal(n_calls, 1);
}

static void test_pool_is_bounded(void **state)
{
    struct rig *r = *state;
    struct waiter w;
    unsigned n = 0;

    for (int i = 0; i < 1000; i++) {
        nonces_request_sent(r->nonces);
        nonces_reply(r->nonces, "n", 1);
    }
    for (ask(r, &w); w.told == 1; ask(r, &w))
        n++;
    assert_int_equal(n, 64);
}

/* A reply in flight is waited for, one round trip at most. */
static void test_waits_for_a_reply_in_flight(void **state)
{
    struct rig *r = *state;
    struct waiter a;
    struct waiter b;

    nonces_request_sent(r->nonces);
    ask(r, &a);
    assert_int_equal(n_calls, 0);
    nonces_reply(r->nonces, "n1", 10);
    assert_string_equal(a.nonce, "n1");
    assert_int_equal(n_calls, 0);

    nonces_request_sent(r->nonces);
    ask(r, &b);
    rig_until(r->loop, &n_calls, 1); /* its patience is over */
    answer(0, 200, "n2", -1);
    assert_string_equal(b.nonce, "n2");
}

/* A reply that the CA took long for is no reason to wait so long for the next. */
static void test_slow_reply_does_not_teach_patience(void **state)
{
    struct rig *r = *state;
    struct waiter w;
    int64_t begun;

    nonces_request_sent(r->nonces);
    nonces_reply(r->nonces, NULL, 30000);
    nonces_request_sent(r->nonces);
    begun = loop_monotonic_ms();
    ask(r, &w);
    rig_until(r->loop, &n_calls, 1);
    assert_in_range(loop_monotonic_ms() - begun, 0, 7000);
    answer(0, 200, "n1", -1);
    assert_string_equal(w.nonce, "n1");
}

/* More replies are in flight than there are waiters, and none comes: all are fetched for, not only eight. */
static void test_no_reply_comes(void **state)
{
    struct rig *r = *state;
    struct waiter v[10];
    unsigned told = 0;

    for (int i = 0; i < 20; i++)
        nonces_request_sent(r->nonces);
    for (size_t i = 0; i < 10; i++)
        ask(r, &v[i]);
    for (unsigned i = 0; i < 10; i++) {
        rig_until(r->loop, &n_calls, i + 1);
        answer(i, 200, "n", -1);
    }
    for (size_t i = 0; i < 10; i++)
        told += v[i].told;
    assert_int_equal(told, 10);
}

/* Two replies come: the third has nothing to wait for. */
static void test_fetched_for_those_no_reply_comes_for(void **state)
{
    struct rig *r = *state;
    struct waiter v[3];

    nonces_request_sent(r->nonces);
    nonces_request_sent(r->nonces);
    ask(r, &v[0]);
    ask(r, &v[1]);
    assert_int_equal(n_calls, 0);
    ask(r, &v[2]);
    assert_int_equal(n_calls, 1);
    nonces_reply(r->nonces, "n1", 1000);
    nonces_reply(r->nonces, NULL, 1000); /* it brought none after all */
    assert_string_equal(v[0].nonce, "n1");
    assert_int_equal(n_calls, 2);
    answer(0, 200, "n2", -1);
    answer(1, 200, "n3", -1);
    assert_string_equal(v[1].nonce, "n2");
    assert_string_equal(v[2].nonce, "n3");
}

/* The reply came without one: nobody is left waiting. */
static void test_reply_without_nonce(void **state)
{
    struct rig *r = *state;
    struct waiter w;

    nonces_request_sent(r->nonces);
    ask(r, &w);
    nonces_reply(r->nonces, NULL, 10);
    assert_int_equal(n_calls, 1);
    answer(0, 204, "n1", -1);
    assert_string_equal(w.nonce, "n1");
}

/* Eight at once; then each when there is room for it, however fast they are answered. */
static void test_at_most_eight_fetches(void **state)
{
    struct rig *r = *state;
    struct waiter v[20];
    unsigned told = 0;
    int64_t begun = loop_monotonic_ms();

    for (size_t i = 0; i < 20; i++)
        ask(r, &v[i]);
    assert_int_equal(n_calls, 8);
    for (unsigned i = 0; i < 20; i++) {
        rig_until(r->loop, &n_calls, i + 1);
        answer(i, 200, "n", -1);
        assert_true(n_calls <= 8 + (loop_monotonic_ms() - begun) / 60);
    }
    for (size_t i = 0; i < 20; i++)
        told += v[i].told;
    assert_int_equal(told, 20);
    assert_int_equal(n_calls, 20);
    assert_string_equal(v[0].nonce, "n");
}

static void test_failures(void **state)
{
    struct rig *r = *state;
    struct waiter a;
    struct waiter b;
    int64_t now = loop_wall_ms() / 1000;

    ask(r, &a);
    ask(r, &b);
    break_down(0);
    assert_int_equal(a.told + b.told, 0); /* the other fetch may succeed yet */
    break_down(1);
    assert_int_equal(a.told + b.told, 2);
    assert_int_equal(a.error.class, ERR_CLASS_NETWORK);

    ask(r, &a);
    answer(2, 503, NULL, 30);
    assert_int_equal(a.error.class, ERR_CLASS_RATE_LIMITED);
    assert_in_range(a.error.retry_at, now + 30, now + 40);
    ask(r, &a);
    answer(3, 500, NULL, -1);
    assert_int_equal(a.error.class, ERR_CLASS_TRANSIENT);
    assert_int_equal(a.error.retry_at, 0);
    assert_non_null(strstr(a.error.text, URL));
    ask(r, &a);
    answer(4, 503, "usable", 30); /* it brought one: that is what was asked for */
    assert_string_equal(a.nonce, "usable");
}

static void test_one_fetch_fails_of_two(void **state)
{
    struct rig *r = *state;
    struct waiter a;
    struct waiter b;

    ask(r, &a);
    ask(r, &b);
    break_down(0);
    answer(1, 200, "n1", -1);
    assert_string_equal(a.nonce, "n1"); /* who came first */
    assert_int_equal(n_calls, 3);
    answer(2, 200, "n2", -1);
    assert_string_equal(b.nonce, "n2");
}

static void test_cannot_start(void **state)
{
    struct rig *r = *state;
    struct waiter w;

    start_fails = true;
    ask(r, &w);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.error.class, ERR_CLASS_INTERNAL);
}

static void test_asks_again_in_callback(void **state)
{
    struct rig *r = *state;
    struct waiter a;
    struct waiter b;

    ask(r, &a);
    ask(r, &b);
    a.again = r->nonces;
    break_down(0);
    break_down(1);
    assert_int_equal(a.told, 1); /* a new question, not the old failure */
    assert_int_equal(b.told, 1);
    assert_true(n_calls >= 3);
    answer(2, 200, "n1", -1);
    assert_string_equal(a.nonce, "n1");
}

static void test_cancel(void **state)
{
    struct rig *r = *state;
    struct waiter v[3];

    for (size_t i = 0; i < 3; i++)
        ask(r, &v[i]);
    nonces_cancel(r->nonces, &v[2].w); /* last, first, and twice */
    nonces_cancel(r->nonces, &v[0].w);
    nonces_cancel(r->nonces, &v[0].w);
    answer(0, 200, "n1", -1);
    assert_int_equal(v[0].told + v[2].told, 0);
    assert_string_equal(v[1].nonce, "n1");
    answer(1, 200, "n2", -1);
    answer(2, 200, "n3", -1);
    ask(r, &v[0]);
    assert_string_equal(v[0].nonce, "n3");
}

static void test_free_with_fetches(void **state)
{
    struct rig *r = *state;
    struct waiter a;
    struct waiter b;

    ask(r, &a);
    ask(r, &b);
    nonces_free(r->nonces);
    r->nonces = NULL;
    nonces_free(NULL);
    assert_int_equal(cancelled, 2);
    assert_int_equal(a.told + b.told, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fetched_when_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pool_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_for_a_reply_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_reply_does_not_teach_patience, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_reply_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fetched_for_those_no_reply_comes_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_without_nonce, setup, teardown),
        cmocka_unit_test_setup_teardown(test_at_most_eight_fetches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_fetch_fails_of_two, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cannot_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asks_again_in_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_with_fetches, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
