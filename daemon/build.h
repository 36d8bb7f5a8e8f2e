/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_BUILD_H
#define ACMED_DAEMON_BUILD_H

/* Version and a hash of all sources of lib/ and daemon/, the same in the three programs of one build: the
 * first field of IPC_HELLO. When a package was upgraded under a running supervisor they differ. */
extern const char build_id[];

#endif
