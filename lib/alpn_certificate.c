/* SPDX-License-Identifier: MIT */
#include "lib/alpn_certificate.h"

#include "lib/alpn_certificate_use.h"
#include "lib/crypto.h"
#include "lib/ident.h"
#include "lib/key_use.h"
#include "lib/x509_write.h"

#include <mbedtls/oid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY             86400
#define DER_MAX         2048
#define SERIAL_BYTES    16
#define DATE_LENGTH     15                                 /* YYYYMMDDHHMMSSZ */
#define OID_ACME        "\x2b\x06\x01\x05\x05\x07\x01\x1f" /* id-pe-acmeIdentifier, RFC 8737 section 6.1 */
#define COMMON_NAME     "ACME challenge"
#define VERSION_3       2
#define CONTEXT_VERSION (MBEDTLS_ASN1_CONSTRUCTED | 0)
#define CONTEXT_EXTS    (MBEDTLS_ASN1_CONSTRUCTED | 3)

/* One attribute, the common name, for subject and issuer. */
static void write_name(struct der *d)
{
    const unsigned char *end = d->p;

    der_raw(d, COMMON_NAME, strlen(COMMON_NAME));
    der_wrap(d, end, MBEDTLS_ASN1_UTF8_STRING);
    der_oid(d, MBEDTLS_OID_AT_CN, MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN));
    der_wrap(d, end, DER_SEQUENCE);
    der_wrap(d, end, DER_SET);
    der_wrap(d, end, DER_SEQUENCE);
}

/* RFC 5280 section 4.1.2.5 wants UTCTime before 2050. */
static void write_date(struct der *d, int64_t at)
{
    const unsigned char *end = d->p;
    time_t seconds = (time_t)at;
    char text[DATE_LENGTH + 1];
    struct tm tm;
    bool utc;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm) != DATE_LENGTH) {
        d->rc = d->rc != 0 ? d->rc : MBEDTLS_ERR_X509_INVALID_DATE;
        return;
    }
    utc = strcmp(text, "1950") >= 0 && strcmp(text, "2050") < 0;
    der_raw(d, utc ? text + 2 : text, utc ? DATE_LENGTH - 2 : DATE_LENGTH);
    der_wrap(d, end, utc ? MBEDTLS_ASN1_UTC_TIME : MBEDTLS_ASN1_GENERALIZED_TIME);
}

static void write_validity(struct der *d, int64_t now)
{
    const unsigned char *end = d->p;

    write_date(d, now + (int64_t)7 * DAY);
    write_date(d, now - DAY);
    der_wrap(d, end, DER_SEQUENCE);
}

/* The digest in an OCTET STRING, within that of the extension; critical. */
static void write_acme_identifier(struct der *d, const uint8_t *digest)
{
    static const uint8_t critical = 0xff;
    const unsigned char *end = d->p;
    const unsigned char *boolean;

    der_raw(d, digest, KEY_AUTHORIZATION_DIGEST);
    der_wrap(d, end, MBEDTLS_ASN1_OCTET_STRING);
    der_wrap(d, end, MBEDTLS_ASN1_OCTET_STRING);
    boolean = d->p;
    der_raw(d, &critical, 1);
    der_wrap(d, boolean, MBEDTLS_ASN1_BOOLEAN);
    der_oid(d, OID_ACME, sizeof OID_ACME - 1);
    der_wrap(d, end, DER_SEQUENCE);
}

/* TBSCertificate (RFC 5280 section 4.1.2). */
static void write_body(struct der *d, const char *identifier, const uint8_t *digest, int64_t now,
                       const uint8_t *spki, size_t spki_len, uint8_t serial[SERIAL_BYTES])
{
    char *names[] = {(char *)identifier};
    const struct strv list = {names, 1};
    const unsigned char *end = d->p;
    const unsigned char *part;

    write_acme_identifier(d, digest);
    x509_write_san(d, &list);
    der_wrap(d, end, DER_SEQUENCE);
    der_wrap(d, end, DER_CONTEXT(CONTEXT_EXTS));
    der_raw(d, spki, spki_len);
    write_name(d);
    write_validity(d, now);
    write_name(d);
    x509_write_sig_algorithm(d, KEY_TYPE_ECDSA_P256);
    part = d->p;
    der_raw(d, serial, SERIAL_BYTES);
    der_wrap(d, part, MBEDTLS_ASN1_INTEGER);
    part = d->p;
    der_int(d, VERSION_3);
    der_wrap(d, part, DER_CONTEXT(CONTEXT_VERSION));
    der_wrap(d, end, DER_SEQUENCE);
}

/* mbed TLS does not know the extension, and refuses what is critical and unknown. */
static int is_acme_identifier(void *unused, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid,
                              int critical, const unsigned char *p, const unsigned char *end)
{
    (void)unused;
    (void)crt;
    (void)critical;
    (void)p;
    (void)end;
    return oid->len == sizeof OID_ACME - 1 && memcmp(oid->p, OID_ACME, oid->len) == 0 ? 0 : -1;
}

static bool write(struct alpn_certificate *c, const struct key *k, const char *identifier,
                  const uint8_t *digest, int64_t now, struct err *e)
{
    uint8_t serial[SERIAL_BYTES];
    uint8_t spki[KEY_SPKI_MAX];
    uint8_t body[DER_MAX];
    uint8_t whole[DER_MAX];
    struct der inner;
    struct der outer;
    size_t spki_len;
    int rc;

    if (!key_spki(k, spki, &spki_len, e))
        return false;
    rc = crypto_random(NULL, serial, sizeof serial);
    if (rc != 0)
        return crypto_err(e, ERR_CLASS_INTERNAL, rc, "random bytes");
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and of full length */
    der_init(&inner, body, sizeof body);
    write_body(&inner, identifier, digest, now, spki, spki_len, serial);
    if (inner.rc != 0)
        return crypto_err(e, ERR_CLASS_INTERNAL, inner.rc, "writing a challenge certificate");
    der_init(&outer, whole, sizeof whole);
    if (!x509_write_signed(&outer, inner.p, (size_t)(body + sizeof body - inner.p), k,
                           "writing a challenge certificate", e))
        return false;
    rc = mbedtls_x509_crt_parse_der_with_ext_cb(&c->crt, outer.p, (size_t)(whole + sizeof whole - outer.p), 1,
                                                is_acme_identifier, NULL);
    return rc == 0 ? true : crypto_err(e, ERR_CLASS_INTERNAL, rc, "reading a challenge certificate");
}

/* The key in the form that mbed TLS's handshake takes. */
static bool take_key(struct alpn_certificate *c, const struct key *k, struct err *e)
{
    struct buf pem;
    bool ok;
    int rc;

    buf_init_secret(&pem, DER_MAX);
    ok = key_to_pem(k, &pem, e);
    if (ok) {
        rc = crypto_pk_parse(&c->key, (const unsigned char *)pem.data, pem.len + 1);
        ok = rc == 0 ? true : crypto_err(e, ERR_CLASS_INTERNAL, rc, "a challenge's key");
    }
    buf_clear(&pem);
    return ok;
}

struct alpn_certificate *alpn_certificate_new(const char *identifier,
                                              const uint8_t digest[KEY_AUTHORIZATION_DIGEST], int64_t now,
                                              struct err *e)
{
    struct alpn_certificate *c = calloc(1, sizeof *c);
    struct key *k;
    bool ok;

    if (c == NULL) {
        err_nomem(e, "a challenge certificate");
        return NULL;
    }
    c->holders = 1;
    mbedtls_x509_crt_init(&c->crt);
    mbedtls_pk_init(&c->key);
    k = key_generate(KEY_TYPE_ECDSA_P256, e);
    ok = k != NULL && write(c, k, identifier, digest, now, e) && take_key(c, k, e);
    key_free(k);
    if (!ok) {
        alpn_certificate_free(c);
        return NULL;
    }
    return c;
}

struct alpn_certificate *alpn_certificate_hold(struct alpn_certificate *c)
{
    c->holders++;
    return c;
}

void alpn_certificate_free(struct alpn_certificate *c)
{
    if (c == NULL || --c->holders > 0)
        return;
    mbedtls_x509_crt_free(&c->crt);
    mbedtls_pk_free(&c->key);
    free(c);
}

const uint8_t *alpn_certificate_der(const struct alpn_certificate *c, size_t *len)
{
    *len = c->crt.raw.len;
    return c->crt.raw.p;
}

void alpn_server_name(const char *identifier, char out[ALPN_SERVER_NAME_MAX + 1])
{
    uint8_t address[16];
    size_t n = ident_address_bytes(identifier, address);
    char *p = out;

    if (n == 0) {
        (void)snprintf(out, ALPN_SERVER_NAME_MAX + 1, "%s", identifier);
        return;
    }
    for (size_t i = n; i > 0; i--) {
        if (n == 4)
            p += sprintf(p, "%u.", (unsigned)address[i - 1]);
        else
            p += sprintf(p, "%x.%x.", (unsigned)address[i - 1] & 15U, (unsigned)address[i - 1] >> 4);
    }
    (void)sprintf(p, "%s", n == 4 ? "in-addr.arpa" : "ip6.arpa");
}
