/* SPDX-License-Identifier: MIT */
#include "daemon/engine/engine.h"

#include "daemon/build.h"
#include "daemon/engine/clock.h"
#include "daemon/engine/control.h"
#include "daemon/engine/examiner.h"
#include "daemon/engine/fleet.h"
#include "daemon/engine/rehearsals.h"
#include "daemon/engine/reloads.h"
#include "daemon/engine/renewal_info.h"
#include "daemon/engine/standby.h"
#include "daemon/engine/withdrawal.h"
#include "daemon/engine/summary.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "daemon/sandbox.h"
#include "lib/key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEPER_PATIENCE_MS 30000

int64_t engine_now(void)
{
    return loop_wall_ms() / 1000;
}

/* ---- telling the supervisor ---- */

static bool say_hello(struct engine *g)
{
    json_t *report = sandbox_report();
    char *text = report != NULL ? json_dumps(report, JSON_COMPACT) : NULL;
    bool ok = text != NULL && link_send(g->supervisor, IPC_HELLO, build_id, text);

    free(text);
    json_decref(report);
    return ok;
}

/* ---- messages of the other processes ---- */

static void take_listener(struct engine *g, struct ipc_msg *m)
{
    bool ok;

    if (strcmp(m->field[0].s, "control") == 0)
        ok = control_listen(g->control, m->fd);
    else
        ok = door_listen(strcmp(m->field[0].s, "tls-alpn-01") == 0 ? alpn_door(g->alpn)
                                                                   : responder_door(g->responder),
                         m->fd, m->field[1].s, m->id != 0);
    m->fd = -1;
    if (!ok)
        log_error(NULL, "cannot serve %s: out of memory", m->field[1].s);
}

static void start_serving(struct engine *g, const struct ipc_msg *m)
{
    const char *line = m->field[1].s;

    json_decref(g->confinement);
    g->confinement = json_loads(m->field[0].s, JSON_REJECT_DUPLICATES, NULL);
    while (*line != '\0') {
        size_t n = strcspn(line, "\n");

        if (n > 0)
            (void)strv_addn(&g->warnings, line, n);
        line += n + (line[n] == '\n');
    }
    g->started_at = (int64_t)m->field[3].u;
    fleet_start(g->fleet, m->field[2].u != 0);
    renewal_info_start(g->renewal_info);
    g->serving = true;
    control_start(g->control);
    summary_start(g->summary);
    examiner_start(g->examiner);
}

static void end(struct engine *g, int code)
{
    g->exit_code = code;
    loop_stop(g->loop);
}

static void on_grace_over(void *arg)
{
    end(arg, 0);
}

/* Callers are answered, nothing new is begun; orders under way get the grace to come to an end, and are
 * resumed by the next engine otherwise. */
static void stop(struct engine *g, uint64_t grace_s)
{
    g->stopping = true;
    control_stop(g->control);
    if (fleet_in_flight(g->fleet) == 0)
        end(g, 0);
    else
        loop_delay_start(g->grace, (int64_t)(grace_s < 60 ? grace_s : 60) * 1000);
}

static void on_supervisor(void *arg, struct ipc_msg *m)
{
    struct engine *g = arg;

    switch (m->type) {
    case IPC_LISTENER:
        take_listener(g, m);
        break;
    case IPC_START:
        start_serving(g, m);
        break;
    case IPC_STOP:
        stop(g, m->field[0].u);
        break;
    case IPC_PING:
        (void)link_reply(g->supervisor, m->id, IPC_PONG, sandbox_unknown_syscalls());
        break;
    default:
        log_debug(NULL, "the supervisor's message \"%s\" is answered by nobody any more",
                  ipc_type_to_str(m->type));
        break;
    }
    if (m->fd >= 0)
        (void)close(m->fd);
}

static void on_keeper(void *arg, struct ipc_msg *m)
{
    (void)arg;
    log_debug(NULL, "the keeper's message \"%s\" is answered by nobody any more", ipc_type_to_str(m->type));
    if (m->fd >= 0)
        (void)close(m->fd);
}

static void on_supervisor_gone(void *arg, const char *why)
{
    log_debug(NULL, "the supervisor is gone: %s", why);
    end(arg, 0);
}

static void on_keeper_gone(void *arg, const char *why)
{
    log_debug(NULL, "the keeper is gone: %s", why);
    end(arg, 0); /* the supervisor says why; a failure would look like the cause */
}

static void on_clock_set(void *arg, int64_t jumped)
{
    struct engine *g = arg;

    log_notice(NULL, "the system's clock was set by %+lld s; all renewals are planned anew",
               (long long)jumped);
    (void)clock_is_believed(g);
    if (!g->serving)
        return;
    fleet_replan(g->fleet);
    fleet_reconsider(g->fleet); /* what waits at a gate that was closed under the other clock */
    renewal_info_start(g->renewal_info);
}

static bool is_live(void *arg, const char *host)
{
    const struct engine *g = arg;

    return fleet_is_live(g->fleet, host);
}

/* ---- the beginning ---- */

/* The keeper makes the directories that the engine opens: it answers when they are there. */
static bool wait_for_keeper(struct err *e)
{
    struct ipc_conn *c = ipc_conn_new(fcntl(IPC_FD_PEER, F_DUPFD_CLOEXEC, 10));
    struct pollfd p = {.fd = IPC_FD_PEER, .events = POLLIN};
    struct ipc_msg m;
    bool ok = false;

    if (c != NULL && ipc_send(c, IPC_PING, 1) && ipc_flush(c) == IPC_RESULT_OK &&
        poll(&p, 1, KEEPER_PATIENCE_MS) == 1 && ipc_fill(c) == IPC_RESULT_OK)
        ok = ipc_next(c, &m, e) == IPC_RESULT_OK && m.type == IPC_PONG;
    ipc_conn_free(c);
    return ok || err_set(e, ERR_CLASS_INTERNAL, "the keeper does not answer");
}

static bool add_dir(struct strv *list, const char *dir, const char *below)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", dir, below);
    return strv_add(list, path);
}

/* Beyond what every program reads: certificates, its own journal, and where the roots of the CAs lie.
 * Directories, because a file that is replaced by a rename would be out of reach. */
static bool confine(const struct config *config, struct err *e)
{
    struct sandbox_paths paths = {0};
    bool ok = add_dir(&paths.read, config->state_dir, "certs") &&
              add_dir(&paths.read, config->state_dir, "live") &&
              add_dir(&paths.write, config->state_dir, "state");

    for (size_t i = 0; ok && i < config->n_cas; i++) {
        char *copy = config->cas[i].ca_file != NULL ? strdup(config->cas[i].ca_file) : NULL;

        if (copy != NULL)
            ok = strv_add(&paths.read, dirname(copy));
        free(copy);
    }
    ok = ok ? sandbox_engine(&paths, e) : err_nomem(e, "the sandbox's paths");
    strv_clear(&paths.read);
    strv_clear(&paths.write);
    return ok;
}

/* What libraries open once is opened here, before the door is shut. */
static bool prepare(struct engine *g, struct err *e)
{
    struct stat st;

    g->snapshot = snapshot_read(IPC_FD_CONFIG, e);
    if (g->snapshot == NULL)
        return false;
    g->config = g->snapshot->config;
    log_set_level(g->config->log_level);
    json_object_seed(0);
    if (!crypto_init(random_bytes, e))
        return false;
    client_warm_up();
    if (!wait_for_keeper(e) || !state_files_open(&g->files, g->config->state_dir, e) ||
        !live_open(&g->live, g->config->state_dir, e))
        return false;
    /* The state directory belongs to the uid that the supervisor runs under, or the supervisor had refused
     * it. */
    g->supervisor_uid = stat(g->config->state_dir, &st) == 0 ? st.st_uid : 0;
    return confine(g->config, e);
}

/* `off` is none. */
static size_t addresses(const struct listen_addr *v, size_t n)
{
    return n == 1 && v[0].kind == LISTEN_OFF ? 0 : n;
}

/* Strangers get a share of the descriptors, so that there always are some for CAs and clients. */
static unsigned door_cap(unsigned most, unsigned share)
{
    struct rlimit r;

    return getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur / share < most ? (unsigned)(r.rlim_cur / share)
                                                                          : most;
}

static bool furnish(struct engine *g, struct err *e)
{
    g->loop = loop_new();
    if (g->loop == NULL)
        return err_nomem(e, "the event loop");
    g->timers = timers_new(g->loop, on_clock_set, g);
    g->grace = loop_delay_new(g->loop, on_grace_over, g);
    g->keeper = link_new(g->loop, IPC_FD_PEER, on_keeper, on_keeper_gone, g);
    g->supervisor = link_new(g->loop, IPC_FD_SUPERVISOR, on_supervisor, on_supervisor_gone, g);
    g->challenges = challenges_new();
    g->clock = clock_new(g);
    g->control = control_new(g, CONTROL_DEADLINE_MS);
    if (g->timers == NULL || g->grace == NULL || g->keeper == NULL || g->supervisor == NULL ||
        g->challenges == NULL || g->clock == NULL || g->control == NULL)
        return err_nomem(e, "the engine");
    g->writer = writer_new(g->loop, &g->files, e);
    g->client = g->writer != NULL ? client_new(g->loop, e) : NULL;
    if (g->client == NULL)
        return false;
    g->feed = feed_new(g->writer);
    g->responder = responder_new(g->loop, g->challenges, g->config->http_other, door_cap(RESPONDER_CAP, 2),
                                 RESPONDER_DEADLINE_MS, is_live, g);
    g->port = g->responder != NULL ? port_new(g->loop, g->supervisor, responder_door(g->responder),
                                              addresses(g->config->http_listen, g->config->n_http_listen))
                                   : NULL;
    g->alpn = alpn_new(g->loop, door_cap(ALPN_CAP, 4), ALPN_DEADLINE_MS);
    g->alpn_port = g->alpn != NULL
                       ? port_new(g->loop, g->supervisor, alpn_door(g->alpn),
                                  addresses(g->config->tls_alpn_listen, g->config->n_tls_alpn_listen))
                       : NULL;
    g->rehearsals = rehearsals_new(g);
    g->reloads = reloads_new(g);
    g->standby = standby_new(g);
    g->withdrawals = withdrawals_new(g);
    g->examiner = examiner_new(g);
    g->summary = g->feed != NULL ? summary_new(g) : NULL;
    if (g->summary == NULL || g->port == NULL || g->alpn_port == NULL || g->rehearsals == NULL ||
        g->reloads == NULL || g->standby == NULL || g->withdrawals == NULL || g->examiner == NULL)
        return err_nomem(e, "the engine");
    g->fleet = fleet_new(g, e);
    if (g->fleet == NULL)
        return false;
    g->renewal_info = renewal_info_new(g);
    return g->renewal_info != NULL || err_nomem(e, "the engine");
}

/* Callers are told first, the journal is written last. */
static void dismantle(struct engine *g)
{
    control_free(g->control);
    standby_free(g->standby);
    examiner_free(g->examiner);
    renewal_info_free(g->renewal_info);
    withdrawals_free(g->withdrawals);
    g->withdrawals = NULL; /* what is still published is taken back after the next start */
    fleet_free(g->fleet);
    rehearsals_free(g->rehearsals);
    reloads_free(g->reloads);
    summary_free(g->summary);
    clock_free(g->clock);
    port_free(g->port);
    port_free(g->alpn_port);
    alpn_free(g->alpn);
    responder_free(g->responder);
    challenges_free(g->challenges);
    client_free(g->client);
    writer_free(g->writer);
    feed_free(g->feed);
    link_free(g->keeper);
    link_free(g->supervisor);
    loop_delay_free(g->grace);
    timers_free(g->timers);
    loop_free(g->loop);
    live_close(&g->live);
    state_files_close(&g->files);
    strv_clear(&g->warnings);
    json_decref(g->confinement);
    snapshot_free(g->snapshot);
    crypto_free();
}

int engine_main(void)
{
    struct engine g = {.live = {-1, -1}, .files = {-1, -1}};
    struct err e;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* a terminal's ^C is the supervisor's to handle */
    (void)signal(SIGHUP, SIG_IGN);
    log_open_relay(IPC_FD_LOG, "engine");
    g.started_at = engine_now(); /* until the supervisor tells */
    if (!prepare(&g, &e) || !furnish(&g, &e)) {
        log_error(NULL, "the engine cannot start: %s", e.text);
        g.exit_code = 1;
    } else if (say_hello(&g)) {
        loop_run(g.loop);
    }
    dismantle(&g);
    return g.exit_code;
}
