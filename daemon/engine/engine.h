/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_ENGINE_H
#define ACMED_ENGINE_ENGINE_H

/* What the rooms of the engine share. Everything here is made by engine.c before the first event and outlives
 * all certificates; pointers are borrowed from it. */

#include "daemon/engine/alpn.h"
#include "daemon/engine/client.h"
#include "daemon/engine/challenge.h"
#include "daemon/engine/feed.h"
#include "daemon/engine/link.h"
#include "daemon/engine/live.h"
#include "daemon/engine/loop.h"
#include "daemon/engine/port.h"
#include "daemon/engine/responder.h"
#include "daemon/engine/timer.h"
#include "daemon/engine/writer.h"
#include "daemon/snapshot.h"

#include <jansson.h>

struct clock;
struct control;
struct examiner;
struct fleet;
struct rehearsals;
struct reloads;
struct renewal_info;
struct standby;
struct summary;
struct withdrawals;

struct engine {
    struct loop *loop;
    struct timers *timers;
    struct snapshot *snapshot;
    const struct config *config;
    struct link *keeper;
    struct link *supervisor;
    struct state_files files;
    struct live live;
    struct writer *writer;
    struct client *client;
    struct feed *feed;
    struct challenges *challenges;
    struct responder *responder;
    struct port *port; /* of the responder */
    struct alpn *alpn;
    struct port *alpn_port;
    struct fleet *fleet;
    struct rehearsals *rehearsals;
    struct reloads *reloads;
    struct renewal_info *renewal_info;
    struct standby *standby;
    struct withdrawals *withdrawals;
    struct control *control;
    struct examiner *examiner;
    struct summary *summary;
    uid_t supervisor_uid; /* whom the control socket obeys, besides root */
    int64_t started_at;   /* acmed itself, whatever engine it is by now; Unix seconds */
    struct strv warnings; /* what the supervisor had to say at start, for status */
    json_t *confinement;  /* of supervisor and keeper, as they told; the engine's own added */
    struct clock *clock;
    struct loop_delay *grace; /* after IPC_STOP */
    bool serving;             /* IPC_START has come */
    bool stopping;            /* nothing new is begun */
    int exit_code;
};

/* Unix seconds. */
int64_t engine_now(void);

/* The life of the process: opens, confines itself, serves until told to stop. Returns the exit code. */
int engine_main(void);

#endif
