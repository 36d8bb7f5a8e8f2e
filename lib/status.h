/* SPDX-License-Identifier: MIT */
#ifndef ACMED_STATUS_H
#define ACMED_STATUS_H

/* The status model: what Status says of a certificate, the same struct on both sides of the control
 * socket (types Certificate, Deployment ... of lib/org.acmed.Control.varlink). */

#include "lib/cert.h"
#include "lib/config.h"
#include "lib/journal.h"
#include "lib/record.h"
#include "lib/renewal.h"

#include <jansson.h>

enum status_state {
    STATUS_VALID,
    STATUS_DUE, /* the time to renew has come, the attempt has not begun */
    STATUS_ORDERING,
    STATUS_DEPLOYING, /* issued, not yet deployed (or the deployment is being retried) */
    STATUS_WAITING,   /* for a CA to come back or to allow more */
    STATUS_FAILING,   /* the last attempt failed; the next is scheduled */
    STATUS_EXPIRED,
    STATUS_MISSING,   /* no certificate yet, none under way */
    STATUS_UNMANAGED, /* on disk, not (any more) in the configuration */
    STATUS_COUNT
};

const char *status_state_to_str(enum status_state s);
bool status_state_from_str(const char *s, enum status_state *state);

#define STATUS_GENERATIONS_MAX 20 /* listed of one lineage */

/* What is on disk of one issuance (type Generation). */
struct status_generation {
    unsigned generation;
    bool live;
    bool served_last;   /* the last one that was deployed, all through; of none where that is not known */
    char *serial;       /* NULL: its certificate cannot be read */
    int64_t not_before; /* 0: likewise */
    int64_t not_after;
    char *revoked;      /* why ("superseded", ...); NULL: it was not, as far as acmed knows */
    int64_t revoked_at; /* 0: asked for, not known to be done */
    char *error;        /* why it cannot be read; NULL: it can */
};

struct status_certificate {
    char *name;
    char *lineage;
    struct strv domains;
    char *key_type;      /* of the live certificate, else the configured one */
    bool reuse_key;      /* a renewal keeps the key */
    char *ca;            /* "" when unmanaged */
    struct strv cas;     /* configured, in order of preference; empty when unmanaged */
    char *challenge;     /* how the names are proven: "http-01", ...; NULL when unmanaged */
    unsigned generation; /* 0: none */
    enum status_state state;
    char *issuer; /* NULL: no certificate */
    char *serial;
    int64_t not_before; /* 0: no certificate */
    int64_t not_after;
    int64_t renew_at;  /* 0: unknown */
    char *next_action; /* one clause for people: "renew", "validate with the CA", "retry the hook"; never NULL
                        */
    int64_t next_at;   /* 0: now, or nothing planned */
    char *reason;      /* why next: "one third of the lifetime is left", ... or NULL */
    struct journal_error last_error; /* at 0: none */
    char *advice; /* what the administrator should do about it, besides what the error says; NULL: nothing */
    char *alarm;  /* what a person must see to before it can be renewed, though it may be valid now; NULL:
                   * nothing
                   */
    struct strv to_publish; /* records that a person is to publish (dns-persist-01), ready to be copied */
    bool to_publish_unseen; /* nobody has looked whether they are there */
    unsigned attempts;
    int64_t last_issued;    /* 0: unknown */
    char *chain;            /* the issuer that the live chain leads to; NULL: not known */
    char *wanted_chain;     /* that which is configured; NULL: none is, or unmanaged */
    char *profile;          /* configured; NULL: the CA's default, or unmanaged */
    struct journal_ari ari; /* what the CA suggests; next_poll 0: nothing is known */
    struct journal_deployment deployment;
    bool verify; /* verification is configured */
    /* struct status_generation, newest first, STATUS_GENERATIONS_MAX at most; where they were asked for */
    struct record_list generations;
    unsigned generations_older; /* how many more there are */
};

/* What is known of one lineage; everything is borrowed for the call. */
struct status_input {
    const struct config_certificate *config; /* NULL: unmanaged */
    const char *ca;                          /* name of the CA that is asked now; NULL: unmanaged */
    const char *chain;                       /* the issuer that its chain leads to; NULL: not known */
    const char *wanted_chain;                /* preferred there; NULL: none is */
    const struct cert_facts *facts;          /* of the live certificate; NULL: none */
    const struct journal *journal;
    const struct renewal_plan *plan; /* NULL: unmanaged */
    const char *ordering; /* what the order in flight does now (order_describe()); NULL: none runs */
    bool deploying;       /* a step of the deployment runs now */
    bool dns_off;         /* nothing is looked up for DNS challenges */
    bool queued;          /* due, and waits for one of max_orders */
    int64_t ca_until;     /* the CA takes no order before; 0: it does, or nobody knows when */
    const char *ca_wait;  /* why orders wait for the CA, or for all CAs: "letsencrypt cannot be reached", a
                             clock in doubt; NULL: they do not */
    const char *alarm;    /* why that CA can do nothing until a person does something; NULL */
    int64_t now;
};

/* What it comes to. Texts are never cut within a character. */
struct status_verdict {
    enum status_state state;
    char next_action[256]; /* one clause; never empty */
    int64_t next_at;       /* 0: now, or nothing planned */
    char reason[512];      /* "" : none */
};

/* The first that holds: unmanaged; ordering; expired; with the renewal due or failed: waiting (for the CA: it
 * is unreachable or asked for a pause), failing (the last attempt failed otherwise), missing (never tried),
 * due; deploying; valid. */
struct status_verdict status_derive(const struct status_input *in);

/* Fills s from the same facts and status_derive(), all but generation (the live one: the caller sets it) and
 * generations. False: out of memory, s cleared. */
bool status_certificate_fill(struct status_certificate *s, const char *lineage, const struct status_input *in,
                             struct err *e);

void status_certificate_clear(struct status_certificate *s);
/* NULL: out of memory. New reference. */
json_t *status_certificate_to_json(const struct status_certificate *s);
/* Strict about types, tolerant of members it does not know. */
bool status_certificate_from_json(struct status_certificate *s, const json_t *j, struct err *e);

/* True when a person should look: an alarm, failing or expired, an error of the last attempt (while valid: a
 * request that failed and is told about, but nothing is in danger) or of the deployment, or less than a
 * twentieth of the lifetime left. Never when unmanaged. */
bool status_needs_attention(const struct status_certificate *s, int64_t now);

#endif
