/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/keeper.h"

#include "daemon/build.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "daemon/sandbox.h"
#include "lib/key.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum outcome { GO_ON, END, FAILED };

static bool say_hello(struct keeper *k, struct err *e)
{
    json_t *report = sandbox_report();
    char *text = report != NULL ? json_dumps(report, JSON_COMPACT) : NULL;
    bool ok = text != NULL && ipc_send(k->supervisor, IPC_HELLO, 0, build_id, text);

    free(text);
    json_decref(report);
    return ok || err_nomem(e, "saying hello to the supervisor");
}

/* Handles every complete request of one read. Their replies are only queued; those that write are in the
 * batch afterwards. */
static enum outcome read_requests(struct keeper *k, struct ipc_conn *conn)
{
    const char *peer = conn == k->engine ? "engine" : "supervisor";
    enum ipc_result result = ipc_fill(conn);
    struct ipc_msg m;
    struct err e;

    if (result == IPC_RESULT_CLOSED)
        return END;
    if (result == IPC_RESULT_BROKEN) {
        log_error(NULL, "the connection to the %s broke; the keeper ends and is started anew", peer);
        return FAILED;
    }
    while ((result = ipc_next(conn, &m, &e)) == IPC_RESULT_OK) {
        bool ok = request_handle(k, conn, &m, &e);

        if (m.fd >= 0)
            (void)close(m.fd);
        if (!ok)
            break;
    }
    if (result == IPC_RESULT_AGAIN)
        return GO_ON;
    if (result == IPC_RESULT_CLOSED)
        return END;
    log_error(NULL, "the %s does not keep to the protocol (%s); the keeper ends and is started anew", peer,
              e.text);
    return FAILED;
}

static enum outcome flush(struct ipc_conn *conn)
{
    switch (ipc_flush(conn)) {
    case IPC_RESULT_OK:
    case IPC_RESULT_AGAIN:
        return GO_ON;
    case IPC_RESULT_CLOSED:
    case IPC_RESULT_BROKEN:
        break;
    }
    return END; /* the peer is gone: the supervisor knows why */
}

/* A peer that does not take its replies is not asked for more requests. */
static struct pollfd watch(const struct ipc_conn *conn)
{
    return (struct pollfd){.fd = ipc_conn_fd(conn),
                           .events = (short)(ipc_wants_write(conn) ? POLLOUT : POLLIN)};
}

static enum outcome serve(struct keeper *k, struct ipc_conn *conn, short revents)
{
    enum outcome outcome = GO_ON;

    if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        outcome = read_requests(k, conn);
    return outcome == GO_ON && ipc_wants_write(conn) ? flush(conn) : outcome;
}

/* *quiet: nobody wanted anything. */
static enum outcome turn(struct keeper *k, bool busy, bool *quiet)
{
    struct pollfd fds[2 + PENDING_CHILDREN_MAX + 1 + REHEARSAL_CHILDREN_MAX];
    size_t n = 2 + pending_poll(k->pending, fds + 2);
    enum outcome outcome;
    int ready;

    *quiet = false;
    n += accounts_poll(k->accounts, fds + n);
    n += rehearsals_poll(k->rehearsals, fds + n);
    fds[0] = watch(k->supervisor);
    fds[1] = watch(k->engine);
    ready = poll(fds, n, busy ? 0 : -1);
    if (ready < 0) {
        if (errno == EINTR)
            return GO_ON;
        log_error(NULL, "poll: %s; the keeper ends and is started anew", strerror(errno));
        return FAILED;
    }
    *quiet = ready == 0;
    for (size_t i = 2; i < n; i++) {
        if (fds[i].revents == 0)
            continue;
        if (accounts_dispatch(k->accounts, fds[i].fd))
            request_account_resume(k);
        else if (!rehearsals_dispatch(k->rehearsals, fds[i].fd))
            pending_dispatch(k->pending, fds[i].fd);
    }
    outcome = serve(k, k->supervisor, fds[0].revents);
    return outcome == GO_ON ? serve(k, k->engine, fds[1].revents) : outcome;
}

/* Replies go first: making the next key does not hold them up. The disk comes last, when there is nothing
 * else to do: whatever needs it has joined the batch by then. It does come: an engine has a few requests for
 * each order in flight, and waits for the answers. */
static int loop(struct keeper *k)
{
    enum outcome outcome;
    bool busy = false;
    bool quiet;

    while ((outcome = turn(k, busy, &quiet)) == GO_ON) {
        busy = pending_work(k->pending);
        if (quiet && !busy && batch_is_wanted(&k->batch))
            batch_commit(&k->batch);
        request_resume(k);
        busy = busy || batch_is_wanted(&k->batch);
    }
    batch_commit(&k->batch); /* what was begun is finished, even if its answer finds nobody */
    return outcome == END ? 0 : 1;
}

static bool start(struct keeper *k, struct err *e)
{
    if (!store_open(&k->store, k->config, k->snapshot->engine_uid, k->snapshot->engine_gid, e))
        return err_wrap(e, "the state directory");
    k->accounts = accounts_new(&k->store, k->config);
    batch_init(&k->batch, &k->store);
    k->pending = pending_new(&k->store, k->config, &k->batch);
    k->rehearsals = rehearsals_new(k->config);
    if (k->accounts == NULL || k->pending == NULL || k->rehearsals == NULL)
        return err_nomem(e, "starting the keeper");
    return say_hello(k, e);
}

int keeper_run(const struct snapshot *snapshot, int supervisor_fd, int engine_fd)
{
    struct keeper k = {.snapshot = snapshot, .config = snapshot->config};
    struct err e;
    int status = 1;

    k.store = (struct store){DIR_CLOSED, DIR_CLOSED, DIR_CLOSED, DIR_CLOSED};
    k.supervisor = ipc_conn_new(supervisor_fd);
    k.engine = ipc_conn_new(engine_fd);
    if (k.supervisor == NULL || k.engine == NULL)
        log_error(NULL, "the keeper cannot start: out of memory");
    else if (!start(&k, &e))
        log_error(NULL, "the keeper cannot start: %s", e.text);
    else
        status = loop(&k);
    request_waiting_free(k.waiting);
    request_account_waiting_free(k.account_waiting);
    rehearsals_free(k.rehearsals);
    pending_free(k.pending);
    accounts_free(k.accounts);
    store_close(&k.store);
    ipc_conn_free(k.engine);
    ipc_conn_free(k.supervisor);
    return status;
}

/* The supervisor ends its children by closing their sockets; a signal to all processes of the unit (systemd's
 * default) must not end a keeper in the middle of an order that the engine is still finishing. */
static void ignore_signals(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)sigaction(signals[i], &ignore, NULL);
}

int keeper_main(void)
{
    struct snapshot *snapshot;
    struct err e;
    int status = 1;

    (void)umask(077);
    ignore_signals();
    log_open_relay(IPC_FD_LOG, "keeper");
    snapshot = snapshot_read(IPC_FD_CONFIG, &e);
    if (snapshot == NULL) {
        log_error(NULL, "the keeper cannot read its configuration: %s", e.text);
        return 1;
    }
    (void)close(IPC_FD_CONFIG);
    log_set_level(snapshot->config->log_level);
    if (crypto_init(random_bytes, &e) && sandbox_keeper(&e)) {
        status = keeper_run(snapshot, IPC_FD_SUPERVISOR, IPC_FD_PEER);
        crypto_free();
    } else {
        log_error(NULL, "the keeper cannot start: %s", e.text);
    }
    snapshot_free(snapshot);
    return status;
}
