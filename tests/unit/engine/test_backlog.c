/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/engine/backlog.h"

struct client {
    struct backlog_entry entry;
    unsigned dropped;
    int64_t waited_ms;
    size_t size;
};

static void on_over(void *arg, int64_t waits_ms, size_t size)
{
    struct client *c = arg;

    c->dropped++;
    c->waited_ms = waits_ms;
    c->size = size;
}

static void begin(struct backlog *b, struct client *v, size_t n)
{
    backlog_init(b, 100);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct client){.entry = {.on_over = on_over, .arg = &v[i]}};
}

static void test_the_oldest_gives_way(void **state)
{
    struct client v[3];
    struct backlog b;

    (void)state;
    begin(&b, v, 3);
    backlog_set(&b, &v[0].entry, 40, 1000);
    backlog_set(&b, &v[1].entry, 40, 2000);
    backlog_set(&b, &v[0].entry, 0, 3000); /* it has read all, and asks again */
    backlog_set(&b, &v[0].entry, 30, 3000);
    backlog_set(&b, &v[1].entry, 39, 4000); /* it reads drop by drop, which is no merit */
    assert_int_equal(b.total, 69);
    backlog_set(&b, &v[2].entry, 40, 5000);
    assert_int_equal(v[1].dropped, 1);
    assert_int_equal(v[1].waited_ms, 3000);
    assert_int_equal(v[1].size, 39);
    assert_int_equal(v[0].dropped + v[2].dropped, 0);
    assert_int_equal(b.total, 70);
    for (size_t i = 0; i < 3; i++)
        backlog_remove(&b, &v[i].entry);
    assert_int_equal(b.total, 0);
    assert_null(b.first);
}

static void test_who_has_little_waiting_stays(void **state)
{
    struct client v[3];
    struct backlog b;

    (void)state;
    begin(&b, v, 3);
    b.max = 1024;
    backlog_set(&b, &v[0].entry, 2, 1000);
    v[1].entry.may_control = true;
    backlog_set(&b, &v[1].entry, 600, 2000);
    backlog_set(&b, &v[2].entry, 600, 3000);
    assert_int_equal(v[0].dropped, 0);
    assert_int_equal(v[1].dropped, 0);
    assert_int_equal(v[2].dropped, 1);
}

static void test_who_may_control_comes_last(void **state)
{
    struct client v[3];
    struct backlog b;

    (void)state;
    begin(&b, v, 3);
    v[0].entry.may_control = v[2].entry.may_control = true;
    backlog_set(&b, &v[0].entry, 60, 1000);
    backlog_set(&b, &v[1].entry, 50, 2000);
    assert_int_equal(v[0].dropped, 0);
    assert_int_equal(v[1].dropped, 1); /* though it has just asked */
    backlog_set(&b, &v[2].entry, 50, 3000);
    assert_int_equal(v[0].dropped, 1);
    assert_int_equal(v[2].dropped, 0);
}

static void test_many_small_ones_for_a_large_one(void **state)
{
    struct client v[11];
    struct backlog b;
    unsigned dropped = 0;

    (void)state;
    begin(&b, v, 11);
    for (int64_t i = 0; i < 10; i++)
        backlog_set(&b, &v[i].entry, 10, i);
    assert_int_equal(b.total, 100);
    backlog_set(&b, &v[10].entry, 55, 10);
    for (size_t i = 0; i < 11; i++)
        dropped += v[i].dropped;
    assert_int_equal(dropped, 6);
    assert_int_equal(v[5].dropped, 1);
    assert_int_equal(v[6].dropped + v[10].dropped, 0);
    backlog_set(&b, &v[10].entry, 101, 11); /* too much alone */
    assert_int_equal(v[10].dropped, 1);
    assert_int_equal(b.total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_oldest_gives_way),
        cmocka_unit_test(test_who_has_little_waiting_stays),
        cmocka_unit_test(test_who_may_control_comes_last),
        cmocka_unit_test(test_many_small_ones_for_a_large_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
