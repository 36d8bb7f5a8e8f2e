/* SPDX-License-Identifier: MIT */
#include "lib/cert.h"

#include "lib/b64.h"
#include "lib/cert_x509.h"
#include "lib/crypto.h"
#include "lib/ident.h"
#include "lib/pem.h"
#include "lib/utf8.h"

#include <mbedtls/oid.h>

#include <stdlib.h>
#include <string.h>

#define SAN_DNS      (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2)
#define SAN_IP       (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7)
#define SERIAL_BYTES 64 /* RFC 5280 allows 20 */

int64_t cert_x509_time(const mbedtls_x509_time *t)
{
    /* Days since 1970 of a Gregorian date: years start in March here, so that the leap day comes last. */
    int64_t year = t->year - (t->mon <= 2);
    int64_t month = (t->mon + 9) % 12;
    int64_t day_of_year = (153 * month + 2) / 5 + t->day - 1;
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;

    return days * 86400 + INT64_C(3600) * t->hour + INT64_C(60) * t->min + t->sec;
}

/* A copy that any terminal and any JSON writer takes. BMP strings, which nobody uses any more, become
 * question marks. */
static char *printable(const unsigned char *s, size_t len)
{
    char *out = malloc(len + 1);

    if (out == NULL)
        return NULL;
    memcpy(out, s, len);
    out[len] = '\0';
    for (char *p = out; (p = memchr(p, '\0', (size_t)(out + len - p))) != NULL;)
        *p = '?';
    utf8_make_printable(out);
    return out;
}

/* Attribute of a distinguished name by OID; the caller frees. NULL with *nomem unset when there is none. */
static char *attribute(const mbedtls_x509_name *dn, const char *oid, size_t oid_len, bool *nomem)
{
    char *out;

    for (; dn != NULL; dn = dn->next) {
        if (dn->oid.len != oid_len || memcmp(dn->oid.p, oid, oid_len) != 0 || dn->val.len == 0)
            continue;
        out = printable(dn->val.p, dn->val.len);
        if (out == NULL)
            *nomem = true;
        return out;
    }
    return NULL;
}

static char *issuer_text(const mbedtls_x509_crt *crt)
{
    bool nomem = false;
    char *out = attribute(&crt->issuer, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN), &nomem);

    if (out == NULL && !nomem)
        out = attribute(&crt->issuer, MBEDTLS_OID_AT_ORGANIZATION,
                        MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_ORGANIZATION), &nomem);
    if (out == NULL && !nomem)
        out = strdup("unnamed issuer");
    return out;
}

static char *serial_text(const mbedtls_x509_buf *serial)
{
    const unsigned char *p = serial->p;
    size_t n = serial->len;
    char *out;

    while (n > 1 && *p == 0) {
        p++;
        n--;
    }
    if (n > SERIAL_BYTES)
        n = SERIAL_BYTES;
    out = malloc(2 * n + 1);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    out[2 * n] = '\0';
    return out;
}

static bool add_dns_name(struct strv *names, const mbedtls_x509_buf *name, struct err *e)
{
    for (size_t i = 0; i < name->len; i++)
        if (name->p[i] <= 0x20 || name->p[i] >= 0x7f)
            return err_set(e, ERR_CLASS_TRANSIENT,
                           "the certificate holds a DNS name with impossible characters");
    if (name->len == 0)
        return err_set(e, ERR_CLASS_TRANSIENT, "the certificate holds an empty DNS name");
    if (!strv_addn(names, (const char *)name->p, name->len))
        return err_nomem(e, "names of a certificate");
    for (char *p = names->v[names->n - 1]; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return true;
}

/* The library hands an address's bytes out, but compares none (2.28). */
static bool add_address(struct strv *names, const mbedtls_x509_buf *address, struct err *e)
{
    char text[IDENT_ADDRESS_MAX + 1];

    if (!ident_from_address(address->p, address->len, text))
        return err_set(e, ERR_CLASS_TRANSIENT, "the certificate holds an address of %zu bytes", address->len);
    return strv_add(names, text) || err_nomem(e, "names of a certificate");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, each once. */
static void sort_names(struct strv *names)
{
    size_t kept = 0;

    if (names->n == 0)
        return;
    qsort(names->v, names->n, sizeof names->v[0], compare_names);
    for (size_t i = 1; i < names->n; i++) {
        if (strcmp(names->v[i], names->v[kept]) == 0)
            free(names->v[i]);
        else
            names->v[++kept] = names->v[i];
    }
    names->n = kept + 1;
}

/* An address that is called a DNS name is neither: no client takes it for that address (RFC 6125). */
static bool is_dns_name(const mbedtls_x509_buf *name)
{
    char text[IDENT_ADDRESS_MAX + 1];

    if (name->tag != SAN_DNS || name->len > IDENT_ADDRESS_MAX)
        return name->tag == SAN_DNS;
    memcpy(text, name->p, name->len);
    text[name->len] = '\0';
    return !ident_is_address(text);
}

/* The list starts with an element of the structure itself, which is empty when there is no such extension. */
static bool read_names(struct strv *names, const mbedtls_x509_crt *crt, struct err *e)
{
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s != NULL; s = s->next) {
        if (s->buf.p == NULL)
            continue;
        if ((is_dns_name(&s->buf) && !add_dns_name(names, &s->buf, e)) ||
            (s->buf.tag == SAN_IP && !add_address(names, &s->buf, e)))
            return false;
    }
    sort_names(names);
    return true;
}

bool cert_x509_has_other_names(const mbedtls_x509_crt *crt)
{
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s != NULL; s = s->next)
        if (s->buf.p != NULL && !is_dns_name(&s->buf) && s->buf.tag != SAN_IP)
            return true;
    return false;
}

bool cert_facts_from_x509(struct cert_facts *f, const mbedtls_x509_crt *crt, struct err *e)
{
    struct cert_facts n = {
        .not_before = cert_x509_time(&crt->valid_from),
        .not_after = cert_x509_time(&crt->valid_to),
    };
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];

    n.key_type_known = crypto_pk_type(&crt->pk, &n.key_type);
    if (!read_names(&n.names, crt, e)) {
        cert_facts_clear(&n);
        return false;
    }
    n.issuer = issuer_text(crt);
    n.serial = serial_text(&crt->serial);
    if (n.issuer == NULL || n.serial == NULL || !cert_x509_ari_id(crt, &n.ari_id, e) ||
        !crypto_hash(MBEDTLS_MD_SHA256, crt->raw.p, crt->raw.len, hash)) {
        cert_facts_clear(&n);
        return err_nomem(e, "facts of a certificate");
    }
    memcpy(n.sha256, hash, sizeof n.sha256);
    *f = n;
    return true;
}

void cert_facts_clear(struct cert_facts *f)
{
    strv_clear(&f->names);
    free(f->issuer);
    free(f->serial);
    free(f->ari_id);
    memset(f, 0, sizeof *f);
}

bool cert_x509_parse(mbedtls_x509_crt *crt, const uint8_t *der, size_t len, struct err *e)
{
    int rc = mbedtls_x509_crt_parse_der(crt, der, len);

    if (rc != 0)
        return crypto_err(e, ERR_CLASS_TRANSIENT, rc, "a certificate cannot be parsed");
    if (crt->raw.len != len)
        return err_set(e, ERR_CLASS_TRANSIENT,
                       "a certificate is followed by %zu bytes that do not belong to it", len - crt->raw.len);
    return true;
}

/* The first certificate's DER, owned by the caller; DER input is copied. */
static uint8_t *first_der(const char *data, size_t len, size_t *der_len, struct err *e)
{
    struct pem_reader r;
    uint8_t *der;

    if (len > CERT_PEM_MAX) {
        err_set(e, ERR_CLASS_TRANSIENT, "%zu bytes are too many for a certificate", len);
        return NULL;
    }
    if (len > 0 && data[0] == (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)) {
        der = malloc(len);
        if (der == NULL) {
            err_nomem(e, "certificate");
            return NULL;
        }
        memcpy(der, data, len);
        *der_len = len;
        return der;
    }
    pem_reader_init(&r, data, len, false);
    if (!pem_next_certificate(&r, &der, der_len, e))
        return NULL;
    if (der == NULL)
        err_set(e, ERR_CLASS_TRANSIENT, "there is no certificate in it");
    return der;
}

bool cert_facts_parse(struct cert_facts *f, const char *data, size_t len, struct err *e)
{
    mbedtls_x509_crt crt;
    size_t der_len;
    uint8_t *der = first_der(data, len, &der_len, e);
    bool ok;

    if (der == NULL)
        return false;
    mbedtls_x509_crt_init(&crt);
    ok = cert_x509_parse(&crt, der, der_len, e) && cert_facts_from_x509(f, &crt, e);
    mbedtls_x509_crt_free(&crt);
    free(der);
    return ok;
}

bool cert_fingerprint(const char *data, size_t len, uint8_t sha256[32], struct err *e)
{
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    size_t der_len;
    uint8_t *der = first_der(data, len, &der_len, e);
    bool ok;

    if (der == NULL)
        return false;
    ok = crypto_hash(MBEDTLS_MD_SHA256, der, der_len, hash);
    free(der);
    if (!ok)
        return err_nomem(e, "fingerprint of a certificate");
    memcpy(sha256, hash, 32);
    return true;
}

/* The DER of the last one; NULL with e. */
static uint8_t *last_der(const char *pem, size_t len, size_t *der_len, struct err *e)
{
    struct pem_reader r;
    uint8_t *last = NULL;
    uint8_t *der;
    size_t n;

    if (len > CERT_PEM_MAX) {
        err_set(e, ERR_CLASS_TRANSIENT, "the chain is larger than %zu KiB", CERT_PEM_MAX / 1024);
        return NULL;
    }
    pem_reader_init(&r, pem, len, false);
    while (pem_next_certificate(&r, &der, &n, e)) {
        if (der == NULL) {
            if (last == NULL)
                err_set(e, ERR_CLASS_TRANSIENT, "there is no certificate in it");
            return last;
        }
        free(last);
        last = der;
        *der_len = n;
    }
    free(last);
    return NULL;
}

char *cert_top_issuer(const char *pem, size_t len, struct err *e)
{
    mbedtls_x509_crt crt;
    size_t der_len;
    uint8_t *der = last_der(pem, len, &der_len, e);
    bool nomem = false;
    char *name = NULL;

    if (der == NULL)
        return NULL;
    mbedtls_x509_crt_init(&crt);
    if (cert_x509_parse(&crt, der, der_len, e)) {
        name = attribute(&crt.issuer, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN), &nomem);
        if (name == NULL && nomem)
            err_nomem(e, "issuer of a chain");
        else if (name == NULL)
            err_set(e, ERR_CLASS_TRANSIENT, "its issuer has no common name");
    }
    mbedtls_x509_crt_free(&crt);
    free(der);
    return name;
}

char *cert_to_b64url(const char *data, size_t len, struct err *e)
{
    size_t der_len;
    uint8_t *der = first_der(data, len, &der_len, e);
    char *text;

    if (der == NULL)
        return NULL;
    text = b64url_encode(der, der_len);
    free(der);
    if (text == NULL)
        err_nomem(e, "certificate");
    return text;
}
