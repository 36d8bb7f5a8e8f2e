/* SPDX-License-Identifier: MIT */
#ifndef ACMED_PEER_GROUP_H
#define ACMED_PEER_GROUP_H

/* Of a connected Unix socket: is the process at the other end a member of a group? Engine and supervisor both
 * ask, for the supervisor does not take the engine's word. */

#include <stdbool.h>
#include <sys/types.h>

/* primary: the group that SO_PEERCRED tells; SO_PEERGROUPS tells the others. */
bool peer_in_group(int fd, gid_t primary, gid_t wanted);

#endif
