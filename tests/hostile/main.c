/* SPDX-License-Identifier: MIT */
#include "tests/hostile/hostile.h"

#include "daemon/build.h"
#include "daemon/log.h"
#include "daemon/snapshot.h"

#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool begin(struct hostile *h)
{
    ssize_t n = readlink("/proc/self/exe", h->dir, sizeof h->dir - 1);
    struct snapshot *s;
    struct err e;

    if (n <= 0)
        return false;
    h->dir[n] = '\0';
    (void)dirname(h->dir);
    s = snapshot_read(IPC_FD_CONFIG, &e);
    if (s == NULL)
        return false;
    (void)snprintf(h->state, sizeof h->state, "%s", s->config->state_dir);
    snapshot_free(s);
    h->keeper = ipc_conn_new(IPC_FD_PEER);
    h->supervisor = ipc_conn_new(IPC_FD_SUPERVISOR);
    return h->keeper != NULL && h->supervisor != NULL &&
           ipc_send(h->supervisor, IPC_HELLO, 0, build_id, "{}") && ipc_flush(h->supervisor) == IPC_RESULT_OK;
}

int main(void)
{
    struct hostile h = {.control = -1};
    char order[64];
    struct ipc_msg m;

    (void)signal(SIGPIPE, SIG_IGN);
    log_open_relay(IPC_FD_LOG, "engine");
    if (!begin(&h) || !hostile_ask(&h, h.keeper, &m, IPC_PING))
        return 1;
    hostile_read(&h, "orders", order, sizeof order);
    order[strcspn(order, "\n")] = '\0';
    if (strcmp(order, "ask-keeper") == 0)
        hostile_ask_keeper(&h);
    else if (strcmp(order, "ask-grants") == 0)
        hostile_ask_grants(&h);
    else if (strcmp(order, "ask-supervisor") == 0)
        hostile_ask_supervisor(&h);
    else if (!hostile_break(&h, order))
        hostile_escape(&h, order);
    log_info(NULL, "attempts are over");
    for (;;) /* as a real one: until the supervisor says so */
        if (!hostile_ask(&h, h.supervisor, &m, IPC_NONE) && m.type == IPC_STOP)
            return 0;
}
