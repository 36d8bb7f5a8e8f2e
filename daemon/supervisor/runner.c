/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/runner.h"

#include "daemon/supervisor/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_FD 3
#define OUTPUT_FD  4
#define DEPTH_MAX  64    /* generations of descendants that one walk follows */
#define KILL_MS    10000 /* how long SIGKILL may take before we report without it */

static int64_t now_ms(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned signal_below(pid_t pid, int signal, int depth);

/* The children that one thread has. */
static unsigned signal_children(const char *list, int signal, int depth)
{
    FILE *f = fopen(list, "re");
    unsigned n = 0;
    long child;

    if (f == NULL)
        return 0;
    while (fscanf(f, "%ld", &child) == 1) {
        if (depth < DEPTH_MAX)
            n += signal_below((pid_t)child, signal, depth + 1);
        (void)kill((pid_t)child, signal);
        n++;
    }
    (void)fclose(f);
    return n;
}

/* Signals everything below pid, deepest first, so that no parent sees its child go and starts another before
 * its own signal comes. Returns how many there were. */
static unsigned signal_below(pid_t pid, int signal, int depth)
{
    char path[320];
    const struct dirent *d;
    unsigned n = 0;
    DIR *tasks;

    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return 0;
    while ((d = readdir(tasks)) != NULL) {
        if (d->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "/proc/%ld/task/%s/children", (long)pid, d->d_name);
        n += signal_children(path, signal, depth);
    }
    (void)closedir(tasks);
    return n;
}

/* Reaps what has ended; true when the program itself is among it. */
static bool reap(pid_t program, int *status)
{
    bool ended = false;
    int st;
    pid_t pid;

    while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
        if (pid == program) {
            *status = st;
            ended = true;
        }
    }
    return ended;
}

/* SIGTERM, some seconds, SIGKILL until nobody is left. */
static void end_all(unsigned term_s)
{
    const struct timespec pause = {0, 20 * 1000000L};
    int64_t kill_at = now_ms() + (int64_t)term_s * 1000;
    int status;

    (void)signal_below(getpid(), SIGTERM, 0);
    (void)signal_below(getpid(), SIGCONT, 0); /* a stopped one could not act on it */
    for (;;) {
        int64_t now = now_ms();

        (void)reap(-1, &status);
        if (now >= kill_at + KILL_MS)
            return;
        if (signal_below(getpid(), now >= kill_at ? SIGKILL : 0, 0) == 0)
            return;
        (void)nanosleep(&pause, NULL);
    }
}

static void report(int what, int value)
{
    const struct runner_report r = {.what = what, .value = value};

    (void)send(CONTROL_FD, &r, sizeof r, MSG_NOSIGNAL);
}

static bool become(const struct runner_spec *spec)
{
    if (!spec->switch_user)
        return true;
    if (spec->user != NULL ? initgroups(spec->user, spec->gid) != 0 : setgroups(0, NULL) != 0)
        return false;
    return setresgid(spec->gid, spec->gid, spec->gid) == 0 && setresuid(spec->uid, spec->uid, spec->uid) == 0;
}

/* As execve(2) wants it; never freed, as exec follows. */
static char **list_of(const struct strv *l)
{
    char **list = calloc(l->n + 1, sizeof *list);

    for (size_t i = 0; list != NULL && i < l->n; i++)
        list[i] = l->v[i];
    return list;
}

/* Where the program reads: the input, which is in no file that has a name. */
static int open_input(const char *input)
{
    size_t len = input != NULL ? strlen(input) : 0;
    int fd;

    if (input == NULL)
        return open("/dev/null", O_RDONLY);
    fd = memfd_create("input", 0);
    if (fd >= 0 && (write(fd, input, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0))
        return -1;
    return fd;
}

/* In the program's own process; what fails goes through failed_fd, which exec closes. */
static void exec_program(const struct runner_spec *spec, int failed_fd)
{
    char **argv = list_of(spec->argv), **env = list_of(spec->env);
    int in = open_input(spec->input), error;

    child_reset_signals();
    (void)umask(022);
    if (argv != NULL && env != NULL && in >= 0 && dup2(in, STDIN_FILENO) >= 0 &&
        dup2(OUTPUT_FD, STDOUT_FILENO) >= 0 && dup2(OUTPUT_FD, STDERR_FILENO) >= 0 && setsid() >= 0 &&
        chdir("/") == 0 && become(spec)) {
        (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)execve(spec->argv->v[0], argv, env);
    }
    error = errno;
    (void)!write(failed_fd, &error, sizeof error);
    _exit(127);
}

/* The program's pid; reports and exits when it could not be started. */
static pid_t start(const struct runner_spec *spec)
{
    int failed[2], error = 0;
    ssize_t n;
    pid_t pid;

    if (pipe2(failed, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        report(RUNNER_NOT_STARTED, errno);
        _exit(1);
    }
    if (pid == 0)
        exec_program(spec, failed[1]);
    (void)close(failed[1]);
    do
        n = read(failed[0], &error, sizeof error);
    while (n < 0 && errno == EINTR);
    (void)close(failed[0]);
    (void)close(OUTPUT_FD);
    if (n == (ssize_t)sizeof error) {
        report(RUNNER_NOT_STARTED, error);
        _exit(1);
    }
    return pid;
}

void runner_main(const struct runner_spec *spec, int control, int output)
{
    const int fds[] = {control, output};
    int64_t deadline = now_ms() + (int64_t)spec->timeout_s * 1000;
    int status = 0, signals, null, outcome = RUNNER_TIMED_OUT;
    sigset_t chld;
    pid_t program;

    child_reset_signals();
    (void)sigemptyset(&chld);
    (void)sigaddset(&chld, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &chld, NULL);
    null = open("/dev/null", O_RDWR);
    (void)setsid(); /* no terminal's signals */
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || !child_arrange_fds(fds, 2) ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
        (signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        report(RUNNER_NOT_STARTED, errno);
        _exit(1);
    }
    (void)prctl(PR_SET_NAME, "acmed-runner");
    program = start(spec);
    for (;;) {
        struct pollfd p[] = {{.fd = CONTROL_FD, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        struct signalfd_siginfo info;
        int64_t left = deadline - now_ms();

        if (reap(program, &status)) {
            report(RUNNER_ENDED, status);
            _exit(0);
        }
        if (left <= 0)
            break;
        (void)poll(p, 2, left > INT_MAX ? INT_MAX : (int)left);
        if (p[1].revents != 0)
            (void)!read(signals, &info, sizeof info);
        if (p[0].revents != 0) {
            outcome = RUNNER_CANCELLED;
            break;
        }
    }
    end_all(spec->term_s);
    report(outcome, 0);
    _exit(0);
}
