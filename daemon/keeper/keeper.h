/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_KEEPER_H
#define ACMED_KEEPER_KEEPER_H

/* The process that holds the keys (DESIGN section 3): it signs, checks, installs and copies what the engine
 * asks for, within what the configuration allows, and nothing else. */

#include "daemon/ipc.h"
#include "daemon/keeper/account.h"
#include "daemon/keeper/batch.h"
#include "daemon/keeper/pending.h"
#include "daemon/keeper/permit.h"
#include "daemon/keeper/rehearsal.h"
#include "daemon/keeper/request.h"
#include "daemon/keeper/store.h"
#include "daemon/snapshot.h"

struct keeper {
    const struct snapshot *snapshot; /* borrowed */
    const struct config *config;     /* the snapshot's */
    struct store store;
    struct batch batch; /* writes that wait for the disk together */
    struct accounts *accounts;
    struct pending *pending;
    struct rehearsals *rehearsals;
    struct permits permits;
    struct request_waiting *waiting;         /* owned list: requests that a key is being made for */
    struct account_waiting *account_waiting; /* owned list: the same, for the key of an account */
    struct ipc_conn *engine;
    struct ipc_conn *supervisor;
};

/* The program: everything by its fixed descriptors (daemon/ipc.h). Returns the exit status. */
int keeper_main(void);

/* What follows confinement: opens the state directory, says hello to the supervisor (all directories exist
 * then), and serves until either socket ends. Takes the descriptors over. Returns the exit status: 0 when a
 * socket ended, 1 on failure or when a peer broke the protocol. */
int keeper_run(const struct snapshot *snapshot, int supervisor_fd, int engine_fd);

#endif
