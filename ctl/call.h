/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_CALL_H
#define ACMED_CTL_CALL_H

/* One call of a method from beginning to end, with its failures told. */

#include "ctl/client.h"
#include "ctl/ctl.h"

/* What a reply goes to; its strings are clean (as they came with --json). False ends the call early, as done.
 */
typedef bool call_reply_fn(void *arg, const json_t *parameters);

/* Calls and hands over every reply. A call that only reads is begun again when a daemon that restarts or
 * reloads ended it before the first reply. parameters are stolen. */
enum ctl_exit call_run(struct ctl *c, const char *method, json_t *parameters, bool more,
                       call_reply_fn *on_reply, void *arg);

/* The pieces, for calls that go on when the daemon restarts: */

/* Opens a connection and sends the call, telling nobody when it fails. parameters are stolen. */
enum client_result call_begin(struct ctl *c, struct client *client, const char *method, json_t *parameters,
                              bool more, int *why, struct err *e);

/* The same, tried until c->patience_ms have passed. False: it did not come back, which is told. */
bool call_again(struct ctl *c, struct client *client, const char *method, const json_t *parameters);

/* The next reply, cleaned. A reply that the daemon is stopping counts as CLIENT_CLOSED. */
enum client_result call_next(struct ctl *c, struct client *client, struct varlink_reply *r, int timeout_ms,
                             struct err *e);

/* {"names": [...]} of the command's arguments; without any: {}. NULL: out of memory. */
json_t *call_names(const struct ctl *c);

#endif
