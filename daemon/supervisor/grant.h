/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_GRANT_H
#define ACMED_SUPERVISOR_GRANT_H

/* Whether somebody who may ask for an act (lib/act.h) did ask for it. The engine, which may be in other
 * hands, only shows the connection. Everything that counts is had from the kernel:
 *   - the connection was accepted by a control listener of ours (not: connected from there, made by
 *     socketpair(), the listener itself), by its name;
 *   - who connected: root, our own uid or a member of control_group, and never the engine itself;
 *   - what was asked for, by the bytes that are still unread on the connection: only its other end can have
 * put them there. They are read off by this, so that one call is one grant, and an engine has no use for a
 *     connection that asks for nothing (somebody who watches), or for one whose call it answered already.
 * What is parsed here comes from somebody who may do everything anyhow. */

#include "daemon/supervisor/listen.h"
#include "lib/act.h"
#include "lib/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define GRANT_CALL_MAX 4096 /* bytes of a call that asks for an act */

struct grant_rules {
    uid_t own;        /* the supervisor's uid */
    uid_t engine;     /* the engine's: never granted anything, unless it is the same */
    pid_t engine_pid; /* likewise */
    bool has_group;   /* control_group is configured: */
    gid_t group;
};

/* True: *act is what the peer asked for, who (64 bytes) describes the peer for the log. False with e: nothing
 * is granted. fd stays the caller's. */
bool grant_read(int fd, const struct listeners *l, const struct grant_rules *rules, struct act *act,
                char who[64], struct err *e);

#endif
