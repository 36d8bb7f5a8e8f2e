/* SPDX-License-Identifier: MIT */
#ifndef ACMED_JOURNAL_H
#define ACMED_JOURNAL_H

/* The journal of one lineage: what must survive a kill (DESIGN: L2 to L4). One JSON object in
 * state/<lineage>.json, written whole and renamed into place by the engine; all functions here are pure. */

#include "lib/ca_choice.h"
#include "lib/err.h"
#include "lib/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_ISSUED_MAX    8
#define JOURNAL_FAILED_MAX    8
#define JOURNAL_MAX           (768 * 1024) /* bytes of the file: more than all members can have at most */
#define JOURNAL_TEXT_MAX      (ERR_TEXT_MAX - 1)
#define JOURNAL_PUBLISHED_MAX 300 /* records of some orders in a row that could not be taken back */
#define JOURNAL_NOTE_MAX      1024
#define JOURNAL_ORDER_LIFE    (10 * 24 * 3600) /* seconds; Let's Encrypt keeps orders for 7 days */

struct journal_error {
    int64_t at; /* Unix seconds; 0: none */
    enum err_class class;
    char *text; /* owned; NULL: none */
};

enum deployment_step {
    DEPLOYMENT_COPY,   /* the keeper writes the configured copies */
    DEPLOYMENT_RELOAD, /* the supervisor reloads all configured units */
    DEPLOYMENT_HOOK,   /* the supervisor runs the hook */
    DEPLOYMENT_VERIFY, /* the engine looks at what is served */
    DEPLOYMENT_DONE
};

/* The deploy record (L4). */
struct journal_deployment {
    unsigned generation;       /* what is (to be) deployed; 0: nothing was yet */
    enum deployment_step step; /* what comes next */
    unsigned attempts;  /* that failed: of this step, or, where verify is configured, of all steps until it is
                           served */
    int64_t not_before; /* Unix seconds: next attempt */
    int64_t done_at;    /* when it reached DONE */
    int64_t served_at;  /* when verify saw it; 0: not, or not configured */
    struct journal_error error; /* the last failed attempt's */
    char *note; /* owned; what the administrator should know of a success: "nginx.service is not running and
                   will read ..."; NULL */
};

/* What the CA suggests for the renewal of the live certificate (RFC 9773, lib/ari.h). */
struct journal_ari {
    int64_t next_poll; /* not before; 0: nothing is known yet */
    int64_t polled_at; /* the last poll; 0: none yet */
    char *id;          /* of the certificate that it is about; owned */
    int64_t start;     /* the suggested window */
    int64_t end;       /* 0: no window is known */
    int64_t chosen;    /* the moment drawn within it, once */
    char *explanation; /* a URL, only shown; owned; NULL: none */
    char *error;       /* why the last poll brought nothing; owned; NULL: it did */
    unsigned failures; /* of polls, in a row */
    unsigned refused;  /* orders that the CA refused for saying that they replace this certificate */
};

/* What was published to answer challenges, and is to be taken back. */
struct journal_published {
    int64_t at;          /* Unix seconds, of the first; 0: nothing */
    struct strv records; /* "CA IDENTIFIER TOKEN", or "CA IDENTIFIER TOKEN PLACE" */
};

/* An attempt found that a CA has ended the account. */
struct journal_alarm {
    int64_t at;      /* Unix seconds; 0: none has */
    char *directory; /* the CA's */
    char *text;
};

/* What counts against the CA's limits (lib/ledger.h), besides what was issued. */
struct journal_limits {
    int64_t noted_at;                   /* the last of these; 0: nothing is noted */
    int64_t counted_at;                 /* when the last order for new names began; 0: not noted */
    int64_t failed[JOURNAL_FAILED_MAX]; /* when validation failed, newest first; 0: none */
};

/* The pace that a CA's refusals had taught when an order began there (gate_pace_ms()). */
struct journal_pace {
    int64_t at;      /* when it began; 0: there was none */
    char *directory; /* the CA's */
    unsigned ms;     /* between two orders */
};

struct journal {
    /* the order in flight */
    char *order_url;       /* NULL: none, or not known */
    char *order_ca;        /* name of the CA; NULL: no order in flight */
    char *order_directory; /* its directory URL: the order belongs to this one only */
    char *order_names;     /* the identifiers it is for, joined by blanks */
    char *order_key_type;
    char *order_profile;   /* NULL: the CA's default */
    int64_t order_created; /* when the intent was journalled; 0: no order in flight */
    struct journal_published published;
    struct strv to_publish; /* by a person, before it can be issued: records of dns-persist-01, as lines of a
                               zone file; at most one for each of its identifiers */
    /* attempts since the last success (L3) */
    unsigned attempts;
    int64_t attempt_at; /* the last one's start */
    int64_t not_before; /* no attempt before this */
    struct journal_error error;
    struct journal_alarm alarm;
    struct ca_choice ca_choice; /* of several CAs, since the last success */
    /* the past */
    unsigned issued_generation;         /* the newest generation that acmed issued */
    char *issued_directory;             /* by the CA of this directory; NULL: not known */
    struct strv issuers;                /* "GENERATION DIRECTORY" of those before, oldest first */
    char *issued_chain;                 /* the issuer that its chain leads to; NULL: not known */
    char *issued_profile;               /* of that profile; NULL: the CA's default, or not known */
    int64_t issued[JOURNAL_ISSUED_MAX]; /* when, newest first; 0: none */
    char *rehearsed_names; /* the identifiers of the last rehearsal that succeeded, joined by blanks; NULL:
                              none did */
    unsigned damaged_generation;  /* its files were found damaged, and it has to be replaced; 0: none */
    unsigned repeated_orders;     /* orders placed again because the URL of the last one was lost (L2) */
    bool issued_by_force_pending; /* `renew now` was asked and is not done yet */
    struct journal_ari ari;
    struct journal_limits limits;
    struct journal_pace pace;
    struct journal_deployment deployment;
};

void journal_init(struct journal *j);
void journal_clear(struct journal *j);

/* JSON text, the caller frees; NULL: out of memory. */
char *journal_to_json(const struct journal *j);

/* Strict: unknown members are ignored (a newer version wrote them), wrong types and ranges are errors,
 * so that the caller can quarantine the file and start from what is on disk. j must be initialised; it is
 * untouched on failure. */
bool journal_from_json(struct journal *j, const char *text, size_t len, struct err *e);

/* Notes what is about to be published; again: nothing happens. place: where, when that is not where
 * identifier and token say; NULL else; without blanks. The oldest gives way to the 301st. False: out of
 * memory. */
bool journal_publish(struct journal *j, const char *ca, const char *identifier, const char *token,
                     const char *place, int64_t now);
/* It is gone. */
void journal_unpublish(struct journal *j, const char *record);
/* Something that answered a challenge of this CA is not gone yet. */
bool journal_has_published(const struct journal *j, const char *ca);

/* Notes what the last look did not find, instead of what was noted before; until something is issued. Longer
 * ones than JOURNAL_NOTE_MAX bytes are left out. False: out of memory. */
bool journal_to_publish(struct journal *j, const struct strv *records);

/* An order is in flight (its intent is journalled). */
bool journal_has_order(const struct journal *j);
/* The URL of the order in flight, if it may still be looked up there: it is of the CA's origin, and the order
 * not older than JOURNAL_ORDER_LIFE, whatever the CA's trouble with it is. NULL: it is not. Borrowed. */
const char *journal_order_to_resume(const struct journal *j, int64_t now);
/* Forgets it. */
void journal_drop_order(struct journal *j);
void journal_error_set(struct journal_error *je, const struct err *e, int64_t now);
void journal_error_clear(struct journal_error *je);
#define JOURNAL_ISSUERS_MAX 50

/* Notes an issuance: shifts `issued`, keeps directory and profile of the order, and chain, the issuer that
 * its chain leads to (NULL: not known), and forgets the rest of the order and the request for it, clears
 * attempts, not_before, error and renewal information, starts a fresh deploy record. All of it belongs into
 * one write. */
void journal_issued(struct journal *j, unsigned generation, const char *chain, int64_t now);

/* Another generation than that which acmed issued last is live: who issued it is not known. */
void journal_taken_over(struct journal *j, unsigned generation);
void journal_ari_clear(struct journal_ari *a);

/* The directory of the CA that issued this generation; NULL: not known. Borrowed. */
const char *journal_issuer(const struct journal *j, unsigned generation);

/* The CA of this directory issued the live certificate, as far as is known. */
bool journal_is_issued_by(const struct journal *j, const char *directory);

/* False: out of memory; nothing is noted. */
bool journal_alarm_set(struct journal *j, const char *directory, const char *text, int64_t now);
void journal_alarm_clear(struct journal *j);

/* An order for new names begins. */
void journal_counted(struct journal *j, int64_t now);
/* An order begins at the CA of this directory, pace_ms after the one before it; 0: there is no pace. Without
 * memory none is noted. */
void journal_paced(struct journal *j, const char *directory, int64_t pace_ms, int64_t now);
/* The CA could not validate a name. */
void journal_validation_failed(struct journal *j, int64_t now);

/* Members of a failure, of renewal information and of a deploy record, named as in
 * lib/org.acmed.Control.varlink. */
extern const struct record_type journal_error_record;
extern const struct record_type journal_ari_record;
extern const struct record_type journal_deployment_record;

#endif
