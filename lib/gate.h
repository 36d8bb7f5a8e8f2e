/* SPDX-License-Identifier: MIT */
#ifndef ACMED_GATE_H
#define ACMED_GATE_H

/* Pacing at one CA account (DESIGN section 9): who may begin an order now. Pure: the engine asks before each
 * start and reports each end.
 *
 * - A CA that cannot be reached, or will not serve the account at all, is one fact for all its certificates:
 *   the gate closes, one probe goes when its time has come, and when the CA answers again the others follow,
 *   twice as many at a time for each that came through.
 * - A 429 or 503 on newOrder, newNonce or newAccount closes the gate until the CA's Retry-After (15 min where
 *   it gives none); again one probe goes first. A CA that closes it again and again is asked ever less often,
 *   whatever Retry-After it gives.
 * - A 429 that quotes a registered domain closes that domain alone, and one order of it goes first.
 * - New orders are counted against the CA's limit, by a bucket that refills steadily (generic cell rate
 *   algorithm, as Let's Encrypt's own), so that 1,000 new certificates never see a 429 for it.
 * - Certificates of a registered domain and of a set of names, and failed validations of a name, are counted
 *   against the CA's limits as well, where these are known (lib/ledger.h).
 * - Where no limit is known, the pace that the CA bears is learned from its refusals (lib/pace.h), so that
 *   1,000 new certificates see a handful of them. */

#include "lib/err.h"
#include "lib/ledger.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate;

enum gate_cause {
    GATE_CAUSE_NONE,
    GATE_CAUSE_UNREACHABLE, /* no HTTP reply was had */
    GATE_CAUSE_REFUSED,     /* it answers, but neither directory nor account can be had */
    GATE_CAUSE_ASKED,       /* the CA asked for a pause */
    GATE_CAUSE_PROBE,       /* one goes first, to see whether the CA is back */
    GATE_CAUSE_DOMAIN,      /* the CA closed a domain among the names */
    GATE_CAUSE_LIMIT,       /* acmed's own count of the CA's limit */
    GATE_CAUSE_LEDGER,      /* likewise, of a limit on certificates or failed validations: see lack */
    GATE_CAUSE_PACE         /* what the CA has refused before tells how fast orders may go */
};

/* What a failure was about. */
enum gate_scope {
    GATE_SCOPE_ORDER,     /* this order */
    GATE_SCOPE_NEW_ORDER, /* the CA's answer to newOrder or newNonce */
    GATE_SCOPE_ACCOUNT    /* directory or account: nobody can order */
};

/* limit orders a window of window_s seconds; limit 0: none is known. NULL: out of memory. */
struct gate *gate_new(unsigned limit, int64_t window_s);
void gate_free(struct gate *g);
/* From now on certificates and failed validations are counted against these limits as well. False: out of
 * memory, they are not. */
bool gate_keep_ledger(struct gate *g, const struct ledger_rates *rates);
/* NULL: none is kept. */
const struct ledger *gate_ledger(const struct gate *g);

/* The limit of the CA whose directory this is, from the table of lib/ca.h: of Let's Encrypt's 300 orders in
 * 3 h 280 are used. 0: none is known. */
unsigned gate_limit(const char *directory_url, int64_t *window_s);

/* What journals tell of the past after a restart: it still counts. */
struct gate_past {
    int64_t at; /* Unix seconds */
    const struct strv *names;
    enum ledger_exemption exemption;
    bool failed; /* not an order: the names could not be validated */
};

/* The array is sorted. */
void gate_remember(struct gate *g, struct gate_past *v, size_t n, int64_t now);
/* What an earlier process had learned: gate_pace_ms(), when its last order began. After gate_remember(). */
void gate_recall_pace(struct gate *g, int64_t pace_ms, int64_t last);
/* An earlier process had trouble with this CA: one goes first, to see whether it still is there. */
void gate_suspect(struct gate *g);

struct gate_answer {
    bool go;
    enum gate_cause cause; /* why not */
    int64_t until; /* Unix seconds, when to ask again at the latest; 0: when another order has ended */
    struct ledger_lack lack; /* GATE_CAUSE_LEDGER */
};

/* May an order for these names begin now? */
struct gate_answer gate_ask(const struct gate *g, const struct strv *names, enum ledger_exemption exemption,
                            int64_t now);
/* Milliseconds between two orders, as learned from what the CA refused; 0: nothing was. */
int64_t gate_pace_ms(const struct gate *g);
/* The gate holds all orders, whatever their names: there is no need to ask for each. */
bool gate_holds_all(enum gate_cause cause);
/* Orders under way; those of them that rest. */
unsigned gate_in_flight(const struct gate *g);
unsigned gate_resting(const struct gate *g);

/* It begins. */
void gate_started(struct gate *g, const struct strv *names, enum ledger_exemption exemption, int64_t now);
/* One under way waits for what may take long (lib/places.h), or goes on. The CA has taken it: no other waits
 * to see what becomes of it. It goes on before it ends. */
void gate_rest(struct gate *g, bool resting);
/* One that began as LEDGER_RESUMED is placed anew: from now on it counts as what it is. */
void gate_placed_anew(struct gate *g, const struct strv *names, enum ledger_exemption exemption, int64_t now);
/* It ended and came to nothing: neither was a certificate issued, nor will the order be resumed. exemption:
 * as when it began. */
void gate_give_back(struct gate *g, const struct strv *names, enum ledger_exemption exemption);
/* The CA could not validate this name. */
void gate_validation_failed(struct gate *g, const char *name, int64_t now);

/* It ended. e: NULL: success. jitter: 0..UINT32_MAX, random. Returns true when the failure is the gate's
 * matter: the certificate need not back off on its own, it waits behind the gate. */
bool gate_ended(struct gate *g, const struct strv *names, const struct err *e, enum gate_scope scope,
                uint32_t jitter, int64_t now);

/* The class of what closed it last; meaningless while it is open. */
enum err_class gate_class(const struct gate *g);

/* A person wants an order now: a CA that could not be had is probed at once. A pause that the CA asked for
 * stays one. */
void gate_nudge(struct gate *g, int64_t now);

/* What holds the gate as a whole; NONE: nothing does. text: why, as what follows the CA's name in a
 * sentence: "cannot be reached: ..."; "" when it is open. *until: when it opens, or lets a probe through; 0:
 * it does now. */
enum gate_cause gate_describe(const struct gate *g, int64_t now, char *text, size_t size, int64_t *until);

/* A copy to forecast with: who may go when, if nothing unexpected happens. NULL: out of memory. */
struct gate *gate_copy(const struct gate *g);
/* When an order for these names that is due at `at` can begin. Ask in the order in which they are due: each
 * answer takes its place. */
int64_t gate_forecast(struct gate *copy, const struct strv *names, enum ledger_exemption exemption,
                      int64_t at);

/* The limit on new orders, and what is left of it (limit and label say nothing here). False: none is known.
 */
bool gate_account_left(const struct gate *g, int64_t now, struct ledger_rate *rate, struct ledger_line *line);

#endif
