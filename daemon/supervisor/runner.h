/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_RUNNER_H
#define ACMED_SUPERVISOR_RUNNER_H

/* The process between the supervisor and a program that an administrator configured: a subreaper, so that no
 * descendant of the program, daemonised or not, escapes a time-out. */

#include "lib/strv.h"

#include <stdbool.h>
#include <sys/types.h>

struct runner_spec {
    const struct strv *argv; /* [0] is an absolute path; no shell */
    const struct strv *env;
    const char *input; /* what it reads from its standard input; NULL: nothing */
    bool switch_user;  /* to uid, gid and the groups of user */
    uid_t uid;
    gid_t gid;
    const char *user; /* name of uid; NULL: it has none, no supplementary groups */
    unsigned timeout_s;
    unsigned term_s; /* from SIGTERM to SIGKILL */
};

/* What the runner says, once, on its control socket. */
struct runner_report {
    enum { RUNNER_ENDED, RUNNER_TIMED_OUT, RUNNER_NOT_STARTED, RUNNER_CANCELLED } what;
    int value; /* wait status; errno for RUNNER_NOT_STARTED */
};

/* In a forked process: runs the program with output as its stdout and stderr, reports on control, and never
 * returns. An end of file on control cancels: all descendants are ended as at a time-out. What a program
 * leaves running when it ends by itself goes on. */
void runner_main(const struct runner_spec *spec, int control, int output) __attribute__((noreturn));

#endif
