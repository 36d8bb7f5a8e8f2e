/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_RESPONDER_H
#define ACMED_ENGINE_RESPONDER_H

/* The HTTP-01 responder: answers known tokens and nothing else (RFC 8555 section 8.3). Everything
 * that connects is hostile: a door of its own (daemon/engine/door.h), fixed memory, no file is ever opened.
 */

#include "daemon/engine/challenge.h"
#include "daemon/engine/door.h"
#include "lib/config.h"

struct responder;

/* is_live(arg, host): whether host is a configured name with a live certificate, which http_other = redirect
 * asks. cap: connections held at once. deadline_ms: from accept to the last byte of the answer, whatever the
 * client does meanwhile. All are borrowed. NULL: out of memory. */
struct responder *responder_new(struct loop *l, const struct challenges *challenges, enum http_other other,
                                unsigned cap, int64_t deadline_ms,
                                bool (*is_live)(void *arg, const char *host), void *arg);
void responder_free(struct responder *r);

#define RESPONDER_CAP         10240
#define RESPONDER_DEADLINE_MS 10000

/* Where its connections come in. */
struct door *responder_door(const struct responder *r);

#endif
