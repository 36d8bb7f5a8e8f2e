/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ACT_H
#define ACMED_ACT_H

/* What destroys or reveals, and therefore needs a grant (DESIGN section 3): the acts, and the call of
 * lib/org.acmed.Control.varlink that asks for each. Engine and supervisor read a call with the same code, so
 * that they cannot disagree about what a client asked for. */

#include "lib/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum act_kind { ACT_REVOKE, ACT_ROLLBACK, ACT_ROLLOVER, ACT_DEACTIVATE, ACT_COUNT };

/* CRLReason (RFC 5280 section 5.3.1) as RFC 8555 section 7.6 carries it. */
enum act_reason {
    ACT_REASON_UNSPECIFIED = 0,
    ACT_REASON_KEY_COMPROMISE = 1,
    ACT_REASON_CA_COMPROMISE = 2,
    ACT_REASON_AFFILIATION_CHANGED = 3,
    ACT_REASON_SUPERSEDED = 4,
    ACT_REASON_CESSATION_OF_OPERATION = 5,
    ACT_REASON_CERTIFICATE_HOLD = 6,
    ACT_REASON_PRIVILEGE_WITHDRAWN = 9,
    ACT_REASON_AA_COMPROMISE = 10
};

#define ACT_SUBJECT_MAX    255
#define ACT_GENERATION_MAX 999999999

struct act {
    enum act_kind kind;
    char subject[ACT_SUBJECT_MAX + 1]; /* the lineage (revoke, rollback) or the CA's name */
    uint64_t generation;               /* revoke: 0 is the live one; rollback: 0 is the one before it */
    uint64_t reason;                   /* enum act_reason; revoke only, 0 otherwise */
};

/* "revoke", "rollback", "account rollover", "account deactivate". Static storage. */
const char *act_to_str(enum act_kind kind);

/* "key-compromise", ...; NULL: there is no such reason. Static storage. */
const char *act_reason_to_str(uint64_t reason);
/* False: none of them; *reason untouched. */
bool act_reason_from_str(const char *name, uint64_t *reason);
/* The name of a reason that a person spelled with or without hyphens, in any case, as RFC 5280 section 5.3.1
 * does (keyCompromise). Static storage. NULL: none of them. */
const char *act_reason_meant(const char *name);
/* All of them, joined by blanks, for messages. Static storage. */
const char *act_reasons(void);

/* True: the method (full name) is the call of an act. */
bool act_find(const char *method, enum act_kind *kind);

/* What a call of that method asks for. False: not the call of an act, or a parameter is missing or wrong;
 * *parameter (a string constant) then is the name to complain about. a is untouched on failure. */
bool act_parse(struct act *a, const char *method, const json_t *parameters, const char **parameter);

/* Whether one that came from another process (numbers of a message) is one of those above. */
bool act_valid(uint64_t kind, uint64_t generation, uint64_t reason);

#endif
