/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_KEEPER_PEER_H
#define ACMED_TEST_KEEPER_PEER_H

/* A keeper in a child process, and its two peers, played by the test. */

#include "daemon/random.h"
#include "tests/unit/test.h"

#include "daemon/ipc.h"
#include "daemon/keeper/keeper.h"
#include "tests/unit/keeper/fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PEER_TIMEOUT 60000 /* milliseconds: of a test machine that does much else */

struct peer {
    pid_t pid;
    struct ipc_conn *engine;     /* the engine's end */
    struct ipc_conn *supervisor; /* the supervisor's */
    uint32_t id;                 /* of the last request */
    struct ipc_msg m;            /* the last message, until the next */
};

static inline void peer_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

/* The next message of one connection, into p->m. False: the keeper closed it. */
static inline bool peer_receive(struct peer *p, struct ipc_conn *conn)
{
    struct err e;

    for (;;) {
        enum ipc_result result = ipc_next(conn, &p->m, &e);
        struct pollfd fd = {.fd = ipc_conn_fd(conn), .events = POLLIN};

        if (result == IPC_RESULT_OK)
            return true;
        assert_int_equal(result, IPC_RESULT_AGAIN);
        assert_int_equal(poll(&fd, 1, PEER_TIMEOUT), 1);
        result = ipc_fill(conn);
        if (result == IPC_RESULT_CLOSED || result == IPC_RESULT_BROKEN)
            return false;
    }
}

static inline void peer_send_all(struct ipc_conn *conn)
{
    while (ipc_wants_write(conn)) {
        struct pollfd fd = {.fd = ipc_conn_fd(conn), .events = POLLOUT};

        assert_int_equal(poll(&fd, 1, PEER_TIMEOUT), 1);
        if (ipc_flush(conn) == IPC_RESULT_BROKEN)
            return;
    }
}

/* Waits for its hello. */
static inline void peer_greet(struct peer *p)
{
    assert_true(peer_receive(p, p->supervisor));
    assert_int_equal(p->m.type, IPC_HELLO);
}

static inline void peer_start(struct peer *p, const struct fixture *f)
{
    int engine[2];
    int supervisor[2];

    memset(p, 0, sizeof *p);
    (void)signal(SIGPIPE, SIG_IGN);
    peer_pair(engine);
    peer_pair(supervisor);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        (void)close(engine[0]);
        (void)close(supervisor[0]);
        crypto_free();
        if (!crypto_init(random_bytes, NULL))
            _exit(9);
        _exit(keeper_run(f->snapshot, supervisor[1], engine[1]));
    }
    (void)close(engine[1]);
    (void)close(supervisor[1]);
    p->engine = ipc_conn_new(engine[0]);
    p->supervisor = ipc_conn_new(supervisor[0]);
    peer_greet(p);
}

/* A keeper for this configuration. */
static inline void peer_open(struct peer *p, struct fixture *f, const char *text)
{
    fixture_open(f, text);
    peer_start(p, f);
}

/* Its exit status. */
static inline int peer_wait(struct peer *p)
{
    int status;

    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    ipc_conn_free(p->engine);
    ipc_conn_free(p->supervisor);
    p->engine = NULL;
    p->supervisor = NULL;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Ends it as the supervisor does. */
static inline int peer_stop(struct peer *p)
{
    ipc_conn_free(p->supervisor);
    p->supervisor = NULL;
    return peer_wait(p);
}

static inline void peer_close(struct peer *p, struct fixture *f)
{
    assert_int_equal(peer_stop(p), 0);
    fixture_close(f);
}

/* Sends a request by the engine and waits for its reply of this type. */
#define peer_ask(p, want, type, ...)                                                                         \
    do {                                                                                                     \
        assert_true(ipc_send((p)->engine, type, ++(p)->id, ##__VA_ARGS__));                                  \
        peer_send_all((p)->engine);                                                                          \
        peer_expect(p, want, (p)->id);                                                                       \
    } while (0)

static inline void peer_expect(struct peer *p, enum ipc_type want, uint32_t id)
{
    assert_true(peer_receive(p, p->engine));
    if (p->m.type != want)
        fail_msg("%s, not %s: %s", ipc_type_to_str(p->m.type), ipc_type_to_str(want),
                 p->m.type == IPC_ERROR ? p->m.field[1].s : "");
    assert_int_equal(p->m.id, id);
}

/* An IPC_ERROR whose text holds this. */
#define peer_refused(p, why, type, ...)                                                                      \
    do {                                                                                                     \
        peer_ask(p, IPC_ERROR, type, ##__VA_ARGS__);                                                         \
        if (strstr((p)->m.field[1].s, why) == NULL)                                                          \
            fail_msg("%s, not %s", (p)->m.field[1].s, why);                                                  \
    } while (0)

#endif
