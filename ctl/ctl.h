/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_CTL_H
#define ACMED_CTL_CTL_H

/* acmectl: reads the command line, calls the daemon, shows what it says. */

#include "ctl/term.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

enum ctl_exit {
    CTL_DONE = 0,
    CTL_FAILED = 1,      /* something failed; `status --check`: something needs attention */
    CTL_USAGE = 2,       /* usage or configuration */
    CTL_UNREACHABLE = 3, /* the daemon cannot be reached */
    CTL_DENIED = 4       /* not permitted */
};

#define CTL_SOCKET "/run/acmed/acmed.sock"

/* Where acmectl runs, which tests replace, and what the command line said. */
struct ctl {
    FILE *in;
    FILE *out;
    FILE *err;
    int out_fd;                     /* of `out`, to notice that its reader is gone; -1: none */
    struct term term;               /* of `out` */
    bool ask;                       /* a person sits at both ends: questions make sense */
    int64_t (*now)(void);           /* Unix seconds */
    int patience_ms;                /* how long a daemon that went away in the middle is waited for */
    int pause_ms;                   /* between two tries */
    void (*refresh)(struct ctl *c); /* looks again at the terminal's size; NULL: it stays */

    const char *socket;
    bool json;
    bool watch;
    bool check;
    bool all;
    bool force;
    bool no_wait;
    bool quiet; /* what the daemon logs is not said, too */
    bool follow;
    int days; /* of plan */
    bool yes;
    const char *reason;    /* NULL: not given */
    json_int_t generation; /* 0: not given */
    char **args;           /* what is neither command nor option; borrowed */
    int n_args;
};

/* Looks at the terminal's size again, after a signal told that it changed. */
void ctl_refresh(struct ctl *c);

/* The whole run of acmectl. The streams and the environment of *c are filled in by the caller, the rest by
 * this. */
enum ctl_exit ctl_run(struct ctl *c, int argc, char **argv);

#endif
