/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/job.h"

#include "daemon/supervisor/process.h"
#include "daemon/supervisor/trust.h"
#include "lib/buf.h"
#include "lib/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE  16384
#define READS_MAX  16 /* reads in one turn of the loop: a flood must not starve the rest */
#define DRAINS_MAX 32

struct job {
    struct event_base *base;
    int control;            /* to the runner; closing it cancels */
    struct event *reported; /* the runner's report has come */
    struct process *runner;
    int output; /* read end of the program's output; -1: end of file */
    struct event *readable;
    struct buf captured;
    uint64_t dropped; /* bytes */
    unsigned timeout_s;
    char *program; /* owned */
    void (*done)(void *arg, const struct job_result *result);
    void *arg;
};

/* A server that a hook left running may still write to the pipe; without a reader that would kill it. */
struct drain {
    struct event *event;
    int fd;
};
static struct drain drains[DRAINS_MAX];
static size_t next_drain;

static void drain_close(struct drain *d)
{
    if (d->event == NULL)
        return;
    event_free(d->event);
    (void)close(d->fd);
    *d = (struct drain){.fd = -1};
}

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
    char bin[READ_SIZE];
    ssize_t n = read(fd, bin, sizeof bin);

    (void)what;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        drain_close(arg);
}

/* Takes over fd. */
static void drain_start(struct event_base *base, int fd)
{
    struct drain *d = &drains[next_drain];

    next_drain = (next_drain + 1) % DRAINS_MAX;
    drain_close(d); /* the oldest gives way: so many left-over writers are a bug of the hook's */
    d->fd = fd;
    d->event = event_new(base, fd, EV_READ | EV_PERSIST, on_drain, d);
    if (d->event == NULL)
        (void)close(fd);
    else
        (void)event_add(d->event, NULL);
}

static void keep(struct job *j, const char *data, size_t len)
{
    size_t room = JOB_OUTPUT_MAX - j->captured.len, kept = len < room ? len : room;
    char whole[READ_SIZE]; /* without the NULs that would end it early */

    for (size_t i = 0; i < kept; i++)
        whole[i] = data[i] != '\0' ? data[i] : '?';
    if (!buf_add(&j->captured, whole, kept)) {
        j->captured.failed = false;
        kept = 0;
    }
    j->dropped += len - kept;
}

static void close_output(struct job *j)
{
    if (j->readable != NULL)
        event_free(j->readable);
    j->readable = NULL;
    if (j->output >= 0)
        (void)close(j->output);
    j->output = -1;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
    struct job *j = arg;
    char data[READ_SIZE];

    (void)what;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = read(fd, data, sizeof data);

        if (n > 0) {
            keep(j, data, (size_t)n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            close_output(j);
            return;
        } else {
            return;
        }
    }
}

void job_free(struct job *j)
{
    if (j == NULL)
        return;
    close_output(j);
    if (j->reported != NULL)
        event_free(j->reported);
    if (j->control >= 0)
        (void)close(j->control);
    process_free(j->runner);
    buf_clear(&j->captured);
    free(j->program);
    free(j);
}

static void describe(const struct job *j, const struct runner_report *r, struct job_result *result)
{
    struct err *e = &result->error;

    if (r->what == RUNNER_NOT_STARTED)
        err_set(e, ERR_CLASS_CONFIG, "%s could not be started: %s", j->program, strerror(r->value));
    else if (r->what == RUNNER_TIMED_OUT)
        err_set(e, ERR_CLASS_TRANSIENT, "%s ran longer than %u s; it was ended with all that it had started",
                j->program, j->timeout_s);
    else if (r->what == RUNNER_CANCELLED)
        err_set(e, ERR_CLASS_TRANSIENT, "%s was ended because acmed stops", j->program);
    else if (WIFSIGNALED(r->value))
        err_set(e, ERR_CLASS_TRANSIENT, "%s was ended by signal %d (%s)", j->program, WTERMSIG(r->value),
                strsignal(WTERMSIG(r->value)));
    else if (WEXITSTATUS(r->value) != 0)
        err_set(e, ERR_CLASS_TRANSIENT, "%s exited with status %d", j->program, WEXITSTATUS(r->value));
    else
        result->ok = true;
}

static void finish(struct job *j, const struct runner_report *r)
{
    struct job_result result = {.ok = false};
    char *output;

    if (j->output >= 0)
        on_output(j->output, EV_READ, j); /* what the program wrote before it ended */
    if (j->output >= 0) {
        event_free(j->readable);
        j->readable = NULL;
        drain_start(j->base, j->output);
        j->output = -1;
    }
    if (j->dropped > 0) {
        j->captured.max += 100;
        (void)buf_addf(&j->captured, "\n[%" PRIu64 " more bytes of output were not kept]", j->dropped);
    }
    process_wait(j->runner); /* it exits after its report */
    j->runner = NULL;
    output = buf_take(&j->captured, NULL);
    if (output != NULL)
        utf8_make_text(output);
    result.output = output != NULL ? output : "";
    err_clear(&result.error);
    describe(j, r, &result);
    j->done(j->arg, &result);
    free(output);
    job_free(j);
}

static void on_report(evutil_socket_t fd, short what, void *arg)
{
    struct job *j = arg;
    struct runner_report r = {.what = RUNNER_ENDED,
                              .value = SIGKILL}; /* a runner without a last word was killed */
    ssize_t n = recv(fd, &r, sizeof r, MSG_DONTWAIT);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    finish(j, &r);
}

static bool fork_runner(struct job *j, const struct runner_spec *spec, int control, int output, struct err *e)
{
    sigset_t all, before;
    pid_t pid;

    (void)sigfillset(&all); /* our handlers must not run in the child */
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        runner_main(spec, control, output);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return err_set(e, ERR_CLASS_INTERNAL, "%s could not be started: fork: %s", spec->argv->v[0],
                       strerror(errno));
    j->runner = process_watch(j->base, pid, NULL, NULL);
    if (j->runner == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "%s cannot be watched: %s", spec->argv->v[0], strerror(errno));
    return true;
}

static bool open_all(struct job *j, const struct runner_spec *spec, struct err *e)
{
    int control[2] = {-1, -1}, output[2] = {-1, -1};
    bool ok;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0 ||
        pipe2(output, O_CLOEXEC) != 0) {
        err_set(e, ERR_CLASS_INTERNAL, "%s could not be started: %s", spec->argv->v[0], strerror(errno));
        if (control[0] >= 0) {
            (void)close(control[0]);
            (void)close(control[1]);
        }
        return false;
    }
    j->control = control[0];
    j->output = output[0];
    (void)fcntl(output[0], F_SETFL, O_NONBLOCK);
    j->readable = event_new(j->base, j->output, EV_READ | EV_PERSIST, on_output, j);
    j->reported = event_new(j->base, j->control, EV_READ | EV_PERSIST, on_report, j);
    if (j->readable == NULL || j->reported == NULL)
        ok = err_nomem(e, "hook");
    else
        ok = fork_runner(j, spec, control[1], output[1], e);
    (void)close(control[1]);
    (void)close(output[1]);
    if (ok) {
        (void)event_add(j->readable, NULL);
        (void)event_add(j->reported, NULL);
    }
    return ok;
}

struct job *job_start(struct event_base *base, const struct runner_spec *spec,
                      void (*done)(void *arg, const struct job_result *result), void *arg, struct err *e)
{
    struct job *j;

    /* Since the configuration was read, anything may have happened to it. */
    if (!trust_file(spec->argv->v[0], geteuid(), true, e)) {
        err_wrap(e, "not run");
        return NULL;
    }
    j = calloc(1, sizeof *j);
    if (j == NULL) {
        err_nomem(e, "hook");
        return NULL;
    }
    j->base = base;
    j->control = j->output = -1;
    j->timeout_s = spec->timeout_s;
    j->done = done;
    j->arg = arg;
    buf_init(&j->captured, JOB_OUTPUT_MAX);
    j->program = strdup(spec->argv->v[0]);
    if (j->program == NULL)
        err_nomem(e, "hook");
    if (j->program != NULL && open_all(j, spec, e))
        return j;
    job_free(j);
    return NULL;
}

void job_cancel(struct job *j)
{
    (void)shutdown(j->control, SHUT_WR);
}
