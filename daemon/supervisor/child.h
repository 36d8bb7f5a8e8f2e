/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_CHILD_H
#define ACMED_SUPERVISOR_CHILD_H

/* Keeper and engine as processes: fork and exec with nothing but what they need. */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CHILD_FDS_MAX 8

struct child_spec {
    const char *path;       /* of the executable */
    const char *name;       /* argv[0] */
    int fds[CHILD_FDS_MAX]; /* become 3, 4, 5 ...; the caller's */
    size_t n_fds;
    int error_fd;     /* becomes its stdout and stderr; 0: it has ours */
    bool switch_user; /* to uid and gid, without supplementary groups */
    uid_t uid;
    gid_t gid;
};

/* The pid, or -1 with e when the process could not be started, or exec failed. Call with all signals as they
 * should be afterwards; the child has them all at their defaults (SIGPIPE ignored). */
pid_t child_spawn(const struct child_spec *spec, struct err *e);

/* Where the executable of that name is: ../libexec/acmed/NAME, seen from the directory of this program. The
 * caller frees; NULL with e. */
char *child_find(const char *name, struct err *e);

/* In a forked child: all handlers to their defaults, no signal blocked. */
void child_reset_signals(void);
/* In a forked child: descriptors 0, 1, 2 stay (0 and, if asked, 1 and 2 from or to /dev/null); fds become 3,
 * 4, ...; all others are closed. */
bool child_arrange_fds(const int *fds, size_t n);

#endif
