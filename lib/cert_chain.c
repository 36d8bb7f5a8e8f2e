/* SPDX-License-Identifier: MIT */
#include "lib/cert.h"

#include "lib/cert_x509.h"
#include "lib/crypto.h"
#include "lib/key_use.h"
#include "lib/pem.h"

#include <mbedtls/oid.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define CLOCK_SKEW 3600 /* seconds that a CA's clock may be ahead of ours */

/* The certificates of a chain as parsed; position 0 is the leaf. */
struct parsed {
    mbedtls_x509_crt crt[CERT_CHAIN_MAX];
    size_t n;
};

static void parsed_free(struct parsed *c)
{
    for (size_t i = 0; i < c->n; i++)
        mbedtls_x509_crt_free(&c->crt[i]);
    free(c);
}

static bool parse_all(struct parsed *c, const char *pem, size_t len, struct err *e)
{
    struct pem_reader r;
    uint8_t *der;
    size_t der_len;

    pem_reader_init(&r, pem, len, true);
    for (;;) {
        bool ok;

        if (!pem_next_certificate(&r, &der, &der_len, e))
            return false;
        if (der == NULL)
            break;
        if (c->n == CERT_CHAIN_MAX) {
            free(der);
            return err_set(e, ERR_CLASS_TRANSIENT, "there are more than %d certificates in it",
                           CERT_CHAIN_MAX);
        }
        mbedtls_x509_crt_init(&c->crt[c->n]);
        ok = cert_x509_parse(&c->crt[c->n++], der, der_len, e);
        free(der);
        if (!ok)
            return err_wrap(e, "certificate %zu", c->n);
    }
    if (c->n == 0)
        return err_set(e, ERR_CLASS_TRANSIENT, "there is no certificate in it");
    return true;
}

static void date_text(int64_t at, char out[32])
{
    time_t t = (time_t)at;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        (void)snprintf(out, 32, "%" PRId64, at);
}

/* which: how people count the certificates, from 1. */
static bool check_dates(const mbedtls_x509_crt *crt, size_t which, int64_t now, struct err *e)
{
    int64_t from = cert_x509_time(&crt->valid_from);
    int64_t to = cert_x509_time(&crt->valid_to);
    char date[32];
    char clock[32];

    date_text(now, clock);
    if (from > now + CLOCK_SKEW) {
        date_text(from, date);
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "certificate %zu is not valid before %s; here it is %s: check this machine's clock",
                       which, date, clock);
    }
    if (to <= now) {
        date_text(to, date);
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "certificate %zu expired at %s; here it is %s: check this machine's clock", which,
                       date, clock);
    }
    return true;
}

static bool contains_fold(const struct strv *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcasecmp(l->v[i], s) == 0)
            return true;
    return false;
}

/* Both lists hold the same names, whatever their order and case. */
static bool check_names(const struct strv *have, const mbedtls_x509_crt *leaf, const struct strv *want,
                        struct err *e)
{
    for (size_t i = 0; i < want->n; i++)
        if (!contains_fold(have, want->v[i]))
            return err_set(e, ERR_CLASS_TRANSIENT, "the certificate lacks the name %s", want->v[i]);
    for (size_t i = 0; i < have->n; i++)
        if (!contains_fold(want, have->v[i]))
            return err_set(e, ERR_CLASS_TRANSIENT,
                           "the certificate holds the name %s, which nobody asked for", have->v[i]);
    if (cert_x509_has_other_names(leaf))
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "the certificate holds something else than DNS names and addresses");
    return true;
}

static bool check_key(const mbedtls_x509_crt *leaf, const struct key *key, struct err *e)
{
    uint8_t spki[KEY_SPKI_MAX];
    size_t len;

    if (!key_spki(key, spki, &len, e))
        return false;
    if (leaf->pk_raw.p == NULL || leaf->pk_raw.len != len || memcmp(leaf->pk_raw.p, spki, len) != 0)
        return err_set(e, ERR_CLASS_TRANSIENT, "the certificate was made for another key than ours");
    return true;
}

bool cert_check_key(const char *pem, size_t len, const struct key *key, struct err *e)
{
    struct pem_reader r;
    mbedtls_x509_crt crt;
    uint8_t *der;
    size_t der_len;
    bool ok;

    pem_reader_init(&r, pem, len, false);
    if (!pem_next_certificate(&r, &der, &der_len, e))
        return false;
    if (der == NULL)
        return err_set(e, ERR_CLASS_TRANSIENT, "there is no certificate in it");
    mbedtls_x509_crt_init(&crt);
    ok = cert_x509_parse(&crt, der, der_len, e) && check_key(&crt, key, e);
    mbedtls_x509_crt_free(&crt);
    free(der);
    return ok;
}

/* The signature of a certificate: what follows the signed part and the algorithm. The library has parsed it
 * before, but 3.6 does not hand it out. */
static bool signature_of(const mbedtls_x509_crt *crt, const uint8_t **sig, size_t *len)
{
    unsigned char *p = crt->tbs.p + crt->tbs.len;
    const unsigned char *end = crt->raw.p + crt->raw.len;
    size_t n;

    if (mbedtls_asn1_get_tag(&p, end, &n, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0)
        return false;
    p += n;
    if (mbedtls_asn1_get_bitstring_null(&p, end, len) != 0)
        return false;
    *sig = p;
    return true;
}

/* Whether the issuer's key made the signature, with a hash that is not broken. */
static bool signed_by(const mbedtls_x509_crt *crt, mbedtls_x509_crt *issuer)
{
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    mbedtls_md_type_t md;
    mbedtls_pk_type_t pk;
    const uint8_t *sig;
    size_t sig_len;

    if (mbedtls_oid_get_sig_alg(&crt->sig_oid, &md, &pk) != 0 ||
        (md != MBEDTLS_MD_SHA256 && md != MBEDTLS_MD_SHA384 && md != MBEDTLS_MD_SHA512) ||
        !mbedtls_pk_can_do(&issuer->pk, pk) || !signature_of(crt, &sig, &sig_len) ||
        !crypto_hash(md, crt->tbs.p, crt->tbs.len, hash))
        return false;
    return mbedtls_pk_verify(&issuer->pk, md, hash, 0, sig, sig_len) == 0;
}

/* Certificate i (from 0) of the chain must have issued the one before it. */
static bool check_link(struct parsed *c, size_t i, int64_t now, struct err *e)
{
    const mbedtls_x509_crt *crt = &c->crt[i - 1];
    mbedtls_x509_crt *issuer = &c->crt[i];

    if (crt->issuer_raw.len != issuer->subject_raw.len ||
        memcmp(crt->issuer_raw.p, issuer->subject_raw.p, crt->issuer_raw.len) != 0)
        return err_set(
            e, ERR_CLASS_TRANSIENT,
            "certificate %zu is not the issuer of certificate %zu: the order is wrong, or one is missing",
            i + 1, i);
    if (!crypto_crt_is_ca(issuer) ||
        mbedtls_x509_crt_check_key_usage(issuer, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0)
        return err_set(e, ERR_CLASS_TRANSIENT, "certificate %zu is not allowed to issue certificates", i + 1);
    if (!signed_by(crt, issuer))
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "the signature of certificate %zu does not fit the key of certificate %zu", i, i + 1);
    return check_dates(issuer, i + 1, now, e);
}

/* The PEM of certificates from..to-1; the caller frees. */
static char *to_pem(const struct parsed *c, size_t from, size_t to)
{
    struct buf b;
    char *out;

    buf_init(&b, 2 * CERT_PEM_MAX);
    for (size_t i = from; i < to; i++)
        pem_write(&b, "CERTIFICATE", c->crt[i].raw.p, c->crt[i].raw.len);
    out = buf_take(&b, NULL);
    buf_clear(&b);
    return out;
}

static bool check_parsed(struct cert_chain *out, struct parsed *c, const struct key *key,
                         const struct strv *names, int64_t now, struct err *e)
{
    struct cert_chain n = {0};

    if (!check_key(&c->crt[0], key, e) || !check_dates(&c->crt[0], 1, now, e) ||
        !cert_facts_from_x509(&n.facts, &c->crt[0], e))
        return false;
    if (!check_names(&n.facts.names, &c->crt[0], names, e)) {
        cert_chain_clear(&n);
        return false;
    }
    for (size_t i = 1; i < c->n; i++) {
        if (!check_link(c, i, now, e)) {
            cert_chain_clear(&n);
            return false;
        }
    }
    n.leaf = to_pem(c, 0, 1);
    n.rest = to_pem(c, 1, c->n);
    if (n.leaf == NULL || n.rest == NULL) {
        cert_chain_clear(&n);
        return err_nomem(e, "certificate chain");
    }
    *out = n;
    return true;
}

bool cert_chain_check(struct cert_chain *c, const char *pem, size_t len, const struct key *key,
                      const struct strv *names, int64_t now, struct err *e)
{
    struct parsed *parsed;
    bool ok;

    if (len > CERT_PEM_MAX)
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "the downloaded chain is too big (%zu bytes; %zu are the most)", len, CERT_PEM_MAX);
    parsed = calloc(1, sizeof *parsed);
    if (parsed == NULL)
        return err_nomem(e, "certificate chain");
    ok = parse_all(parsed, pem, len, e) && check_parsed(c, parsed, key, names, now, e);
    parsed_free(parsed);
    return ok ? true : err_wrap(e, "the downloaded chain is not installed");
}

void cert_chain_clear(struct cert_chain *c)
{
    free(c->leaf);
    free(c->rest);
    cert_facts_clear(&c->facts);
    memset(c, 0, sizeof *c);
}
