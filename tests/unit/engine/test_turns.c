/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/turns.h"

#include <string.h>

struct rig {
    struct loop *loop;
    struct turns *turns;
    int sv[2];
    struct loop_io *io;
    char order[32];
    unsigned n;
};

struct named {
    struct turn turn;
    struct rig *rig;
    char name;
    struct turn *cancels;
};

static void note(struct rig *r, char name)
{
    r->order[r->n++] = name;
}

/* Somebody else has something to say after the first turn: heard before the second one. */
static void on_turn(void *arg)
{
    struct named *n = arg;

    note(n->rig, n->name);
    if (n->cancels != NULL)
        turn_cancel(n->rig->turns, n->cancels);
    if (n->name == 'a')
        assert_int_equal(send(n->rig->sv[1], "x", 1, 0), 1);
}

static void on_ready(void *arg, bool readable, bool writable)
{
    struct rig *r = arg;
    char c;

    (void)writable;
    assert_true(readable);
    assert_int_equal(recv(r->sv[0], &c, 1, 0), 1);
    note(r, '!');
}

static void set_up(struct rig *r, struct named *v, size_t n)
{
    memset(r, 0, sizeof *r);
    r->loop = loop_new();
    r->turns = turns_new(r->loop);
    assert_non_null(r->turns);
    rig_pair(r->sv);
    r->io = loop_io_new(r->loop, r->sv[0], on_ready, r);
    assert_true(loop_io_want(r->io, true, false));
    for (size_t i = 0; i < n; i++) {
        v[i] = (struct named){.rig = r, .name = (char)('a' + i)};
        v[i].turn.on_turn = on_turn;
        v[i].turn.arg = &v[i];
    }
}

static void tear_down(struct rig *r)
{
    loop_io_free(r->io);
    (void)close(r->sv[0]);
    (void)close(r->sv[1]);
    turns_free(r->turns);
    loop_free(r->loop);
}

static void test_one_a_turn(void **state)
{
    struct named v[3];
    struct rig r;

    (void)state;
    set_up(&r, v, 3);
    for (size_t i = 0; i < 3; i++)
        turn_wait(r.turns, &v[i].turn);
    turn_wait(r.turns, &v[0].turn);
    assert_int_equal(r.n, 0);
    rig_until(r.loop, &r.n, 4);
    assert_string_equal(r.order, "a!bc");
    turn_wait(r.turns, &v[1].turn);
    rig_until(r.loop, &r.n, 5);
    assert_string_equal(r.order, "a!bcb");
    tear_down(&r);
}

static void test_first_ones_and_cancelled_ones(void **state)
{
    struct named v[6];
    struct rig r;

    (void)state;
    set_up(&r, v, 6);
    v[3].turn.first = v[4].turn.first = true;
    for (size_t i = 0; i < 6; i++)
        turn_wait(r.turns, &v[i].turn);
    turn_cancel(r.turns, &v[1].turn);
    turn_cancel(r.turns, &v[1].turn);
    v[4].cancels = &v[2].turn;
    rig_until(r.loop, &r.n, 5);
    assert_int_equal(strspn(r.order, "dea!f"), 5);
    assert_true(strncmp(r.order, "dea", 3) == 0);
    assert_false(v[1].turn.waiting || v[2].turn.waiting);
    turn_wait(r.turns, &v[5].turn); /* nobody is called after the end */
    tear_down(&r);
}

static void test_free_nothing(void **state)
{
    (void)state;
    turns_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_a_turn),
        cmocka_unit_test(test_first_ones_and_cancelled_ones),
        cmocka_unit_test(test_free_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
