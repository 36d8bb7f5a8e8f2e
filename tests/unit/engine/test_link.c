/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/link.h"

struct rig {
    struct loop *loop;
    struct link *link;
    struct ipc_conn *peer;
    unsigned messages;
    enum ipc_type message_type;
    uint32_t message_id;
    unsigned closed;
    char why[256];
    unsigned replies;
    unsigned errors;
    char text[256];
    enum err_class class;
    uint32_t forget_in_callback;
};

static void on_message(void *arg, struct ipc_msg *m)
{
    struct rig *r = arg;

    r->messages++;
    r->message_type = m->type;
    r->message_id = m->id;
    if (m->fd >= 0)
        (void)close(m->fd);
}

static void on_closed(void *arg, const char *why)
{
    struct rig *r = arg;

    r->closed++;
    (void)snprintf(r->why, sizeof r->why, "%s", why);
}

static void on_reply(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct rig *r = arg;

    r->replies++;
    if (m == NULL) {
        r->errors++;
        r->class = e->class;
        (void)snprintf(r->text, sizeof r->text, "%s", e->text);
    } else if (m->n > 0 && m->field[0].s != NULL) {
        (void)snprintf(r->text, sizeof r->text, "%s", m->field[0].s);
    }
    link_forget(r->link, r->forget_in_callback);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    int sv[2];

    assert_non_null(r);
    r->loop = loop_new();
    assert_non_null(r->loop);
    rig_pair(sv);
    r->link = link_new(r->loop, sv[0], on_message, on_closed, r);
    r->peer = ipc_conn_new(sv[1]);
    assert_non_null(r->link);
    assert_non_null(r->peer);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    link_free(r->link);
    ipc_conn_free(r->peer);
    loop_free(r->loop);
    free(r);
    return 0;
}

/* The peer's next message. */
static struct ipc_msg receive(struct rig *r)
{
    struct ipc_msg m = {0};
    struct err e;
    enum ipc_result result = ipc_next(r->peer, &m, &e);

    for (int i = 0; i < 5000 && result == IPC_RESULT_AGAIN; i++) {
        rig_run(r->loop, 1);
        (void)ipc_fill(r->peer);
        result = ipc_next(r->peer, &m, &e);
    }
    assert_int_equal(result, IPC_RESULT_OK);
    return m;
}

static void say(struct rig *r, bool queued)
{
    assert_true(queued);
    assert_int_equal(ipc_flush(r->peer), IPC_RESULT_OK);
}

static void test_replies_find_their_requests(void **state)
{
    struct rig *r = *state;
    uint32_t a = link_request(r->link, on_reply, r, IPC_ACCOUNT_LOAD, "one");
    uint32_t b = link_request(r->link, on_reply, r, IPC_ACCOUNT_LOAD, "two");
    struct ipc_msg m;

    assert_true(a != 0 && b != 0 && a != b);
    m = receive(r);
    assert_int_equal(m.type, IPC_ACCOUNT_LOAD);
    assert_int_equal(m.id, a);
    assert_string_equal(m.field[0].s, "one");
    assert_int_equal(receive(r).id, b);

    say(r, ipc_send(r->peer, IPC_ACCOUNT, b, "url-b", "thumb", (uint64_t)0, "ecdsa-p256")); /* in any order */
    rig_until(r->loop, &r->replies, 1);
    assert_string_equal(r->text, "url-b");
    say(r, ipc_send(r->peer, IPC_ACCOUNT, a, "url-a", "thumb", (uint64_t)0, "ecdsa-p256"));
    rig_until(r->loop, &r->replies, 2);
    assert_string_equal(r->text, "url-a");

    say(r, ipc_send(r->peer, IPC_ACCOUNT, a, "again", "thumb", (uint64_t)0,
                    "ecdsa-p256")); /* answered already: dropped */
    say(r, ipc_send(r->peer, IPC_OK, 12345));
    say(r, ipc_send(r->peer, IPC_OK, 0));
    rig_run(r->loop, 20);
    assert_int_equal(r->replies, 2);
    assert_int_equal(r->messages, 0);
    assert_int_equal(r->closed, 0);
}

static void test_error_reply(void **state)
{
    struct rig *r = *state;
    const struct err e = {.class = ERR_CLASS_PERMANENT, .text = "no such lineage"};
    uint32_t id = link_request(r->link, on_reply, r, IPC_DISCARD_KEY, "x");

    (void)receive(r);
    say(r, ipc_send_err(r->peer, id, &e));
    rig_until(r->loop, &r->errors, 1);
    assert_int_equal(r->class, ERR_CLASS_PERMANENT);
    assert_string_equal(r->text, "no such lineage");
}

static void test_forgotten_requests(void **state)
{
    struct rig *r = *state;
    uint32_t a = link_request(r->link, on_reply, r, IPC_PING);
    uint32_t b = link_request(r->link, on_reply, r, IPC_PING);

    link_forget(r->link, a);
    link_forget(r->link, a);
    link_forget(r->link, 0);
    link_forget(r->link, 999);
    r->forget_in_callback = b; /* its own, and it is gone already */
    say(r, ipc_send(r->peer, IPC_PONG, a, (uint64_t)1));
    say(r, ipc_send(r->peer, IPC_PONG, b, (uint64_t)2));
    rig_until(r->loop, &r->replies, 1);
    rig_run(r->loop, 10);
    assert_int_equal(r->replies, 1);
    assert_int_equal(r->messages, 0); /* "the reply will be dropped" */
}

/* Both sides count from 1: the peer's request is no answer to ours. */
static void test_peers_own_ids(void **state)
{
    struct rig *r = *state;
    uint32_t id = link_request(r->link, on_reply, r, IPC_BIND, "http-01");
    struct ipc_msg m;
    int fd = dup(0);

    (void)receive(r);
    say(r, ipc_send(r->peer, IPC_PING, id));
    rig_until(r->loop, &r->messages, 1);
    assert_int_equal(r->message_type, IPC_PING);
    assert_int_equal(r->replies, 0);
    assert_true(link_reply(r->link, r->message_id, IPC_PONG, (uint64_t)7));
    m = receive(r);
    assert_int_equal(m.type, IPC_PONG);
    assert_int_equal(m.id, id);
    assert_int_equal(m.field[0].u, 7);

    say(r, ipc_send_fd(r->peer, IPC_LISTENER, id, fd, "http", "0.0.0.0:80"));
    (void)close(fd);
    rig_until(r->loop, &r->messages, 2);
    assert_int_equal(r->message_type, IPC_LISTENER);
    assert_int_equal(r->message_id, id);
    say(r, ipc_send(r->peer, IPC_BOUND, id, ""));
    rig_until(r->loop, &r->replies, 1);
}

static void test_messages_without_reply(void **state)
{
    struct rig *r = *state;

    assert_true(link_send(r->link, IPC_READY, "ready"));
    assert_int_equal(receive(r).id, 0);
    say(r, ipc_send(r->peer, IPC_STOP, 0, (uint64_t)5));
    rig_until(r->loop, &r->messages, 1);
    assert_int_equal(r->message_type, IPC_STOP);
}

/* More than the socket takes at once: it goes on when the peer reads. */
static void test_large_messages_drain(void **state)
{
    struct rig *r = *state;
    char *chain = malloc(300 * 1024);

    assert_non_null(chain);
    memset(chain, 'x', 300 * 1024 - 1);
    chain[300 * 1024 - 1] = '\0';
    for (int i = 0; i < 20; i++)
        assert_int_not_equal(link_request(r->link, on_reply, r, IPC_INSTALL, "l", chain), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(receive(r).field[1].len, 300 * 1024 - 1);
    free(chain);
}

static void test_too_large_is_refused(void **state)
{
    struct rig *r = *state;
    char *name = malloc(4 * 1024);

    assert_non_null(name);
    memset(name, 'x', 4 * 1024 - 1);
    name[4 * 1024 - 1] = '\0';
    assert_int_equal(link_request(r->link, on_reply, r, IPC_DISCARD_KEY, name), 0);
    assert_false(link_send(r->link, IPC_READY, name));
    free(name);
    assert_int_not_equal(link_request(r->link, on_reply, r, IPC_DISCARD_KEY, "fine"), 0);
    assert_int_equal(receive(r).type, IPC_DISCARD_KEY);
}

/* What the peer said last is heard; then its end is told, once, whatever is sent afterwards. */
static void test_peer_ends(void **state)
{
    struct rig *r = *state;
    uint32_t id = link_request(r->link, on_reply, r, IPC_PING);

    (void)receive(r);
    say(r, ipc_send(r->peer, IPC_PONG, id, (uint64_t)1));
    ipc_conn_free(r->peer);
    r->peer = NULL;
    (void)link_send(r->link, IPC_RELEASE, "http-01");
    rig_until(r->loop, &r->closed, 1);
    assert_int_equal(r->replies, 1);
    (void)link_send(r->link, IPC_RELEASE, "http-01");
    (void)link_request(r->link, on_reply, r, IPC_PING);
    rig_run(r->loop, 20);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->replies, 1);
}

static void test_broken_peer(void **state)
{
    struct rig *r = *state;
    uint32_t frame[3] = {8, 0xffffff, 1}; /* no such type */

    assert_int_equal(write(ipc_conn_fd(r->peer), frame, sizeof frame), sizeof frame);
    rig_until(r->loop, &r->closed, 1);
    assert_true(r->why[0] != '\0');
    (void)link_send(r->link, IPC_RELEASE, "http-01");
    assert_int_equal(write(ipc_conn_fd(r->peer), frame, sizeof frame), sizeof frame);
    rig_run(r->loop, 20);
    assert_int_equal(r->closed, 1);
    assert_int_equal(r->messages, 0);
}

static void test_free_with_requests(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 200; i++)
        assert_int_not_equal(link_request(r->link, on_reply, r, IPC_PING), 0);
    link_free(r->link);
    r->link = NULL;
    link_free(NULL);
    rig_run(r->loop, 10);
    assert_int_equal(r->replies, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replies_find_their_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_error_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgotten_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peers_own_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages_without_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_messages_drain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_with_requests, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
