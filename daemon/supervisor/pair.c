/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/pair.h"

#include "daemon/build.h"
#include "daemon/log.h"
#include "daemon/supervisor/child.h"
#include "daemon/supervisor/murmur.h"
#include "daemon/supervisor/process.h"
#include "daemon/supervisor/wire.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_S 60 /* until both have said hello */
#define END_S   5  /* from "the other one is gone" to SIGKILL */

struct half {
    struct pair *pair;
    const char *name;
    struct process *process; /* owned; NULL: has ended */
    struct wire *wire;       /* owned */
    struct log_relay *log;   /* owned */
    struct event *log_event; /* owned */
    struct murmur *murmur;   /* owned */
    bool hello;
    char *confinement; /* owned */
};

struct pair {
    struct event_base *base;
    const struct pair_ops *ops;
    void *arg;
    struct half keeper;
    struct half engine;
    struct event *timer;        /* ends what does not end by itself */
    const struct half *suspect; /* ended with status 0 while nobody had asked */
    bool asked;                 /* pair_stop() */
    bool ending;                /* one is gone, or must go */
    bool mismatch;
};

static void kill_half(struct half *h, int signal)
{
    if (h->process != NULL)
        process_kill(h->process, signal);
}

static void describe_end(const struct half *h, int status)
{
    if (WIFSIGNALED(status))
        log_error(NULL, "%s was ended by signal %d (%s)%s", h->name, WTERMSIG(status),
                  strsignal(WTERMSIG(status)),
                  WTERMSIG(status) == SIGSYS ? ": it made a system call that is forbidden to it" : "");
    else if (WEXITSTATUS(status) != 0)
        log_error(NULL, "%s ended with status %d", h->name, WEXITSTATUS(status));
    else
        log_error(NULL, "%s ended unasked", h->name);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct pair *p = arg;

    (void)fd;
    (void)what;
    if (!p->ending)
        log_warning(NULL, "%s did not %s in time and is ended", p->engine.hello ? p->engine.name : "a child",
                    p->asked ? "finish" : "start");
    if (p->suspect != NULL)
        describe_end(p->suspect, 0);
    p->suspect = NULL;
    kill_half(&p->engine, SIGKILL);
    kill_half(&p->keeper, SIGKILL);
}

static void arm(struct pair *p, unsigned seconds)
{
    const struct timeval tv = {.tv_sec = (time_t)seconds};

    (void)event_add(p->timer, &tv);
}

/* One without the other is of no use. The keeper ends by itself when its connections close, after what it is
 * writing; the engine has nothing to lose. */
static void end_both(struct pair *p)
{
    if (p->ending)
        return;
    p->ending = true;
    kill_half(&p->engine, SIGKILL);
    (void)shutdown(ipc_conn_fd(wire_conn(p->keeper.wire)), SHUT_RDWR);
    arm(p, END_S);
}

/* Either ends well when the other is gone, and the kernel tells of the two ends in any order: so what seems
 * to be the first waits for the other one's end, which is asked for as gently. */
static void suspect(struct pair *p, const struct half *h)
{
    p->suspect = h;
    p->ending = true;
    (void)shutdown(ipc_conn_fd(wire_conn(p->keeper.wire)), SHUT_RDWR);
    (void)shutdown(ipc_conn_fd(wire_conn(p->engine.wire)), SHUT_RDWR);
    arm(p, END_S);
}

/* Says which of the two has ended the pair. */
static void blame(struct pair *p, const struct half *h, int status)
{
    bool alone = p->keeper.process == NULL && p->engine.process == NULL;

    if (p->suspect != NULL) {
        describe_end(status != 0 ? h : p->suspect, status);
        p->suspect = NULL;
    } else if (!p->ending && !p->asked && status == 0 && !alone) {
        suspect(p, h);
    } else if (!p->ending && !p->asked) {
        describe_end(h, status);
    }
}

static void on_exit_of_half(void *arg, int status)
{
    struct half *h = arg;
    struct pair *p = h->pair;

    process_free(h->process);
    h->process = NULL;
    if (h->log_event != NULL)
        (void)event_del(h->log_event);
    log_relay_free(h->log); /* its last words */
    h->log = NULL;
    murmur_free(h->murmur);
    h->murmur = NULL;
    blame(p, h, status);
    if (p->asked && !p->ending && h == &p->keeper && p->engine.process != NULL)
        return; /* the engine has let go of it and is about to end, too: not killed on its last steps */
    end_both(p);
    if (p->keeper.process == NULL && p->engine.process == NULL) {
        (void)event_del(p->timer);
        p->ops->on_end(p->arg, p->asked, p->mismatch);
    }
}

static void on_log(evutil_socket_t fd, short what, void *arg)
{
    struct half *h = arg;

    (void)fd;
    (void)what;
    if (h->log != NULL && !log_relay_read(h->log))
        (void)event_del(h->log_event);
}

static void take_hello(struct half *h, const struct ipc_msg *m)
{
    struct pair *p = h->pair;

    if (strcmp(m->field[0].s, build_id) != 0) {
        log_notice(NULL, "%s is of build %.64s, this is %s: acmed was upgraded and has to be started again",
                   h->name, m->field[0].s, build_id);
        p->mismatch = true;
        end_both(p);
        return;
    }
    free(h->confinement);
    h->confinement = strdup(m->field[1].s);
    h->hello = true;
    if (!p->keeper.hello || !p->engine.hello || p->keeper.confinement == NULL)
        return;
    if (!p->asked)
        (void)event_del(p->timer);
    p->ops->on_hello(p->arg, p->keeper.confinement);
}

static bool dispatch(struct half *h, const struct ipc_msg *m)
{
    struct pair *p = h->pair;

    if (m->type == IPC_HELLO && !h->hello) {
        take_hello(h, m);
        return true;
    }
    if (m->type == IPC_HELLO || !h->hello)
        return false;
    return h == &p->engine ? p->ops->on_engine_message(p->arg, m) : p->ops->on_keeper_message(p->arg, m);
}

static void on_message(void *arg, const struct ipc_msg *m)
{
    struct half *h = arg;

    if (h->pair->ending || dispatch(h, m))
        return;
    log_error(NULL, "%s breaks the protocol (it sent %s) and is ended", h->name, ipc_type_to_str(m->type));
    end_both(h->pair);
}

static void on_closed(void *arg, const char *why)
{
    struct half *h = arg;

    if (why != NULL) {
        log_error(NULL, "%s breaks the protocol (%s) and is ended", h->name, why);
        kill_half(h, SIGKILL);
        end_both(h->pair);
    } else if (!h->pair->ending) {
        arm(h->pair, END_S); /* its exit follows, and tells more */
    }
}

static const struct wire_ops wire_ops = {.on_message = on_message, .on_closed = on_closed};

/* Takes over the descriptors. */
static bool half_init(struct half *h, struct pair *p, const char *name, int wire_fd, int log_fd)
{
    h->pair = p;
    h->name = name;
    h->wire = wire_new(p->base, wire_fd, &wire_ops, h);
    if (h->wire == NULL)
        (void)close(wire_fd);
    h->log = log_relay_new(log_fd, name);
    if (h->log == NULL)
        (void)close(log_fd);
    else
        h->log_event = event_new(p->base, log_fd, EV_READ | EV_PERSIST, on_log, h);
    h->murmur = murmur_new(p->base, name);
    if (h->wire == NULL || h->log == NULL || h->log_event == NULL || h->murmur == NULL)
        return false;
    (void)event_add(h->log_event, NULL);
    return true;
}

static void half_clear(struct half *h)
{
    if (h->process != NULL)
        process_end(h->process);
    wire_free(h->wire);
    if (h->log_event != NULL)
        event_free(h->log_event);
    log_relay_free(h->log);
    murmur_free(h->murmur);
    free(h->confinement);
}

void pair_free(struct pair *p)
{
    if (p == NULL)
        return;
    half_clear(&p->keeper);
    half_clear(&p->engine);
    if (p->timer != NULL)
        event_free(p->timer);
    free(p);
}

/* Both ends of the five connections: [0] is kept or the keeper's, [1] the child's or the engine's. */
struct plumbing {
    int keeper[2];
    int engine[2];
    int peer[2];
    int keeper_log[2];
    int engine_log[2];
};

static bool plumb(struct plumbing *f, struct err *e)
{
    int(*pairs[])[2] = {&f->keeper, &f->engine, &f->peer, &f->keeper_log, &f->engine_log};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        (*pairs[i])[0] = (*pairs[i])[1] = -1;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, *pairs[i]) != 0)
            return err_set(e, ERR_CLASS_INTERNAL, "cannot start keeper and engine: socketpair: %s",
                           strerror(errno));
    return true;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void unplumb(struct plumbing *f)
{
    close_one(&f->keeper[0]);
    close_one(&f->keeper[1]);
    close_one(&f->engine[0]);
    close_one(&f->engine[1]);
    close_one(&f->peer[0]);
    close_one(&f->peer[1]);
    close_one(&f->keeper_log[0]);
    close_one(&f->keeper_log[1]);
    close_one(&f->engine_log[0]);
    close_one(&f->engine_log[1]);
}

static struct process *spawn(struct half *h, const struct child_spec *spec, struct err *e)
{
    pid_t pid = child_spawn(spec, e);
    struct process *process;

    murmur_started(h->murmur);
    if (pid < 0)
        return NULL;
    process = process_watch(h->pair->base, pid, on_exit_of_half, h);
    log_debug(NULL, "%s is started, pid %d", spec->name, (int)pid);
    if (process == NULL) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        err_set(e, ERR_CLASS_INTERNAL, "cannot watch %s: %s", spec->name, strerror(errno));
    }
    return process;
}

static bool start_both(struct pair *p, const struct pair_spec *s, const struct plumbing *f, struct err *e)
{
    const struct child_spec keeper = {
        .path = s->keeper_path,
        .name = "acmed-keeper",
        .fds = {f->keeper[1], f->peer[0], f->keeper_log[1], s->config_fd, s->lock_fd},
        .n_fds = 5,
        .error_fd = murmur_child_fd(p->keeper.murmur),
    };
    const struct child_spec engine = {
        .path = s->engine_path,
        .name = "acmed-engine",
        .fds = {f->engine[1], f->peer[1], f->engine_log[1], s->config_fd},
        .n_fds = 4,
        .error_fd = murmur_child_fd(p->engine.murmur),
        .switch_user = s->switch_user,
        .uid = s->engine_uid,
        .gid = s->engine_gid,
    };

    p->keeper.process = spawn(&p->keeper, &keeper, e);
    if (p->keeper.process == NULL)
        return false;
    p->engine.process = spawn(&p->engine, &engine, e);
    return p->engine.process != NULL;
}

struct pair *pair_start(struct event_base *base, const struct pair_spec *spec, const struct pair_ops *ops,
                        void *arg, struct err *e)
{
    struct pair *p = calloc(1, sizeof *p);
    struct plumbing f;
    bool ok;

    if (p == NULL) {
        err_nomem(e, "keeper and engine");
        return NULL;
    }
    p->base = base;
    p->ops = ops;
    p->arg = arg;
    p->timer = evtimer_new(base, on_timer, p);
    if (!plumb(&f, e) || p->timer == NULL) {
        unplumb(&f);
        pair_free(p);
        return NULL;
    }
    ok = half_init(&p->keeper, p, "acmed-keeper", f.keeper[0], f.keeper_log[0]);
    f.keeper[0] = f.keeper_log[0] = -1;
    if (ok) {
        ok = half_init(&p->engine, p, "acmed-engine", f.engine[0], f.engine_log[0]);
        f.engine[0] = f.engine_log[0] = -1;
    }
    if (!ok)
        err_nomem(e, "keeper and engine");
    ok = ok && start_both(p, spec, &f, e);
    unplumb(&f);
    if (ok) {
        arm(p, START_S);
        return p;
    }
    pair_free(p);
    return NULL;
}

void pair_stop(struct pair *p, unsigned grace_s)
{
    if (p->asked)
        return;
    p->asked = true;
    if (p->ending)
        return;
    (void)ipc_send(wire_conn(p->engine.wire), IPC_STOP, 0, (uint64_t)grace_s);
    wire_flush(p->engine.wire);
    arm(p, grace_s + 1);
}

bool pair_is_ending(const struct pair *p)
{
    return p->asked || p->ending;
}

void pair_kill(struct pair *p, bool keeper, unsigned seconds)
{
    struct half *h = keeper ? &p->keeper : &p->engine;

    log_error(NULL, "%s has not answered for %u s and is killed", h->name, seconds);
    end_both(p);
    kill_half(h, SIGKILL);
}

struct ipc_conn *pair_engine(struct pair *p)
{
    return wire_conn(p->engine.wire);
}

struct ipc_conn *pair_keeper(struct pair *p)
{
    return wire_conn(p->keeper.wire);
}

void pair_flush(struct pair *p)
{
    wire_flush(p->engine.wire);
    wire_flush(p->keeper.wire);
}

pid_t pair_engine_pid(const struct pair *p)
{
    return p->engine.process != NULL ? process_pid(p->engine.process) : 0;
}
