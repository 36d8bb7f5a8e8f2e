/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_PEER_H
#define ACMED_ENGINE_PEER_H

/* A client of the control socket: its connection, who it is, what it may ask, and the call it waits for. What
 * the methods do is in methods.c and the files beside it. */

#include "daemon/engine/backlog.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/turns.h"
#include "lib/varlink.h"

struct peer;

/* Takes over fd, a connection to the control socket; reads the client's credentials. turns: of all peers, who
 * are answered one after the other, those who may control first; backlog: what waits for all of them; both
 * borrowed. deadline_ms: for the rest of a request that has begun, and for a client to take what is queued.
 * on_gone is called when the connection ends, whoever ends it: the peer must not be used after it. NULL: out
 * of memory, or nobody is there any more. */
struct peer *peer_new(struct engine *g, struct turns *turns, struct backlog *backlog, int fd,
                      int64_t deadline_ms, void (*on_gone)(void *arg, const struct peer *p), void *arg);
void peer_free(struct peer *p);
/* The daemon stops: a call under way ends with the error Stopping; what can be sent is sent, then it ends. */
void peer_stop(struct peer *p);

uid_t peer_uid(const struct peer *p);
/* It waits for nothing: no call under way, nothing to be sent. */
bool peer_is_idle(const struct peer *p);

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
/* For a method that needs a grant, after peer_continue(): shows the connection to the supervisor
 * (daemon/supervisor/grant.h). on_grant is called once with the arg of peer_continue(), never before this
 * returns, unless the call ends before: e is NULL, the act may be asked of the keeper now, for `generation`;
 * or e says why not. False: the call did not come in one piece, or memory is out. */
bool peer_grant(struct peer *p, void (*on_grant)(void *arg, uint64_t generation, const struct err *e));
/* Little enough is queued that more replies may be made now. */
bool peer_is_drained(const struct peer *p);

#endif
