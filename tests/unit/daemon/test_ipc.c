/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/ipc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
    struct ipc_conn *a;
    struct ipc_conn *b;
};

static int setup(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    int sv[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    p->a = ipc_conn_new(sv[0]);
    p->b = ipc_conn_new(sv[1]);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;

    ipc_conn_free(p->a);
    ipc_conn_free(p->b);
    free(p);
    return 0;
}

/* Moves bytes until b has a whole message or the link is done. */
static enum ipc_result receive(struct pair *p, struct ipc_msg *m, struct err *e)
{
    enum ipc_result r = ipc_next(p->b, m, e);

    while (r == IPC_RESULT_AGAIN) {
        (void)ipc_flush(p->a);
        r = ipc_fill(p->b);
        if (r != IPC_RESULT_OK)
            return r;
        r = ipc_next(p->b, m, e);
    }
    return r;
}

static void test_fields_arrive(void **state)
{
    struct pair *p = *state;
    struct ipc_msg m;
    struct err e;

    assert_true(ipc_send(p->a, IPC_FACTS, 7, "example.com", (uint64_t)42));
    assert_true(ipc_send(p->a, IPC_PING, 8));
    assert_int_equal(receive(p, &m, &e), IPC_RESULT_OK);
    assert_int_equal(m.type, IPC_FACTS);
    assert_int_equal(m.id, 7);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.field[0].s, "example.com");
    assert_int_equal(m.field[0].len, 11);
    assert_int_equal(m.field[1].u, 42);
    assert_int_equal(ipc_next(p->b, &m, &e), IPC_RESULT_OK);
    assert_int_equal(m.type, IPC_PING);
    assert_int_equal(ipc_next(p->b, &m, &e), IPC_RESULT_AGAIN);
}

static void test_large_message_arrives_in_pieces(void **state)
{
    struct pair *p = *state;
    char *text = malloc(1000001);
    struct ipc_msg m;
    struct err e;

    memset(text, 'x', 1000000);
    text[1000000] = '\0';
    for (int i = 0; i < 3; i++)
        assert_true(ipc_send(p->a, IPC_RELOADED, 1, (uint64_t)i, text));
    assert_int_equal(ipc_flush(p->a), IPC_RESULT_AGAIN);
    assert_true(ipc_wants_write(p->a));
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(receive(p, &m, &e), IPC_RESULT_OK);
        assert_int_equal(m.field[0].u, i);
        assert_string_equal(m.field[1].s, text);
    }
    assert_false(ipc_wants_write(p->a));
    free(text);
}

static void test_too_long_string_is_not_sent(void **state)
{
    struct pair *p = *state;
    char text[5000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(ipc_send(p->a, IPC_COPY, 1, text));
    assert_false(ipc_wants_write(p->a));
}

static void test_descriptors_stay_with_their_message(void **state)
{
    struct pair *p = *state;
    struct ipc_msg m;
    struct err e;
    char text[2] = "";

    for (int i = 0; i < 5; i++) {
        int fd[2];

        assert_int_equal(pipe(fd), 0);
        text[0] = "abcde"[i];
        assert_int_equal(write(fd[1], text, 1), 1);
        assert_true(ipc_send_fd(p->a, IPC_LISTENER, (uint32_t)i, fd[0], "http", text));
        assert_true(ipc_send(p->a, IPC_PING, 99));
        (void)close(fd[0]);
        (void)close(fd[1]);
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(receive(p, &m, &e), IPC_RESULT_OK);
        if (i % 2 == 1) {
            assert_int_equal(m.type, IPC_PING);
            assert_int_equal(m.fd, -1);
            continue;
        }
        assert_int_equal(read(m.fd, text, 1), 1);
        assert_int_equal(text[0], m.field[1].s[0]);
        (void)close(m.fd);
    }
}

static void expect_broken(struct pair *p, const void *frame, size_t len)
{
    struct ipc_msg m;
    struct err e;

    assert_int_equal(write(ipc_conn_fd(p->a), frame, len), len);
    assert_int_equal(ipc_fill(p->b), IPC_RESULT_OK);
    assert_int_equal(ipc_next(p->b, &m, &e), IPC_RESULT_BROKEN);
    assert_int_equal(ipc_next(p->b, &m, &e), IPC_RESULT_BROKEN); /* and it stays so */
}

static void test_unknown_type(void **state)
{
    const uint32_t frame[3] = {0, IPC_TYPE_COUNT, 1};

    expect_broken(*state, frame, sizeof frame);
}

static void test_huge_frame(void **state)
{
    const uint32_t frame[3] = {0xffffffff, IPC_PING, 1};

    expect_broken(*state, frame, sizeof frame);
}

static void test_trailing_bytes(void **state)
{
    const uint32_t frame[4] = {4, IPC_PING, 1, 0};

    expect_broken(*state, frame, sizeof frame);
}

static void test_string_longer_than_frame(void **state)
{
    const uint32_t frame[5] = {8, IPC_COPY, 1, 100, 0x61616161};

    expect_broken(*state, frame, sizeof frame);
}

static void test_string_with_nul_within(void **state)
{
    const uint32_t frame[5] = {8, IPC_COPY, 1, 3, 0x00610061};

    expect_broken(*state, frame, sizeof frame);
}

static void test_listener_without_descriptor(void **state)
{
    const struct {
        uint32_t header[3];
        uint32_t len1;
        char s1[4];
        uint32_t len2;
        char s2[4];
    } frame = {{16, IPC_LISTENER, 1}, 3, "abc", 3, "def"};

    expect_broken(*state, &frame, sizeof frame);
}

static void test_closed_peer(void **state)
{
    struct pair *p = *state;
    struct ipc_msg m;
    struct err e;

    ipc_conn_free(p->a);
    p->a = NULL;
    assert_int_equal(ipc_fill(p->b), IPC_RESULT_CLOSED);
    assert_int_equal(ipc_next(p->b, &m, &e), IPC_RESULT_AGAIN);
    assert_true(ipc_send(p->b, IPC_PING, 1));
    assert_int_equal(ipc_flush(p->b), IPC_RESULT_CLOSED);
}

static void test_error_round_trip(void **state)
{
    struct pair *p = *state;
    struct ipc_msg m;
    struct err e;
    struct err back;

    err_set(&e, ERR_CLASS_PERMANENT, "no");
    assert_true(ipc_send_err(p->a, 3, &e));
    assert_int_equal(receive(p, &m, &e), IPC_RESULT_OK);
    ipc_msg_to_err(&m, &back);
    assert_int_equal(back.class, ERR_CLASS_PERMANENT);
    assert_string_equal(back.text, "no");
}

#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR_TEST(test_fields_arrive),
        PAIR_TEST(test_large_message_arrives_in_pieces),
        PAIR_TEST(test_too_long_string_is_not_sent),
        PAIR_TEST(test_descriptors_stay_with_their_message),
        PAIR_TEST(test_unknown_type),
        PAIR_TEST(test_huge_frame),
        PAIR_TEST(test_trailing_bytes),
        PAIR_TEST(test_string_longer_than_frame),
        PAIR_TEST(test_string_with_nul_within),
        PAIR_TEST(test_listener_without_descriptor),
        PAIR_TEST(test_closed_peer),
        PAIR_TEST(test_error_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
