/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ARI_H
#define ACMED_ARI_H

/* Renewal information (RFC 9773): the CA suggests a window for the renewal of each certificate, and moves it
 * into the past when the certificate will be revoked. Pure: what the engine fetched goes in, what the journal
 * is to remember comes out. When to renew for it is said by lib/renewal.h.
 *
 * What a CA says here can only help: a reply that cannot be used, a window that ends before it begins or
 * after the certificate expires, changes nothing but the time of the next poll. */

#include "lib/cert.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/journal.h"

#include <stdbool.h>
#include <stdint.h>

#define ARI_POLL_MIN        60          /* seconds: a Retry-After counts as at least this */
#define ARI_POLL_MAX        (24 * 3600) /* and as at most this */
#define ARI_POLL_DEFAULT    (6 * 3600)  /* none given, or an error that will last (section 4.3.3) */
#define ARI_SLACK_MAX       3600
#define ARI_EXPLANATION_MAX 500
#define ARI_REPLACES_TRIES  2 /* attempts of a renewal that say what they replace */

/* RenewalInfo object (section 4.2). */
struct ari_info {
    int64_t start;     /* Unix seconds, within the years 1970 to 9999 */
    int64_t end;       /* > start */
    char *explanation; /* explanationURL, printable, at most ARI_EXPLANATION_MAX bytes: only ever shown; NULL:
                          none; owned */
};

/* A 200 reply's body. Untouched on failure (class transient). */
bool ari_parse(struct ari_info *i, const struct http_reply *reply, struct err *e);
void ari_info_clear(struct ari_info *i);

/* Where the renewal information of a certificate is (section 4.1); the caller frees, NULL: out of memory.
 * renewal_info: of the directory. */
char *ari_url(const char *renewal_info, const char *id);

enum ari_outcome {
    ARI_OUTCOME_FAILED,    /* e says why; what was known before stays */
    ARI_OUTCOME_UNCHANGED, /* the window that was known already */
    ARI_OUTCOME_CHANGED    /* a window that was not: a moment within it was drawn */
};

/* What came of one poll for the live certificate, noted in the record; the caller journals it.
 *
 * reply: NULL when there was none; then e says why, going in. random: 64 random bits; they choose the moment,
 * uniformly, once for each window, and spread the next poll.
 *
 * The next poll comes after the CA's Retry-After (ARI_POLL_MIN to ARI_POLL_MAX), or else six hours, or a
 * 24th of a lifetime that is shorter than six days; a failure that may pass (no reply, 5xx) is repeated after
 * 1, 10 and 60 minutes first. Up to a sixteenth is added, so that no two machines keep step. */
enum ari_outcome ari_polled(struct journal_ari *a, const struct cert_facts *facts,
                            const struct http_reply *reply, uint64_t random, int64_t now, struct err *e);

/* A certificate was just issued: its first poll follows in 5 to 10 minutes, when a CA that copies its
 * database around knows it everywhere, and sooner in a life of hours. */
bool ari_begin(struct journal_ari *a, const struct cert_facts *facts, uint64_t random, int64_t now,
               struct err *e);

/* When the certificate is to be polled: not before, and, so that one waking serves many, at the latest.
 * False: never: it has no name for it or has expired. */
bool ari_poll_times(const struct journal_ari *a, const struct cert_facts *facts, int64_t now,
                    int64_t *earliest, int64_t *latest);

/* The record holds a window for this certificate. */
bool ari_applies(const struct journal_ari *a, const struct cert_facts *facts);

/* A renewal ordered now is what the CA suggested: the rate limits of Let's Encrypt, for one, do not count an
 * order that says what it replaces, within the window. */
bool ari_in_window(const struct journal_ari *a, const struct cert_facts *facts, int64_t now);

/* Whether the next newOrder says which certificate it replaces (section 5): the live one, if that came from
 * the CA of this directory, was not refused as such before, and the renewal has not failed too often. That
 * the directory offers renewal information is for the caller to see. */
bool ari_replaces(const struct journal *j, const struct cert_facts *facts, const char *directory);

/* The CA refused the order that said so: not said again for this certificate. */
bool ari_refused(struct journal_ari *a, const struct cert_facts *facts, int64_t now, struct err *e);

#endif
