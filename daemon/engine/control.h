/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_CONTROL_H
#define ACMED_ENGINE_CONTROL_H

/* The control socket: accepts the connections of Varlink clients, up to a cap. A connection is peer.h. */

#include "daemon/engine/engine.h"

#define CONTROL_DEADLINE_MS 30000

struct control;

/* deadline_ms: for the rest of a request that has begun, and for a client to take what is queued. NULL: out
 * of memory. */
struct control *control_new(struct engine *g, int64_t deadline_ms);
void control_free(struct control *c);
/* Serves a listening socket (taken over), once the engine serves: before, nothing is planned and no answer
 * would be true. */
bool control_listen(struct control *c, int fd);
/* The engine serves. */
void control_start(struct control *c);
/* Everybody who waits is told that the daemon stops (error Stopping), and what can be sent is sent. */
void control_stop(struct control *c);

#endif
