/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ACME_H
#define ACMED_ACME_H

/* ACME messages: what the CA sends, checked and turned into structs, and the payloads that acmed
 * sends (RFC 8555 section 7). Everything a CA says is hostile until it went through here: sizes are
 * bounded, types checked, duplicate members refused, URLs required to be of the directory's origin. */

#include "lib/challenge.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACME_ISSUERS_MAX        10
#define ACME_TOKEN_MAX          256 /* bytes of a challenge token */
#define ACME_AUTHORIZATIONS_MAX 100

/* RFC 8555 section 7.1.1 */
struct acme_directory {
    char *url;       /* the directory's own; the origin of all else */
    char *new_nonce; /* each owned, of the directory's origin */
    char *new_account;
    char *new_order;
    char *revoke_cert;          /* NULL: the CA offers no revocation */
    char *key_change;           /* NULL: the CA offers no change of the account's key */
    char *renewal_info;         /* RFC 9773; NULL: not offered, or of no use */
    char *terms;                /* meta.termsOfService, only ever shown; NULL: none */
    char *website;              /* meta.website, only ever shown; NULL: none */
    struct strv caa_identities; /* meta.caaIdentities: what CAA records name this CA by */
    struct strv profiles;       /* names of meta.profiles; empty: the CA offers no choice */
    struct strv profile_texts;  /* what the CA says of each, for people */
    bool eab_required;          /* meta.externalAccountRequired */
};

bool acme_directory_parse(struct acme_directory *d, const char *url, const struct http_reply *reply,
                          struct err *e);
void acme_directory_clear(struct acme_directory *d);

/* Whether the CA offers a profile (draft-ietf-acme-profiles); NULL is always offered: the CA's default. The
 * error (class configuration) says which are. */
bool acme_directory_check_profile(const struct acme_directory *d, const char *profile, struct err *e);
/* "it offers classic (the one of old), shortlived (six days)", or that it offers none. */
void acme_directory_describe_profiles(const struct acme_directory *d, char *text, size_t size);

/* A problem document (RFC 7807, RFC 8555 section 6.7) and what it means for the attempt. */
enum acme_problem_type {
    ACME_PROBLEM_NONE, /* not a problem document */
    ACME_PROBLEM_UNKNOWN,
    ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST,
    ACME_PROBLEM_ALREADY_REVOKED,
    ACME_PROBLEM_BAD_CSR,
    ACME_PROBLEM_BAD_NONCE,
    ACME_PROBLEM_BAD_PUBLIC_KEY,
    ACME_PROBLEM_BAD_REVOCATION_REASON,
    ACME_PROBLEM_BAD_SIGNATURE_ALGORITHM,
    ACME_PROBLEM_CAA,
    ACME_PROBLEM_COMPOUND,
    ACME_PROBLEM_CONNECTION,
    ACME_PROBLEM_DNS,
    ACME_PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
    ACME_PROBLEM_INCORRECT_RESPONSE,
    ACME_PROBLEM_INVALID_CONTACT,
    ACME_PROBLEM_INVALID_PROFILE,
    ACME_PROBLEM_MALFORMED,
    ACME_PROBLEM_ORDER_NOT_READY,
    ACME_PROBLEM_RATE_LIMITED,
    ACME_PROBLEM_REJECTED_IDENTIFIER,
    ACME_PROBLEM_SERVER_INTERNAL,
    ACME_PROBLEM_TLS,
    ACME_PROBLEM_UNAUTHORIZED,
    ACME_PROBLEM_UNSUPPORTED_CONTACT,
    ACME_PROBLEM_UNSUPPORTED_IDENTIFIER,
    ACME_PROBLEM_USER_ACTION_REQUIRED,
    ACME_PROBLEM_ALREADY_REPLACED,
    ACME_PROBLEM_COUNT
};

/* The prologue of every reply but the directory's. A 2xx status gives true. Otherwise false, with in
 * *e one line made of the status, the problem's type and detail, and each sub-problem with its identifier,
 * e->class from the table of types (or of the status, without a problem document) and e->retry_at = now +
 * Retry-After where one was given; *type tells the machines what they need to handle by themselves. type may
 * be NULL. */
bool acme_reply_check(const struct http_reply *reply, int64_t now, enum acme_problem_type *type,
                      struct err *e);

/* Order object (RFC 8555 section 7.1.3). */
enum acme_order_status {
    ACME_ORDER_PENDING,
    ACME_ORDER_READY,
    ACME_ORDER_PROCESSING,
    ACME_ORDER_VALID,
    ACME_ORDER_INVALID
};

struct acme_order {
    enum acme_order_status status;
    int64_t expires;            /* Unix seconds; 0: not given */
    struct strv authorizations; /* URLs */
    char *finalize;             /* URL */
    char *certificate;          /* URL; NULL while there is none */
    char *error;                /* the problem as one line; NULL: none */
    enum acme_problem_type error_type;
    enum err_class error_class;
};

/* names: canonical identifiers (lib/ident.h) that the order must be for, in whatever order and notation the
 * CA lists them; a reply for others is refused. */
bool acme_order_parse(struct acme_order *o, const struct acme_directory *d, const struct strv *names,
                      const struct http_reply *reply, struct err *e);
void acme_order_clear(struct acme_order *o);

/* Authorization object (RFC 8555 section 7.1.4) with its challenge of one type, if it offers that. */
enum acme_authorization_status {
    ACME_AUTHORIZATION_PENDING,
    ACME_AUTHORIZATION_VALID,
    ACME_AUTHORIZATION_INVALID,
    ACME_AUTHORIZATION_DEACTIVATED,
    ACME_AUTHORIZATION_EXPIRED,
    ACME_AUTHORIZATION_REVOKED
};

enum acme_challenge_status {
    ACME_CHALLENGE_PENDING,
    ACME_CHALLENGE_PROCESSING,
    ACME_CHALLENGE_VALID,
    ACME_CHALLENGE_INVALID
};

struct acme_authorization {
    enum acme_authorization_status status;
    char *identifier;   /* canonical (lib/ident.h); of a wildcard's authorization with its "*." */
    bool has_challenge; /* of the wanted type */
    enum acme_challenge_status challenge_status;
    char *challenge_url;
    char *token;         /* base64url only, 1..ACME_TOKEN_MAX bytes: safe in a path */
    struct strv issuers; /* of dns-persist-01 alone, which has no token (it is "" then): the names that the CA
                            goes by, 1..ACME_ISSUERS_MAX DNS names */
    char *offered; /* the challenge types offered, "dns-01 tls-alpn-01", for the message when the wanted one
                      is missing */
    char *error;   /* the failed challenge's problem as one line, with the CA's detail; NULL: none */
    enum acme_problem_type error_type;
    enum err_class error_class;
};

/* type: the challenge that is to be answered; of others only failures are read. */
bool acme_authorization_parse(struct acme_authorization *a, const struct acme_directory *d,
                              enum challenge_type type, const struct http_reply *reply, struct err *e);
void acme_authorization_clear(struct acme_authorization *a);

/* The reply to an answered challenge. True, with why in e: the CA has tried already and failed. final: it is
 * invalid (step-ca and Caddy then leave the order pending for good); else it may be answered again (RFC 8555
 * section 8.2). Everything else, whatever it looks like, is told by the order later. */
bool acme_challenge_failed(const struct http_reply *reply, bool *final, struct err *e);

/* Account object and its URL (Location), RFC 8555 sections 7.1.2 and 7.3. */
enum acme_account_status { ACME_ACCOUNT_VALID, ACME_ACCOUNT_DEACTIVATED, ACME_ACCOUNT_REVOKED };
bool acme_account_parse(const struct acme_directory *d, const struct http_reply *reply,
                        enum acme_account_status *status, char **url /* the caller frees */, struct err *e);

/* Payloads, as JSON text the caller frees; NULL: out of memory. Built by the keeper. */
/* binding: of jws_external_account(), NULL: none. */
char *acme_payload_new_account(const char *contact /* NULL: none */, bool agree_terms, const char *binding);
/* Asks for the account of the key that signs, if there is one (RFC 8555 section 7.3.1). */
char *acme_payload_find_account(void);
char *acme_payload_update_account(const char *contact /* NULL: none any more */); /* section 7.3.2 */
char *acme_payload_deactivate_account(void);                                      /* section 7.3.6 */
/* The inner payload of section 7.3.5. old_key: its public JWK as JSON text. */
char *acme_payload_key_change(const char *account_url, const char *old_key);
/* Section 7.6. certificate_b64: base64url of the DER; reason: CRLReason. */
char *acme_payload_revoke(const char *certificate_b64, unsigned reason);
/* profile: NULL: the CA's default. replaces: the certificate that the order is to replace, by its name in
 * renewal information (RFC 9773 section 5); NULL: none. */
char *acme_payload_new_order(const struct strv *names, const char *profile, const char *replaces);
char *acme_payload_finalize(const char *csr_b64);

#endif
