/* SPDX-License-Identifier: MIT */
#include "daemon/peer_group.h"

#include <sys/socket.h>

#define GROUPS_MAX 1024

bool peer_in_group(int fd, gid_t primary, gid_t wanted)
{
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof groups;

    if (primary == wanted)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0)
        for (size_t i = 0; i < size / sizeof groups[0]; i++)
            if (groups[i] == wanted)
                return true;
    return false;
}
