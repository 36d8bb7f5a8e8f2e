/* SPDX-License-Identifier: MIT */
#include "tests/hostile/hostile.h"

#include "daemon/log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINEAGE "www.example.com"
#define CA      "test"
#define GOOD    "https://ca.test:14000/acme/1"
#define NONCE   "abc-_123"

static void show(struct hostile *h, const char *what, int fd)
{
    struct ipc_msg m;
    bool granted = fd >= 0 && (!hostile_show(h, &m, IPC_GRANT, fd) || m.type != IPC_ERROR);

    hostile_tell(what, granted);
}

/* All that needs a permit, of which there is none. */
static void ask_keeper(struct hostile *h)
{
    static const enum ipc_type of_lineage[] = {IPC_SIGN_REVOKE, IPC_SIGN_REVOKE_BY_KEY};
    static const enum ipc_type of_generation[] = {IPC_REVOKED, IPC_ROLLBACK};
    static const enum ipc_type of_ca[] = {IPC_SIGN_KEY_CHANGE, IPC_SIGN_FIND_NEXT, IPC_SIGN_DEACTIVATE};
    struct ipc_msg m;

    for (size_t i = 0; i < sizeof of_ca / sizeof of_ca[0]; i++)
        hostile_tell(ipc_type_to_str(of_ca[i]),
                     !hostile_ask(h, h->keeper, &m, of_ca[i], CA, GOOD, NONCE) || m.type != IPC_ERROR);
    hostile_tell("account-next", !hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_NEXT, CA) || m.type != IPC_ERROR);
    hostile_tell("account-settle",
                 !hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_SETTLE, CA, (uint64_t)1) || m.type != IPC_ERROR);
    hostile_tell("account-close",
                 !hostile_ask(h, h->keeper, &m, IPC_ACCOUNT_CLOSE, CA) || m.type != IPC_ERROR);
    for (size_t i = 0; i < sizeof of_lineage / sizeof of_lineage[0]; i++)
        hostile_tell(ipc_type_to_str(of_lineage[i]),
                     !hostile_ask(h, h->keeper, &m, of_lineage[i], LINEAGE, GOOD, NONCE, CA) ||
                         m.type != IPC_ERROR);
    for (size_t i = 0; i < sizeof of_generation / sizeof of_generation[0]; i++)
        hostile_tell(ipc_type_to_str(of_generation[i]),
                     !hostile_ask(h, h->keeper, &m, of_generation[i], LINEAGE, (uint64_t)1) ||
                         m.type != IPC_ERROR);
}

/* Descriptors of its own, and those that it was given. */
static void show_own(struct hostile *h)
{
    int pair[2] = {-1, -1};
    int pipes[2] = {-1, -1};

    show(h, "the connection to the supervisor", IPC_FD_SUPERVISOR);
    show(h, "the connection to the keeper", IPC_FD_PEER);
    show(h, "the log", IPC_FD_LOG);
    show(h, "the listener itself", h->control);
    show(h, "a file", IPC_FD_CONFIG);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) {
        static const char call[] =
            "{\"method\":\"org.acmed.Control.Revoke\",\"parameters\":{\"name\":\"www.example.com\"}}";

        (void)!write(pair[0], call, sizeof call);
    }
    show(h, "a pair of its own", pair[1]);
    if (pipe(pipes) == 0)
        show(h, "a pipe", pipes[0]);
}

static int accept_one(struct hostile *h)
{
    struct pollfd p = {.fd = h->control, .events = POLLIN};

    log_info(NULL, "a client may come");
    return poll(&p, 1, 60000) == 1 ? accept(h->control, NULL, NULL) : -1;
}

static void await_data(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    (void)poll(&p, 1, 60000);
}

/* Three clients of root's come, played by the test: one that only watches, one that asks for the status, and
 * one that asks for a rollback, whose wish can be granted once (the keeper finds nothing to roll back to). */
void hostile_ask_grants(struct hostile *h)
{
    struct ipc_msg m;
    int fd;

    (void)hostile_ask(h, h->supervisor, &m, IPC_CHECK); /* the listener comes meanwhile */
    ask_keeper(h);
    show_own(h);
    fd = accept_one(h);
    hostile_tell("no client came", fd < 0);
    show(h, "a client that asks for nothing", fd);
    fd = accept_one(h);
    await_data(fd);
    show(h, "a client that asks for the status", fd);
    fd = accept_one(h);
    await_data(fd);
    if (!hostile_show(h, &m, IPC_GRANT, fd) || m.type != IPC_ERROR || strstr(m.field[1].s, "live") == NULL)
        hostile_tell("a client that asks was not heard by the keeper", true);
    show(h, "the same client again", fd);
    ask_keeper(h);
}
