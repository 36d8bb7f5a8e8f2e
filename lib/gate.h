/* SPDX-License-Identifier: MIT */
#ifndef ACMED_GATE_H
#define ACMED_GATE_H

/* Pacing at one CA account (DESIGN section 9): who may begin an order now. Pure: the fleet asks before each
 * start and reports each end.
 *
 * - A CA that cannot be reached is one fact for all its certificates: the gate closes, one probe goes when
 * its time has come, and when the CA answers again the others follow, two for each that came through, until
 * max_orders run.
 * - A 429 or 503 on newOrder, newNonce or newAccount closes the gate until the CA's Retry-After (15 min where
 * it gives none).
 * - A 429 that names a registered domain closes that domain alone.
 * - New orders are counted against the CA's published limit, by a bucket that refills steadily (generic cell
 * rate algorithm), so that 1,000 new certificates never see a 429 for it. */

#include "lib/err.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stdint.h>

struct gate;

enum gate_cause {
    GATE_CAUSE_NONE,
    GATE_CAUSE_UNREACHABLE, /* no HTTP reply was had */
    GATE_CAUSE_ASKED,       /* the CA asked for a pause */
    GATE_CAUSE_LIMIT,       /* acmed's own count of the CA's limit */
    GATE_CAUSE_PROBE,       /* one goes first, to see whether the CA is back */
    GATE_CAUSE_DOMAIN       /* the CA closed a domain among the names */
};

/* limit orders a window of window_s seconds; limit 0: none is known. NULL: out of memory. */
struct gate *gate_new(unsigned limit, int64_t window_s);
void gate_free(struct gate *g);

/* The limit published by the CA whose directory this is: Let's Encrypt's 300 orders in 3 h, of which 280 are
 * used. Others: 0. */
unsigned gate_limit(const char *directory_url, int64_t *window_s);

/* An order placed in the past, as journals tell after a restart: it still counts. In any order of time. */
void gate_remember(struct gate *g, int64_t at, int64_t now);

struct gate_answer {
    bool go;
    enum gate_cause cause; /* why not */
    int64_t until; /* Unix seconds, when to ask again at the latest; 0: when another order has ended */
};

/* May an order for these names begin now? exempt: a renewal that the CA's limit on new orders does not count.
 */
struct gate_answer gate_ask(struct gate *g, const struct strv *names, bool exempt, int64_t now);

/* It begins. */
void gate_started(struct gate *g, bool exempt, int64_t now);

/* It ended. e: NULL: success. at_new_order: the failure was the CA's answer to newOrder, or came before.
 * probe_after: seconds until an unreachable CA is probed (renewal_backoff() for as many network failures as
 * gate_failures() counts). Returns true when the failure is the gate's matter: the certificate need not back
 * off on its own, it waits behind the gate. */
bool gate_ended(struct gate *g, const struct strv *names, const struct err *e, bool at_new_order,
                int64_t probe_after, int64_t now);

/* Failures to reach the CA in a row, this one not counted. */
unsigned gate_failures(const struct gate *g);

/* What holds the gate as a whole, for status: "the CA cannot be reached: ...", with *until. "" when it is
 * open. */
enum gate_cause gate_describe(const struct gate *g, int64_t now, char *text, size_t size, int64_t *until);

#endif
