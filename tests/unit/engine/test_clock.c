/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/clock.h"
#include "daemon/engine/fleet.h"

/* ---- in the place of engine.c, fleet.c, authority.c and client.c ---- */

static int64_t wall;
static size_t authorities;
static unsigned replanned;
static unsigned probes;
static unsigned cancelled;
static const char *probed_url;
static void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e);
static void *on_done_arg;
static bool start_fails;
static struct config_ca cas[2];

int64_t engine_now(void)
{
    return wall;
}

size_t fleet_authority_count(const struct fleet *f)
{
    (void)f;
    return authorities;
}

struct authority *fleet_authority_at(const struct fleet *f, size_t i)
{
    (void)f;
    assert_true(i < authorities);
    return (struct authority *)&cas[i];
}

const struct config_ca *authority_ca(const struct authority *a)
{
    return (const struct config_ca *)a;
}

void fleet_replan(struct fleet *f)
{
    (void)f;
    replanned++;
}

struct client_call *client_start(struct client *c, const struct client_request *q,
                                 void (*done)(void *arg, const struct http_reply *reply, const struct err *e),
                                 void *arg, struct err *e)
{
    (void)c;
    (void)e;
    assert_int_equal(q->method, CLIENT_GET);
    probes++;
    probed_url = q->url;
    on_done = done;
    on_done_arg = arg;
    return start_fails ? NULL : (struct client_call *)&probes;
}

void client_cancel(struct client_call *call)
{
    cancelled += call != NULL;
}

/* ---- */

static int setup(void **state)
{
    struct engine *g = calloc(1, sizeof *g);

    assert_non_null(g);
    wall = 1800000000;
    authorities = 2;
    replanned = probes = cancelled = 0;
    start_fails = false;
    cas[0].directory = (char *)"https://one.example/directory";
    cas[1].directory = (char *)"https://two.example/directory";
    g->loop = loop_new();
    g->clock = clock_new(g);
    assert_non_null(g->clock);
    *state = g;
    return 0;
}

static int teardown(void **state)
{
    struct engine *g = *state;

    clock_free(g->clock);
    loop_free(g->loop);
    free(g);
    return 0;
}

static void test_believed(void **state)
{
    struct engine *g = *state;
    char text[256];

    assert_true(clock_is_believed(g));
    wall += 60;
    assert_true(clock_is_believed(g));
    clock_describe(g, text, sizeof text);
    assert_string_equal(text, "");
    rig_run(g->loop, 20);
    assert_int_equal(probes, 0);
}

/* Ten years ahead: nothing is believed until a CA was reached, one question at a time. */
static void test_jump_is_proven(void **state)
{
    struct engine *g = *state;
    const struct http_reply reply = {.status = 500, .body = ""};
    char text[256];

    wall += 10LL * 365 * 86400;
    assert_false(clock_is_believed(g));
    assert_false(clock_is_believed(g));
    clock_describe(g, text, sizeof text);
    assert_non_null(strstr(text, "ahead"));
    assert_int_equal(probes, 0); /* never within the question */
    rig_until(g->loop, &probes, 1);
    assert_false(clock_is_believed(g));
    rig_run(g->loop, 20);
    assert_int_equal(probes, 1);
    assert_string_equal(probed_url, "https://one.example/directory");
    on_done(on_done_arg, &reply, NULL); /* whatever it says: it was reached over verified TLS */
    assert_int_equal(replanned, 1);
    assert_true(clock_is_believed(g));
}

static void test_failure_keeps_the_doubt(void **state)
{
    struct engine *g = *state;
    const struct err e = {.class = ERR_CLASS_NETWORK, .text = "certificate not yet valid"};

    wall += 10LL * 365 * 86400;
    assert_false(clock_is_believed(g));
    rig_until(g->loop, &probes, 1);
    on_done(on_done_arg, NULL, &e);
    assert_int_equal(replanned, 0);
    assert_false(clock_is_believed(g));
    rig_run(g->loop, 20);
    assert_int_equal(probes, 1); /* the next one after a pause */
    wall -= 10LL * 365 * 86400;  /* put right by itself */
    assert_true(clock_is_believed(g));
}

static void test_nobody_to_ask(void **state)
{
    struct engine *g = *state;

    authorities = 0;
    wall -= 30 * 86400;
    assert_false(clock_is_believed(g));
    rig_run(g->loop, 20);
    assert_int_equal(probes, 0);
    authorities = 1;
    start_fails = true;
    assert_false(clock_is_believed(g));
    rig_until(g->loop, &probes, 1);
    assert_false(clock_is_believed(g));
}

static void test_freed_while_asking(void **state)
{
    struct engine *g = *state;

    wall -= 30 * 86400;
    assert_false(clock_is_believed(g));
    rig_until(g->loop, &probes, 1);
    clock_free(g->clock);
    clock_free(NULL);
    g->clock = NULL;
    assert_int_equal(cancelled, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jump_is_proven, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_keeps_the_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_to_ask, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed_while_asking, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
