/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_SANDBOX_PARTS_H
#define ACMED_DAEMON_SANDBOX_PARTS_H

/* The mechanisms behind daemon/sandbox.h. */

#include "daemon/sandbox.h"

#include <stdbool.h>
#include <stdint.h>

/* Landlock for this thread and all it starts (the process must have one thread only). *abi: the kernel's, 0
 * when it has none (which is no failure). Paths that do not exist are left out. */
bool landlock_confine(const struct sandbox_paths *paths, int *abi, struct err *e);

enum seccomp_profile { SECCOMP_ENGINE, SECCOMP_KEEPER };

/* Loads the filter of the profile. no_new_privs must be set. */
bool seccomp_confine(enum seccomp_profile profile, struct err *e);

/* Keeps only the capabilities of the mask (bit n: capability n) in the permitted, effective and, where the
 * process may, the bounding set; none are inheritable or ambient. */
bool caps_keep(uint64_t mask, struct err *e);
/* The effective capabilities. */
bool caps_effective(uint64_t *mask);

#endif
