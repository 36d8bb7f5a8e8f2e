/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD  3
#define OPEN_MAX_ 65536 /* descriptors the engine may have, where the system allows */

void child_reset_signals(void)
{
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

bool child_arrange_fds(const int *fds, size_t n)
{
    int high[CHILD_FDS_MAX + 2];

    for (size_t i = 0; i < n; i++) { /* out of the way first: sources and targets overlap */
        high[i] = fcntl(fds[i], F_DUPFD, 64);
        if (high[i] < 0)
            return false;
    }
    for (size_t i = 0; i < n; i++)
        if (dup2(high[i], FIRST_FD + (int)i) < 0)
            return false;
    return close_range((unsigned)(FIRST_FD + n), ~0U, 0) == 0;
}

static bool become(const struct child_spec *spec)
{
    if (spec->switch_user && (setgroups(0, NULL) != 0 || setresgid(spec->gid, spec->gid, spec->gid) != 0 ||
                              setresuid(spec->uid, spec->uid, spec->uid) != 0))
        return false;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0; /* after setresuid, which clears it */
}

/* What the children see of our environment: how to find programs and to spell times and messages. */
static char **clean_environment(void)
{
    static const char *const kept[] = {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LC_MESSAGES",
        "LC_TIME",
        "TZ",
        "CREDENTIALS_DIRECTORY",
#ifdef ACMED_WIDE_SANDBOX
        "ASAN_OPTIONS",
        "UBSAN_OPTIONS",
        "LSAN_OPTIONS",
        "GCOV_PREFIX",
        "GCOV_PREFIX_STRIP",
#endif
    };
    static char text[sizeof kept / sizeof kept[0]][1024];
    static char *env[sizeof kept / sizeof kept[0] + 1];
    size_t n = 0;

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        const char *value = getenv(kept[i]);

        if (value != NULL &&
            snprintf(text[n], sizeof text[n], "%s=%s", kept[i], value) < (int)sizeof text[n]) {
            env[n] = text[n];
            n++;
        }
    }
    env[n] = NULL;
    return env;
}

static void raise_open_limit(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < OPEN_MAX_) {
        r.rlim_cur = r.rlim_max < OPEN_MAX_ ? r.rlim_max : OPEN_MAX_;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

/* Never returns; what failed goes through `report`, which exec closes. */
static void run(const struct child_spec *spec, pid_t parent, int report)
{
    char *argv[] = {(char *)spec->name, NULL};
    int fds[CHILD_FDS_MAX + 1], null, error, status_fd;

    child_reset_signals();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setpgid(0, 0); /* an interrupt from the terminal is the supervisor's to handle */
    null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        (spec->error_fd > 0 && dup2(spec->error_fd, STDERR_FILENO) < 0) ||
        dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        goto fail;
    memcpy(fds, spec->fds, spec->n_fds * sizeof fds[0]);
    fds[spec->n_fds] = report;
    status_fd = FIRST_FD + (int)spec->n_fds;
    if (!child_arrange_fds(fds, spec->n_fds + 1))
        goto fail;
    report = status_fd;
    (void)fcntl(report, F_SETFD, FD_CLOEXEC);
    raise_open_limit();
    if (chdir("/") != 0 || !become(spec))
        goto fail;
    if (getppid() != parent) /* gone before PDEATHSIG was set */
        _exit(1);
    (void)execve(spec->path, argv, clean_environment());
fail:
    error = errno;
    (void)!write(report, &error, sizeof error);
    _exit(127);
}

pid_t child_spawn(const struct child_spec *spec, struct err *e)
{
    sigset_t all, before;
    int report[2], error = 0;
    pid_t parent = getpid(), pid;
    ssize_t n;

    if (pipe2(report, O_CLOEXEC) != 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot start %s: pipe: %s", spec->name, strerror(errno));
        return -1;
    }
    (void)sigfillset(&all); /* our handlers must not run in the child */
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        run(spec, parent, report[1]);
    error = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(report[1]);
    if (pid > 0) {
        do
            n = read(report[0], &error, sizeof error);
        while (n < 0 && errno == EINTR);
        if (n == 0)
            error = 0;
    }
    (void)close(report[0]);
    if (pid > 0 && error != 0)
        (void)waitpid(pid, NULL, 0);
    if (pid < 0 || error != 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot start %s: %s", spec->path, strerror(error));
        return -1;
    }
    return pid;
}

char *child_find(const char *name, struct err *e)
{
    char self[PATH_MAX], path[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *found;

    if (n <= 0) {
        err_set(e, ERR_CLASS_INTERNAL, "cannot find %s: /proc/self/exe: %s", name, strerror(errno));
        return NULL;
    }
    self[n] = '\0';
    (void)snprintf(path, sizeof path, "%s/../libexec/acmed/%s", dirname(self), name);
    found = realpath(path, NULL);
    if (found == NULL)
        err_set(e, ERR_CLASS_INTERNAL, "%s: %s; acmed is not installed completely", path, strerror(errno));
    return found;
}
