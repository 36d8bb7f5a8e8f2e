/* SPDX-License-Identifier: MIT */
#ifndef ACMED_LEDGER_H
#define ACMED_LEDGER_H

/* What one account has had of a CA's limits on certificates and on failed validations, so that orders wait
 * for room instead of being refused. (New orders per account are counted by the gate.) Each limit is a bucket
 * that refills steadily, as Let's Encrypt counts (generic cell rate algorithm): n at once, and then one each
 * window/n. Pure. */

#include "lib/ledger_rates.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What kind of order it is, and so what the CA does not count. Later ones are exempt from more. */
enum ledger_exemption {
    LEDGER_COUNTED, /* new names: from nothing */
    LEDGER_RENEWAL, /* names that were issued before: from new orders and from the limit of a domain */
    LEDGER_ARI,     /* says within the suggested window which certificate it replaces (RFC 9773): from all;
                       what is issued counts for its set nevertheless */
    LEDGER_RESUMED  /* an order that is placed already */
};

struct ledger;

/* NULL: out of memory. */
struct ledger *ledger_new(const struct ledger_rates *rates);
struct ledger *ledger_copy(const struct ledger *l);
void ledger_free(struct ledger *l);
const struct ledger_rate *ledger_rate(const struct ledger *l, enum ledger_limit limit);

/* Which limit an order has to wait for. */
struct ledger_lack {
    enum ledger_limit limit;
    const char *label; /* the domain, the name, or the first name of the set; borrowed until the ledger is
                          changed */
    int64_t until;     /* Unix seconds */
};

/* May an order for these names be placed at `now` (Unix seconds)? False: *lack is the limit that takes
 * longest. */
bool ledger_has_room(const struct ledger *l, const struct strv *names, enum ledger_exemption exemption,
                     int64_t now, struct ledger_lack *lack);

/* To forecast: when there will be room for it, at `at` or later. What was taken already may lie ahead of
 * `at`. */
int64_t ledger_room_at(const struct ledger *l, const struct strv *names, enum ledger_exemption exemption,
                       int64_t at);

/* As what follows the CA's name: "issues at most 50 new certificates in 7 days for example.com, ...". Returns
 * text. */
const char *ledger_lack_to_str(const struct ledger *l, const struct ledger_lack *lack, char *text,
                               size_t size);

/* It is placed (or was, at that time: in order of time, please). Out of memory: it is not counted. */
void ledger_take(struct ledger *l, const struct strv *names, enum ledger_exemption exemption, int64_t now);
/* It came to nothing. */
void ledger_give_back(struct ledger *l, const struct strv *names, enum ledger_exemption exemption);
/* The CA could not validate this name. */
void ledger_failed(struct ledger *l, const char *name, int64_t now);

/* What is left of a limit that was used. */
struct ledger_line {
    enum ledger_limit limit;
    const char *label; /* borrowed until the ledger is changed */
    unsigned left;
    int64_t room_at; /* when there is room for one more; 0: now */
    int64_t full_at; /* when all of it is left again */
};

/* The limits of which least is left, at most max of them, the tightest first. Returns how many were written;
 * *total: how many are in use. */
size_t ledger_list(const struct ledger *l, int64_t now, struct ledger_line *v, size_t max, size_t *total);

#endif
