/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_CERTIFICATE_H
#define ACMED_ENGINE_CERTIFICATE_H

/* One lineage: what is live, what the journal remembers, what happens next. */

#include "daemon/engine/engine.h"
#include "lib/cert.h"
#include "lib/gate.h"
#include "lib/journal.h"
#include "lib/rehearsal.h"
#include "lib/renewal.h"

struct authority;
struct issuance;
struct rehearsal;
struct deploy;
struct revocation;
struct rollback;

struct certificate {
    struct engine *engine;                   /* borrowed */
    const struct config_certificate *config; /* borrowed; NULL: unmanaged */
    char *name;                              /* owned */
    const struct config_ca *ca;              /* where it is ordered now; borrowed; NULL: unmanaged */
    bool has_facts;
    struct cert_facts facts; /* of the live leaf */
    unsigned generation;     /* live; 0: none */
    struct journal journal;
    struct renewal_plan plan;
    struct timer timer;              /* the next issuance attempt */
    bool to_be_examined;             /* the examiner's */
    bool rehearses;                  /* the order waits for its rehearsal (rehearse = yes) */
    bool queued;                     /* waiting for a free place at the CA, or for the CA itself */
    enum gate_cause told;            /* what a person who asked for the renewal was told that it waits for */
    enum ledger_exemption exemption; /* of the order under way, or the last one */
    struct issuance *issuance;       /* under way; owned */
    struct deploy *deploy;           /* under way or being retried; owned */
    struct rehearsal *rehearsal;     /* under way, or waiting for a place; owned */
    struct rollback *rollback;       /* under way; owned */
    struct revocation *revocation;   /* likewise */
    const void *asking;              /* whose call waits for a grant to act on it; NULL: nobody's */
};

/* Reads what is on disk: live generation and journal. Never fails for one certificate alone: what cannot be
 * read is logged, put aside, and started anew. NULL: out of memory. */
struct certificate *certificate_new(struct engine *g, const char *name,
                                    const struct config_certificate *config);
void certificate_free(struct certificate *c);

/* The engine serves: resumes a deployment, plans the next issuance; reloaded: a failure that somebody had to
 * mend is tried again at once. */
void certificate_start(struct certificate *c, bool reloaded);
/* Decides again what comes next: sets the timer, or queues the certificate when it is due. */
void certificate_plan(struct certificate *c);
/* A person asked for a renewal: at once, whatever back-off says. on_durable (NULL: nobody asks) tells when a
 * restart would not forget it, as in writer_put(); false: out of memory, it will not be called. */
bool certificate_request(struct certificate *c, void (*on_durable)(void *arg, const struct err *e),
                         void *arg);

/* It is due, and its names are to be proven first (rehearsal_is_due()): begins the rehearsal, counted. */
void certificate_rehearse(struct certificate *c);
/* Counts the attempt that begins now; as long as its outcome is not journalled it is one that was
 * interrupted. */
void certificate_count_attempt(struct certificate *c);
/* A rehearsal, whoever wanted it, has ended: e says why it failed, NULL: it did not. */
void certificate_rehearsed(struct certificate *c, const struct err *e);

/* Sets c->ca by what the journal knows. */
void certificate_choose_ca(struct certificate *c);
/* There is trouble at c->ca: true when another CA is asked instead, at once (c->ca has changed). *at: else
 * when that is to be considered again, in Unix seconds. why: for people. */
bool certificate_move(struct certificate *c, const struct ca_trouble *t, const char *why, int64_t *at);
/* Likewise while it waits behind the gate of its CA; saves the journal. */
bool certificate_leave_gate(struct certificate *c, const struct authority *a, struct gate_answer answer,
                            int64_t *at);

/* Writes the journal; on_durable as in writer_put(). */
bool certificate_save(struct certificate *c, void (*on_durable)(void *arg, const struct err *e), void *arg);

/* There is a place among max_orders and the CA's gate is open: begins the issuance, counted. */
void certificate_attempt(struct certificate *c, struct authority *a);
/* What its journal knows that counts against the CA's limits: how many of past were filled. */
#define CERTIFICATE_PAST_MAX (JOURNAL_ISSUED_MAX + 1 + JOURNAL_FAILED_MAX)
size_t certificate_recall(const struct certificate *c, struct gate_past past[CERTIFICATE_PAST_MAX]);

/* What the CA does not count of the order that it would place now. */
enum ledger_exemption certificate_exemption(const struct certificate *c);
/* The CA could not validate these names. */
void certificate_validation_failed(struct certificate *c, struct authority *a, const struct strv *names);

/* A renewal that says what it replaces, within the window that the CA suggested for it (RFC 9773): CAs may
 * leave it out of all their limits. */
bool certificate_is_ari_renewal(const struct certificate *c);

/* The order in flight, which was to be resumed, cannot be: it is forgotten, and a new one takes its place and
 * counts against the CA's limits. */
void certificate_orders_anew(struct certificate *c, struct authority *a);

/* The issuance ended with a new generation. chain: the issuer that its chain leads to; NULL: not known. */
void certificate_issued(struct certificate *c, struct authority *a, unsigned generation, const char *chain);
/* It failed. forget: the order is of no use any more. */
void certificate_failed(struct certificate *c, struct authority *a, const struct err *e, bool forget,
                        enum gate_scope scope);

/* Reads live generation and journal, for certificate_new(). */
void certificate_load(struct certificate *c);
/* Reads the live leaf again. False: there is none, or it cannot be read (logged); the old facts stay. */
bool certificate_load_live(struct certificate *c);

/* A failed attempt is the CA's gate's matter, not held against the certificate: it waits there, at no cost.
 * next: what acmed does next, as a clause for people. */
void certificate_wait_at_gate(struct certificate *c, const struct authority *a, int64_t now, char *next,
                              size_t size);
/* A person who asked for it hears what it waits for, once. */
void certificate_tell_wait(struct certificate *c, struct gate_answer answer);

#endif
