/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CERT_H
#define ACMED_CERT_H

/* X.509 facts: what acmed needs to know of a certificate, and whether a downloaded chain may be installed. */

#include "lib/config.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cert_facts {
    struct strv names;  /* DNS names and addresses of the subjectAltName, canonical (lib/ident.h), sorted */
    char *issuer;       /* issuer's common name (or organization), for people */
    char *serial;       /* lower-case hexadecimal, no leading 00, as CAs' logs show it */
    char *ari_id;       /* its name in renewal information (RFC 9773 section 4.1); NULL: it has none */
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
    enum key_type key_type;
    bool key_type_known;
    uint8_t sha256[32]; /* of the DER: what verify compares */
    bool revoked;       /* not said by the certificate: whoever knows of a revocation notes it here */
};

/* Facts of the first certificate in PEM text (or of DER). */
bool cert_facts_parse(struct cert_facts *f, const char *data, size_t len, struct err *e);
void cert_facts_clear(struct cert_facts *f);

/* SHA-256 of the first certificate's DER in PEM text or DER; cheaper than all facts. */
bool cert_fingerprint(const char *data, size_t len, uint8_t sha256[32], struct err *e);

/* Common name of who issued the last certificate of a chain in PEM text: the root that it leads to. The
 * caller frees; NULL with e: unreadable, or an issuer without one. */
char *cert_top_issuer(const char *pem, size_t len, struct err *e);

/* The first certificate in PEM text was made for this key; else false with the reason. */
bool cert_check_key(const char *pem, size_t len, const struct key *key, struct err *e);

/* The first certificate's DER in PEM text (or DER), base64url: how ACME sends certificates (RFC 8555 section
 * 7.6). The caller frees; NULL with e. */
char *cert_to_b64url(const char *data, size_t len, struct err *e);

#define CERT_CHAIN_MAX 10 /* certificates of a chain */

/* A chain that passed cert_chain_check(), split for the files of a generation. */
struct cert_chain {
    char *leaf;              /* PEM of the leaf; owned */
    char *rest;              /* PEM of the others in order; "" when there are none; owned */
    struct cert_facts facts; /* of the leaf */
};

/* Checks a downloaded chain before it is installed (RFC 8555 section 7.4.2): PEM certificates and nothing
 * else, the leaf's key is `key`, its names are exactly `names`, it is valid at `now` (a not_before up to an
 * hour ahead is accepted: clocks differ), each further certificate signs the one before it and may (CA flag)
 * and is valid. No root store is asked: whom clients trust is not for acmed to say. Outputs untouched on
 * failure. */
bool cert_chain_check(struct cert_chain *c, const char *pem, size_t len, const struct key *key,
                      const struct strv *names, int64_t now, struct err *e);
void cert_chain_clear(struct cert_chain *c);

#endif
