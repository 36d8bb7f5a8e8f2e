/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_SANDBOX_H
#define ACMED_DAEMON_SANDBOX_H

/* What each process gives up (DESIGN section 3, Confinement). Best effort by kernel; what is in force
 * is told, never assumed. */

#include "lib/config.h"
#include "lib/err.h"
#include "lib/strv.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct sandbox_paths {
    struct strv read;  /* directories that may be read below */
    struct strv write; /* directories that may be written below */
};

/* Engine: no_new_privs, no capabilities, not dumpable, Landlock for paths, seccomp. Call when all libraries
 * are warm. */
bool sandbox_engine(const struct sandbox_paths *paths, struct err *e);
/* Keeper: CHOWN, FOWNER, DAC_OVERRIDE only (as root), no_new_privs, not dumpable, seccomp without sockets and
 * exec. */
bool sandbox_keeper(struct err *e);
/* Supervisor: bounds its capabilities to those of the unit (as root); children inherit nothing they need not.
 */
bool sandbox_supervisor(struct err *e);

/* What is in force in this process, read back from the kernel: {"no_new_privs": true, "seccomp": "filter",
 * "landlock_abi": 7, "capabilities": [...], "uid": N, "unknown_syscalls": 0, "widened": "sanitizer build"
 * ...}. New reference; NULL: out of memory. */
json_t *sandbox_report(void);

/* System calls that the filter did not know and answered with ENOSYS, so far. */
uint64_t sandbox_unknown_syscalls(void);

#endif
