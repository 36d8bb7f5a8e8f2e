/* SPDX-License-Identifier: MIT */
#include "daemon/engine/identity.h"

#include "daemon/peer_group.h"

#include <stdio.h>
#include <sys/socket.h>

static bool in_control_group(const struct engine *g, int fd, gid_t primary)
{
    const char *group = g->config->control_group;
    gid_t wanted;

    return group != NULL && snapshot_gid(g->snapshot, group, &wanted) && peer_in_group(fd, primary, wanted);
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
