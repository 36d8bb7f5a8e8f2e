/* SPDX-License-Identifier: MIT */
#ifndef ACMED_RENEWAL_H
#define ACMED_RENEWAL_H

/* When to renew, and when to try again: pure policy (DESIGN section 9).
 *
 * The lifetime of a certificate is counted from its not_before, or from its issuance as the journal knows it
 * where that was later (a CA may hand out a certificate that is already old), to its not_after.
 *
 * The lifetime rule: renew when a third of the lifetime is left, below 10 days of lifetime when half of it
 * is; renew_before overrides, but counts as at most half of the lifetime. Renewals are spread over the
 * fifteenth of the lifetime before that point: earlier, never later.
 *
 * Where the CA suggests a window (lib/ari.h) the moment drawn within it counts instead; a renew_before that
 * is written in the configuration can make it earlier. Whatever the CA suggests, the renewal comes before
 * only a twentieth of the lifetime is left.
 *
 * Dates are clamped to the years 1 to 9999 before anything is computed, so no date of a certificate, journal
 * or clock makes an overflow. Times in the journal that lie further ahead than acmed ever plans were written
 * under another clock and bind nobody. */

#include "lib/cert.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/journal.h"

#include <stdbool.h>
#include <stdint.h>

#define RENEWAL_BACKOFF_MIN        60                    /* seconds: nothing is ever repeated sooner */
#define RENEWAL_RETRY_AFTER_MAX    (24 * 3600)           /* a longer Retry-After counts as this */
#define RENEWAL_BACKOFF_MAX        (24 * 3600 * 11 / 10) /* a day, and its jitter */
#define RENEWAL_DEPLOY_BACKOFF_MAX (30 * 60 * 11 / 10)
#define RENEWAL_ISSUANCE_FLOOR     3600 /* between two automatic issuances of one lineage */

enum renewal_reason {
    RENEWAL_NOT_DUE, /* nothing is planned: for rows of status without a plan; renewal_plan() never says so */
    RENEWAL_MISSING, /* there is no certificate */
    RENEWAL_LIFETIME,  /* the share of the lifetime (or renew_before) is reached */
    RENEWAL_NAMES,     /* the configured names are not those of the certificate */
    RENEWAL_KEY_TYPE,  /* likewise the key type */
    RENEWAL_PROFILE,   /* likewise the profile, as far as the journal knows of which it is */
    RENEWAL_ARI,       /* the moment drawn within the window that the CA suggests (RFC 9773) */
    RENEWAL_ARI_EARLY, /* likewise, and the window is earlier than a renewal would be usual */
    RENEWAL_EXPIRED,
    RENEWAL_DAMAGED,  /* the journal notes that its files are */
    RENEWAL_REVOKED,  /* somebody had it revoked */
    RENEWAL_REQUESTED /* `renew now` */
};

const char *renewal_reason_to_str(enum renewal_reason reason); /* "no certificate yet", ... for people */

/* The reason, and with the CA's suggestion where the CA explains it (only shown: it is the CA's text). */
#define RENEWAL_DESCRIPTION_MAX 640
void renewal_describe(enum renewal_reason reason, const struct journal *j, char *text, size_t size);

struct renewal_plan {
    int64_t at;                 /* Unix seconds of the next issuance attempt; <= now: at once */
    enum renewal_reason reason; /* why then */
    int64_t renew_at; /* when the CA's suggestion, or else the lifetime rule, says to renew, whatever
                         back-off and floors say */
    bool held;        /* back-off or a floor moved `at` behind what the reason alone says */
    bool capped;      /* renew_before was longer than half of the lifetime and was capped */
};

/* requested is for one attempt: when it has failed, the next one is an automatic one again, with back-off.
 *
 * An automatic issuance is held until the journal's not_before, an hour after the last issuance (but for a
 * revocation, which a person asked for), and (for reasons of lifetime only) a quarter of the lifetime after
 * it; a requested one by nothing. A CA that asks for one early renewal after another waits longer each time:
 * an hour, two, four, up to two days or a quarter of the lifetime.
 *
 * facts: of the live certificate, or NULL. seed: any stable 64-bit number of the lineage and certificate
 * (renewal_seed()), from which the jitter comes, so that it needs no journal and does not change on restart.
 * requested: a person asked. */
struct renewal_plan renewal_plan(const struct config_certificate *c, const struct cert_facts *facts,
                                 const struct journal *j, bool requested, uint64_t seed, int64_t now);

/* Until when it should be renewed: what orders a queue. Unix seconds: when a twentieth of the lifetime is
 * left, or sooner, when the window ends in which the CA asks for an early renewal (it will revoke the
 * certificate). */
int64_t renewal_deadline(const struct cert_facts *facts, const struct journal *j);

uint64_t renewal_seed(const char *lineage, const struct cert_facts *facts);

/* Seconds from now until the attempt after the `attempts`-th failure in a row (1, 2, ...), by the class of e:
 *   network        1, 2, 5, 10 min, then every 30
 *   transient      1, 10, 100 min, then daily; without a live certificate at most 6 h
 *   rate limited   as e->retry_at says, and at least as for network; like transient when it says nothing
 *   internal       1, 5, 15 min, then hourly: a full disk is freed by people who then wait
 *   others         daily
 * jitter: 0..UINT32_MAX, random: spreads by +-10 % (a time given by the CA by up to +10 %). facts: of the
 * live certificate or NULL. e->retry_at is obeyed for every class, clamped to 24 h from now. Never under
 * RENEWAL_BACKOFF_MIN, never over RENEWAL_BACKOFF_MAX, never beyond an eighth of the remaining lifetime (but
 * for retry_at and the floor). */
int64_t renewal_backoff(const struct err *e, unsigned attempts, const struct cert_facts *facts,
                        uint32_t jitter, int64_t now);

/* Back-off of a deployment step: 1, 2, 5, 10 min, then every 30 min, +-10 %. */
int64_t renewal_deploy_backoff(unsigned attempts, uint32_t jitter);

/* What a person may ask for (DESIGN section 7, `renew now`). */
enum renewal_refusal {
    RENEWAL_ALLOWED,
    RENEWAL_LEFT_OUT, /* not named, and issued in the last 24 hours: no failure, but to be said */
    RENEWAL_REFUSED   /* it would be the third issuance in 7 days */
};

/* named: the request names this certificate. force lifts both limits. Unless allowed, a sentence for people
 * is written to text ("" otherwise). */
enum renewal_refusal renewal_request_check(const struct journal *j, bool named, bool force, int64_t now,
                                           char *text, size_t size);

/* The clock is sane: not before 2025, as a booting machine without a clock has it. Until it is, acmed orders
 * and deletes nothing. A constant, so that builds are reproducible. */
bool renewal_clock_sane(int64_t now);

/* Jumps of the clock. No policy can tell from the wall clock alone whether every certificate has really
 * expired or the clock is ten years wrong. So the engine calls renewal_clock_tick() whenever it wakes, with
 * CLOCK_REALTIME and CLOCK_BOOTTIME (which counts suspend: waking up from it is no jump). When the wall clock
 * has moved against the other by more than RENEWAL_CLOCK_STEP, the clock is in doubt, and automatic orders
 * are held (those in flight go on, requested ones start). Then the engine probes: it fetches each needed CA's
 * directory, with network back-off, and reports success with renewal_clock_confirm(). A CA reached over
 * verified TLS under the new time is proof enough against years: its certificate would not be valid then; its
 * Date header, where there was one, must be within a day. */
#define RENEWAL_CLOCK_STEP 3600

struct renewal_clock {
    int64_t wall; /* of the last tick; 0: there was none yet */
    int64_t boot;
    int64_t jumped; /* seconds, by how much in all while in doubt */
    bool doubted;
};

/* Seconds. True: this tick has brought the clock into doubt, or moved it again (log it, re-arm all timers).
 */
bool renewal_clock_tick(struct renewal_clock *c, int64_t wall, int64_t boot);

/* ca_date: the reply's Date header in Unix seconds, 0: it had none. True: the clock is not in doubt (any
 * more). A date more than a day off brings it into doubt, whether it had jumped or not. */
bool renewal_clock_confirm(struct renewal_clock *c, int64_t ca_date, int64_t wall);

/* Why orders are held, for people; "" when the clock is not in doubt. */
void renewal_clock_describe(const struct renewal_clock *c, char *text, size_t size);

/* "2027-01-31 23:59 UTC". size: at least 24. */
void renewal_time_to_str(int64_t t, char *text, size_t size);

#endif
