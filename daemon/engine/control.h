/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_CONTROL_H
#define ACMED_ENGINE_CONTROL_H

/* The control socket: connections of Varlink clients, who they are, and what they may ask. What the
 * methods do is in methods.c and the files beside it. */

#include "daemon/engine/engine.h"
#include "lib/varlink.h"

#define CONTROL_DEADLINE_MS 30000

struct control;
struct peer;

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

/* ---- for the methods ---- */

struct engine *peer_engine(const struct peer *p);
bool peer_wants_more(const struct peer *p);
/* root, the supervisor's uid, a member of control_group. */
bool peer_may_control(const struct peer *p);
/* "uid 1000", for the log. */
const char *peer_name(const struct peer *p);

/* Answers the call. parameters are stolen. continues: more replies follow. A reply above VARLINK_REPLY_MAX
 * becomes ExpectedMore. */
void peer_reply(struct peer *p, json_t *parameters, bool continues);
void peer_error(struct peer *p, const char *error, json_t *parameters);

/* The call goes on: on_drained (NULL: not asked for) is called whenever what was queued is sent, on_end once,
 * when the call is answered finally or the peer is gone; it frees arg and must not use the peer. */
void peer_continue(struct peer *p, void (*on_drained)(void *arg), void (*on_end)(void *arg), void *arg);
/* Little enough is queued that more replies may be made now. */
bool peer_is_drained(const struct peer *p);

#endif
