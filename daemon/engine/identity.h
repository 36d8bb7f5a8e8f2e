/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_IDENTITY_H
#define ACMED_ENGINE_IDENTITY_H

/* Who is at the other end of a connection to the control socket, as the kernel says (SO_PEERCRED,
 * SO_PEERGROUPS). */

#include "daemon/engine/engine.h"

#include <sys/types.h>

struct identity {
    uid_t uid;
    pid_t pid;
    bool may_control; /* root, the supervisor's uid, a member of control_group */
    char name[32];    /* "uid 1000", for the log */
};

/* False: nobody is there any more. */
bool identity_of(struct identity *id, const struct engine *g, int fd);

#endif
