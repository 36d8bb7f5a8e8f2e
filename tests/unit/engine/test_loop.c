/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

struct rig {
    struct loop *loop;
    int sv[2];
    struct loop_io *io;
    struct loop_delay *delay;
    unsigned reads;
    unsigned writes;
    unsigned expired;
    bool free_in_callback;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->loop = loop_new();
    assert_non_null(r->loop);
    rig_pair(r->sv);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    loop_io_free(r->io);
    loop_delay_free(r->delay);
    (void)close(r->sv[0]);
    (void)close(r->sv[1]);
    loop_free(r->loop);
    free(r);
    return 0;
}

static void on_ready(void *arg, bool readable, bool writable)
{
    struct rig *r = arg;
    char c;

    r->reads += readable;
    r->writes += writable;
    if (r->free_in_callback) {
        loop_io_free(r->io);
        r->io = NULL;
    } else if (readable) {
        assert_int_equal(recv(r->sv[0], &c, 1, 0), 1);
    } else {
        assert_true(loop_io_want(r->io, true, false));
    }
}

static void test_io(void **state)
{
    struct rig *r = *state;

    r->io = loop_io_new(r->loop, r->sv[0], on_ready, r);
    assert_non_null(r->io);
    assert_int_equal(send(r->sv[1], "abc", 3, 0), 3);
    rig_run(r->loop, 10);
    assert_int_equal(r->reads + r->writes, 0); /* nothing is wanted yet */

    assert_true(loop_io_want(r->io, true, false));
    rig_until(r->loop, &r->reads, 3);
    rig_run(r->loop, 10);
    assert_int_equal(r->reads, 3);
    assert_int_equal(r->writes, 0);

    assert_true(loop_io_want(r->io, true, true));
    rig_until(r->loop, &r->writes, 1);
    rig_run(r->loop, 10);
    assert_int_equal(r->writes, 1); /* the callback wanted reading only from then on */

    assert_true(loop_io_want(r->io, false, false));
    assert_int_equal(send(r->sv[1], "d", 1, 0), 1);
    rig_run(r->loop, 10);
    assert_int_equal(r->reads, 3);
    assert_true(loop_io_want(r->io, true, false));
    rig_until(r->loop, &r->reads, 4);
}

static void test_io_freed_in_its_callback(void **state)
{
    struct rig *r = *state;

    r->free_in_callback = true;
    r->io = loop_io_new(r->loop, r->sv[0], on_ready, r);
    assert_non_null(r->io);
    assert_int_equal(send(r->sv[1], "a", 1, 0), 1);
    assert_true(loop_io_want(r->io, true, true)); /* both at once */
    rig_until(r->loop, &r->reads, 1);
    rig_run(r->loop, 10);
    assert_int_equal(r->reads, 1);
}

static void on_expired(void *arg)
{
    struct rig *r = arg;

    r->expired++;
    assert_false(loop_delay_running(r->delay));
    if (r->free_in_callback) {
        loop_delay_free(r->delay);
        r->delay = NULL;
    }
}

static void test_delay(void **state)
{
    struct rig *r = *state;
    int64_t start = loop_monotonic_ms();

    r->delay = loop_delay_new(r->loop, on_expired, r);
    assert_non_null(r->delay);
    assert_false(loop_delay_running(r->delay));
    loop_delay_start(r->delay, 30);
    assert_true(loop_delay_running(r->delay));
    rig_until(r->loop, &r->expired, 1);
    assert_true(loop_monotonic_ms() - start >= 29);

    loop_delay_start(r->delay, 60000);
    loop_delay_start(r->delay, -5); /* replaces; the past is now */
    rig_until(r->loop, &r->expired, 2);

    loop_delay_start(r->delay, 1);
    loop_delay_stop(r->delay);
    assert_false(loop_delay_running(r->delay));
    rig_run(r->loop, 20);
    assert_int_equal(r->expired, 2); /* one shot, and stopped */
}

static void test_delay_freed_in_its_callback(void **state)
{
    struct rig *r = *state;

    r->free_in_callback = true;
    r->delay = loop_delay_new(r->loop, on_expired, r);
    assert_non_null(r->delay);
    loop_delay_start(r->delay, 0);
    rig_until(r->loop, &r->expired, 1);
}

static void test_clocks(void **state)
{
    (void)state;
    assert_true(loop_boot_ms() >= loop_monotonic_ms());
    assert_true(loop_wall_ms() > INT64_C(1700000000000));
}

static void test_free_nothing(void **state)
{
    (void)state;
    loop_io_free(NULL);
    loop_delay_free(NULL);
    loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_io, setup, teardown),
        cmocka_unit_test_setup_teardown(test_io_freed_in_its_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delay_freed_in_its_callback, setup, teardown),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_free_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
