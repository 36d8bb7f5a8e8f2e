/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_LINK_H
#define ACMED_ENGINE_LINK_H

/* The engine's end of a socketpair to the keeper or the supervisor: requests with their replies. */

#include "daemon/engine/loop.h"
#include "daemon/ipc.h"

struct link;

/* Takes over the descriptor. on_message: what came without being a reply to a request; on_closed: the other
 * process is gone or broke the protocol (why), nothing more will come. */
struct link *link_new(struct loop *l, int fd, void (*on_message)(void *arg, struct ipc_msg *m),
                      void (*on_closed)(void *arg, const char *why), void *arg);
/* Waiting requests are forgotten, their callbacks not called. */
void link_free(struct link *k);

/* Sends a request; its reply comes to on_reply: m is the reply, or NULL with e when it was IPC_ERROR. The
 * arguments after type follow its signature. Returns the request's id, or 0 when it could not be sent (too
 * large, out of memory). */
uint32_t link_request(struct link *k,
                      void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e), void *arg,
                      enum ipc_type type, ...);
/* The same for a message of no fields with a descriptor, which stays the caller's. */
uint32_t link_request_fd(struct link *k,
                         void (*on_reply)(void *arg, const struct ipc_msg *m, const struct err *e), void *arg,
                         enum ipc_type type, int fd);
/* The requester goes away: the reply will be dropped. 0 is ignored. */
void link_forget(struct link *k, uint32_t id);

/* Without a reply. */
bool link_send(struct link *k, enum ipc_type type, ...);

/* Answers what came with this id. */
bool link_reply(struct link *k, uint32_t id, enum ipc_type type, ...);

#endif
