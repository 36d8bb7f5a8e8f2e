/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/timer.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

/* The program's own come before libc's: the system's clock cannot be set by a test, but it can look so. */
static time_t wall_offset;
static unsigned settime_cancels;

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, id, ts);

    if (id == CLOCK_REALTIME)
        ts->tv_sec += wall_offset;
    return rc;
}

/* As the kernel does it: the timer is set, and the caller told once that the clock was. */
int timerfd_settime(int fd, int flags, const struct itimerspec *new_value, struct itimerspec *old_value)
{
    int rc = (int)syscall(SYS_timerfd_settime, fd, flags, new_value, old_value);

    if (settime_cancels == 0)
        return rc;
    settime_cancels--;
    errno = ECANCELED;
    return -1;
}

struct rig {
    struct loop *loop;
    struct timers *timers;
    int64_t jumped;
    unsigned jumps;
    unsigned fired;
    char order[64];
};

struct named {
    struct timer timer;
    struct rig *rig;
    char name;
    unsigned again; /* how often it sets itself once more */
    struct timer *cancels;
};

static void on_jump(void *arg, int64_t jumped)
{
    struct rig *r = arg;

    r->jumps++;
    r->jumped = jumped;
}

static void on_due(void *arg)
{
    struct named *n = arg;
    struct rig *r = n->rig;

    assert_int_equal(n->timer.place, 0);
    if (r->fired < sizeof r->order - 1)
        r->order[r->fired] = n->name;
    r->fired++;
    if (n->cancels != NULL)
        timer_cancel(r->timers, n->cancels);
    if (n->again > 0) {
        n->again--;
        assert_true(timer_set(r->timers, &n->timer, loop_wall_ms() / 1000));
    }
}

static struct named named(struct rig *r, char name)
{
    return (struct named){.rig = r, .name = name, .timer = {.on_due = on_due}};
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->loop = loop_new();
    assert_non_null(r->loop);
    r->timers = timers_new(r->loop, on_jump, r);
    assert_non_null(r->timers);
    wall_offset = 0;
    settime_cancels = 0;
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    timers_free(r->timers);
    loop_free(r->loop);
    free(r);
    return 0;
}

static void test_past_ones_fire_in_order(void **state)
{
    struct rig *r = *state;
    struct named v[] = {named(r, 'a'), named(r, 'b'), named(r, 'c'), named(r, 'd')};
    static const int64_t at[] = {300, 100, INT64_MIN, 200};

    for (size_t i = 0; i < 4; i++) {
        v[i].timer.arg = &v[i];
        assert_true(timer_set(r->timers, &v[i].timer, at[i]));
    }
    rig_until(r->loop, &r->fired, 4);
    assert_string_equal(r->order, "cbda");
    assert_int_equal(r->jumps, 0);
}

static void test_future_ones_wait(void **state)
{
    struct rig *r = *state;
    struct named a = named(r, 'a');
    struct named b = named(r, 'b');
    int64_t now = loop_wall_ms() / 1000;

    a.timer.arg = &a;
    b.timer.arg = &b;
    assert_true(timer_set(r->timers, &b.timer, INT64_MAX));
    assert_true(timer_set(r->timers, &a.timer, now + 1));
    rig_until(r->loop, &r->fired, 1);
    assert_true(loop_wall_ms() / 1000 >= now + 1);
    assert_string_equal(r->order, "a");
    assert_int_not_equal(b.timer.place, 0);
}

static void test_moved_and_cancelled(void **state)
{
    struct rig *r = *state;
    struct named a = named(r, 'a');
    struct named b = named(r, 'b');

    a.timer.arg = &a;
    b.timer.arg = &b;
    assert_true(timer_set(r->timers, &a.timer, 1));
    assert_true(timer_set(r->timers, &b.timer, 2));
    assert_true(timer_set(r->timers, &a.timer, 3)); /* behind b now */
    rig_until(r->loop, &r->fired, 2);
    assert_string_equal(r->order, "ba");

    assert_true(timer_set(r->timers, &a.timer, 1));
    timer_cancel(r->timers, &a.timer);
    timer_cancel(r->timers, &a.timer); /* not set any more: nothing */
    assert_int_equal(a.timer.place, 0);
    rig_run(r->loop, 20);
    assert_int_equal(r->fired, 2);
}

static void test_set_and_cancel_in_callback(void **state)
{
    struct rig *r = *state;
    struct named a = named(r, 'a');
    struct named b = named(r, 'b');
    struct named c = named(r, 'c');

    a.timer.arg = &a;
    b.timer.arg = &b;
    c.timer.arg = &c;
    a.again = 2;
    a.cancels = &b.timer;
    assert_true(timer_set(r->timers, &a.timer, 1));
    assert_true(timer_set(r->timers, &b.timer, 2));
    assert_true(timer_set(r->timers, &c.timer, 3));
    rig_until(r->loop, &r->fired, 4);
    assert_string_equal(r->order, "acaa");
}

#define MANY 5000

static void never(void *arg)
{
    (void)arg;
    fail();
}

/* Sets, moves and cancels at random; what is left comes in the order of time. */
static void test_many(void **state)
{
    static struct timer timers[MANY];
    struct rig *r = *state;
    uint32_t random = 1;
    size_t left = 0;

    memset(timers, 0, sizeof timers);
    for (size_t i = 0; i < 4 * (size_t)MANY; i++) {
        struct timer *t;

        random = random * 1664525U + 1013904223U;
        t = &timers[(random >> 8) % MANY];
        t->on_due = never;
        if (random % 5 == 0)
            timer_cancel(r->timers, t);
        else
            assert_true(timer_set(r->timers, t, INT64_C(4000000000) + (random >> 4) % 10000));
    }
    /* Taken out one by one from the top, which is what has place 1. */
    for (int64_t last = 0;; left++) {
        struct timer *top = NULL;

        for (size_t i = 0; i < MANY && top == NULL; i++)
            if (timers[i].place == 1)
                top = &timers[i];
        if (top == NULL)
            break;
        assert_true(top->at >= last);
        last = top->at;
        timer_cancel(r->timers, top);
    }
    assert_true(left > MANY / 2);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(timers[i].place, 0);
}

/* The kernel tells of it where the timer is set next, and there only: it must not get lost. */
static void test_clock_set_noticed(void **state)
{
    struct rig *r = *state;
    struct named a = named(r, 'a');

    a.timer.arg = &a;
    wall_offset = 3600;
    settime_cancels = 1;
    assert_true(timer_set(r->timers, &a.timer, loop_wall_ms() / 1000 + 100000));
    rig_until(r->loop, &r->jumps, 1);
    assert_in_range(r->jumped, 3599, 3601);
    assert_int_equal(r->fired, 0);

    wall_offset = 0;
    settime_cancels = 1;
    timer_cancel(r->timers, &a.timer);
    assert_true(timer_set(r->timers, &a.timer, loop_wall_ms() / 1000 + 100000));
    rig_until(r->loop, &r->jumps, 2);
    assert_in_range(-r->jumped, 3599, 3601);
}

/* Due ones are called after the jump is told, and a small correction is none. */
static void test_jump_comes_first(void **state)
{
    struct rig *r = *state;
    struct named a = named(r, 'a');

    a.timer.arg = &a;
    assert_true(timer_set(r->timers, &a.timer, loop_wall_ms() / 1000 + 1800));
    wall_offset = 1;
    settime_cancels = 1;
    assert_true(timer_set(r->timers, &a.timer, loop_wall_ms() / 1000 + 1800));
    rig_run(r->loop, 20);
    assert_int_equal(r->jumps, 0);
    wall_offset = 3600;
    settime_cancels = 1;
    assert_true(timer_set(r->timers, &a.timer, a.timer.at));
    rig_until(r->loop, &r->fired, 1);
    assert_int_equal(r->jumps, 1);
}

/* A retry in a minute does not become one in ten years because the clock was ahead when it was set. */
static void test_pauses_stay_short(void **state)
{
    struct rig *r = *state;
    struct named v[] = {named(r, 'a'), named(r, 'b'), named(r, 'c'), named(r, 'd')};
    int64_t now = loop_wall_ms() / 1000;
    int64_t ahead = now + 315360000;

    for (size_t i = 0; i < 4; i++)
        v[i].timer.arg = &v[i];
    v[2].timer.pause = 600;
    v[3].timer.pause = 60;
    assert_true(timer_set(r->timers, &v[1].timer, ahead + 60)); /* a date */
    assert_true(timer_set(r->timers, &v[2].timer, ahead + 600));
    assert_true(timer_set(r->timers, &v[3].timer, ahead + 60));
    settime_cancels = 1;
    wall_offset = -5;
    assert_true(timer_set(r->timers, &v[0].timer, now + 100));
    rig_until(r->loop, &r->jumps, 1);
    assert_int_equal(v[0].timer.at, now + 100);
    assert_int_equal(v[1].timer.at, ahead + 60);
    assert_in_range(v[2].timer.at, now + 590, now + 600);
    assert_in_range(v[3].timer.at, now + 50, now + 60);
    assert_int_equal(v[3].timer.place, 1);
    timer_cancel(r->timers, &v[3].timer);
    assert_int_equal(v[0].timer.place, 1);
}

static void test_free_nothing(void **state)
{
    (void)state;
    timers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_past_ones_fire_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_future_ones_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moved_and_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_and_cancel_in_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock_set_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jump_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pauses_stay_short, setup, teardown),
        cmocka_unit_test(test_free_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
