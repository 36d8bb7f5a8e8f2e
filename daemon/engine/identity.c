/* SPDX-License-Identifier: MIT */
#include "daemon/engine/identity.h"

#include <stdio.h>
#include <sys/socket.h>

#define GROUPS_MAX 1024

/* primary: the group that SO_PEERCRED tells; SO_PEERGROUPS tells the others. */
static bool in_control_group(const struct engine *g, int fd, gid_t primary)
{
    const char *group = g->config->control_group;
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof groups;
    gid_t wanted;

    if (group == NULL || !snapshot_gid(g->snapshot, group, &wanted))
        return false;
    if (primary == wanted)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0)
        for (size_t i = 0; i < size / sizeof groups[0]; i++)
            if (groups[i] == wanted)
                return true;
    return false;
}

bool identity_of(struct identity *id, const struct engine *g, int fd)
{
    struct ucred cred = {0};
    socklen_t size = sizeof cred;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
        return false;
    *id = (struct identity){.uid = cred.uid, .pid = cred.pid};
    id->may_control = cred.uid == 0 || cred.uid == g->supervisor_uid || in_control_group(g, fd, cred.gid);
    (void)snprintf(id->name, sizeof id->name, "uid %u", (unsigned)cred.uid);
    return true;
}
