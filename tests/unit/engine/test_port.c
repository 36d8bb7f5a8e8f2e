/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/port.h"

/* ---- in the place of link.c and door.c ---- */

static unsigned asked;    /* IPC_BIND sent */
static unsigned released; /* IPC_RELEASE sent */
static unsigned dropped;  /* door_drop_on_demand() */
static unsigned forgotten;
static size_t listeners;
static bool link_fails;
static void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e);
static void *on_reply_arg;

uint32_t link_request(struct link *k, void (*reply)(void *arg, const struct ipc_msg *m, const struct err *e),
                      void *arg, enum ipc_type type, ...)
{
    (void)k;
    assert_int_equal(type, IPC_BIND);
    asked++;
    on_reply = reply;
    on_reply_arg = arg;
    return link_fails ? 0 : asked;
}

bool link_send(struct link *k, enum ipc_type type, ...)
{
    (void)k;
    assert_int_equal(type, IPC_RELEASE);
    released++;
    return true;
}

void link_forget(struct link *k, uint32_t id)
{
    (void)k;
    forgotten += id != 0;
}

const char *door_name(const struct door *d)
{
    (void)d;
    return "http-01";
}

size_t door_listeners(const struct door *d)
{
    (void)d;
    return listeners;
}

void door_drop_on_demand(struct door *d)
{
    (void)d;
    dropped++;
    listeners = 0;
}

/* ---- */

struct rig {
    struct loop *loop;
    struct port *port;
};

struct holder {
    struct port_wait w;
    struct rig *rig;
    unsigned ready;
    bool failed;
    char text[256];
    struct holder *releases;
};

static void on_ready(void *arg, const struct err *e)
{
    struct holder *h = arg;

    h->ready++;
    h->failed = e != NULL;
    if (e != NULL)
        (void)snprintf(h->text, sizeof h->text, "%s", e->text);
    if (h->releases != NULL)
        port_release(h->rig->port, &h->releases->w);
}

static struct holder holder(struct rig *r)
{
    return (struct holder){.rig = r, .w = {.on_ready = on_ready}};
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    asked = released = dropped = forgotten = 0;
    listeners = 0;
    link_fails = false;
    r->loop = loop_new();
    assert_non_null(r->loop);
    r->port = port_new(r->loop, NULL, NULL, 2);
    assert_non_null(r->port);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    port_free(r->port);
    loop_free(r->loop);
    free(r);
    return 0;
}

static void bound(const char *text)
{
    struct ipc_msg m = {.type = IPC_BOUND, .n = 1, .fd = -1};

    m.field[0].s = text;
    on_reply(on_reply_arg, &m, NULL);
}

static void test_all_are_bound_already(void **state)
{
    struct rig *r = *state;
    struct holder h = holder(r);

    h.w.arg = &h;
    listeners = 2;
    port_hold(r->port, &h.w);
    assert_int_equal(h.ready, 0); /* never before it returns */
    rig_until(r->loop, &h.ready, 1);
    assert_false(h.failed);
    assert_int_equal(asked, 0);
    port_release(r->port, &h.w);
}

static void test_bound_on_demand(void **state)
{
    struct rig *r = *state;
    struct holder a = holder(r);
    struct holder b = holder(r);

    a.w.arg = &a;
    b.w.arg = &b;
    port_hold(r->port, &a.w);
    rig_until(r->loop, &asked, 1);
    port_hold(r->port, &b.w);
    rig_run(r->loop, 10);
    assert_int_equal(asked, 1); /* the one under way serves both */
    listeners = 1;              /* one of two: good enough */
    bound("[::]:80: no such address family");
    assert_int_equal(a.ready + b.ready, 2);
    assert_false(a.failed || b.failed);

    port_release(r->port, &a.w);
    assert_int_equal(released + dropped, 0);
    port_release(r->port, &b.w);
    assert_int_equal(released, 1);
    assert_int_equal(dropped, 1);
}

static void test_taken_port_is_tried_again(void **state)
{
    struct rig *r = *state;
    struct holder h = holder(r);

    h.w.arg = &h;
    port_hold(r->port, &h.w);
    rig_until(r->loop, &asked, 1);
    bound("0.0.0.0:80 is taken");
    assert_int_equal(h.ready, 0);
    rig_until(r->loop, &asked, 2); /* a second later */
    listeners = 2;
    bound("");
    assert_int_equal(h.ready, 1);
    assert_false(h.failed);
    port_release(r->port, &h.w);
}

/* Replies before their time stand for the pauses between the tries. */
static void test_gives_up(void **state)
{
    struct rig *r = *state;
    struct holder h = holder(r);

    h.w.arg = &h;
    port_hold(r->port, &h.w);
    rig_until(r->loop, &asked, 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(h.ready, 0);
        bound("0.0.0.0:80 is taken by another program");
    }
    assert_int_equal(h.ready, 1);
    assert_true(h.failed);
    assert_non_null(strstr(h.text, "0.0.0.0:80 is taken by another program"));
    port_release(r->port, &h.w);
}

static void test_supervisor_cannot_be_asked(void **state)
{
    struct rig *r = *state;
    struct holder h = holder(r);

    h.w.arg = &h;
    link_fails = true;
    port_hold(r->port, &h.w);
    rig_until(r->loop, &h.ready, 1);
    assert_true(h.failed);
    port_release(r->port, &h.w);
}

/* The supervisor had sent its sockets before it read that they are not wanted any more. */
static void test_released_while_binding(void **state)
{
    struct rig *r = *state;
    struct holder h = holder(r);

    h.w.arg = &h;
    port_hold(r->port, &h.w);
    rig_until(r->loop, &asked, 1);
    port_release(r->port, &h.w);
    assert_int_equal(released, 1);
    listeners = 2;
    bound("");
    assert_int_equal(h.ready, 0);
    assert_int_equal(listeners, 0);
}

static void test_released_before_asking(void **state)
{
    struct rig *r = *state;
    struct holder h = holder(r);

    h.w.arg = &h;
    port_hold(r->port, &h.w);
    port_release(r->port, &h.w);
    rig_run(r->loop, 20);
    assert_int_equal(asked, 0);
    assert_int_equal(h.ready, 0);
}

/* One that is told ends another that has not been told yet. */
static void test_release_in_callback(void **state)
{
    struct rig *r = *state;
    struct holder v[3] = {holder(r), holder(r), holder(r)};

    for (size_t i = 0; i < 3; i++)
        v[i].w.arg = &v[i];
    v[2].releases = &v[0];
    v[1].releases = &v[1];
    for (size_t i = 0; i < 3; i++)
        port_hold(r->port, &v[i].w);
    listeners = 2;
    rig_until(r->loop, &v[2].ready, 1);
    assert_int_equal(v[1].ready, 1);
    assert_int_equal(v[0].ready, 0);
    assert_int_equal(released, 0);
    port_release(r->port, &v[2].w);
    assert_int_equal(released, 1);
}

static void test_freed_while_binding(void **state)
{
    struct rig *r = *state;
    struct holder h = holder(r);

    h.w.arg = &h;
    port_hold(r->port, &h.w);
    rig_until(r->loop, &asked, 1);
    port_free(r->port);
    r->port = NULL;
    assert_int_equal(forgotten, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_are_bound_already, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_on_demand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_port_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_supervisor_cannot_be_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_released_while_binding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_released_before_asking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_release_in_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_freed_while_binding, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
