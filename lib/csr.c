/* SPDX-License-Identifier: MIT */
#include "lib/csr.h"

#include "lib/b64.h"
#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/ident.h"
#include "lib/key_use.h"

#include <mbedtls/oid.h>

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX     1000
#define NAME_OVERHEAD 4                                  /* tag and length */
#define FIXED_BYTES   (KEY_SIG_MAX + KEY_SPKI_MAX + 256) /* everything but the names */
#define SAN_DNS       2                                  /* GeneralName: dNSName */
#define SAN_IP        7                                  /* iPAddress: its bytes in network order */

/* The extension subjectAltName (RFC 5280 section 4.2.1.6). Not marked critical: in the certificate that is
 * for the CA to decide, and requests of other ACME clients, which CAs are tried with, do not mark it either.
 */
static void write_san(struct der *d, const struct strv *names)
{
    const unsigned char *end = d->p;

    for (size_t i = names->n; i > 0; i--) {
        const unsigned char *name_end = d->p;
        const char *name = names->v[i - 1];
        uint8_t address[16];
        size_t n = ident_address_bytes(name, address);

        der_raw(d, n > 0 ? (const char *)address : name, n > 0 ? n : strlen(name));
        der_wrap(d, name_end, DER_CONTEXT(n > 0 ? SAN_IP : SAN_DNS));
    }
    der_wrap(d, end, DER_SEQUENCE);
    der_wrap(d, end, MBEDTLS_ASN1_OCTET_STRING);
    der_oid(d, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME));
    der_wrap(d, end, DER_SEQUENCE);
}

/* CertificationRequestInfo (RFC 2986 section 4.1): version 0, empty subject, public key, and one attribute,
 * the extension request (RFC 2985 section 5.4.2). */
static void write_info(struct der *d, const struct strv *names, const uint8_t *spki, size_t spki_len)
{
    const unsigned char *end = d->p;

    write_san(d, names);
    der_wrap(d, end, DER_SEQUENCE);
    der_wrap(d, end, DER_SET);
    der_oid(d, MBEDTLS_OID_PKCS9_CSR_EXT_REQ, MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS9_CSR_EXT_REQ));
    der_wrap(d, end, DER_SEQUENCE);
    der_wrap(d, end, DER_CONTEXT(MBEDTLS_ASN1_CONSTRUCTED));
    der_raw(d, spki, spki_len);
    der_wrap(d, d->p, DER_SEQUENCE);
    der_int(d, 0);
    der_wrap(d, end, DER_SEQUENCE);
}

static void write_sig_algorithm(struct der *d, enum key_type type)
{
    const unsigned char *end = d->p;

    if (type == KEY_TYPE_ECDSA_P256) {
        der_oid(d, MBEDTLS_OID_ECDSA_SHA256, MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256));
    } else if (type == KEY_TYPE_ECDSA_P384) {
        der_oid(d, MBEDTLS_OID_ECDSA_SHA384, MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA384));
    } else {
        der_algorithm_null(d, MBEDTLS_OID_PKCS1_SHA256, MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS1_SHA256));
        return;
    }
    der_wrap(d, end, DER_SEQUENCE); /* ECDSA has no parameter, not even NULL: RFC 5758 section 3.2 */
}

/* Writes the request for the info, which stands somewhere else; false with e set. */
static bool write_request(struct der *d, const uint8_t *info, size_t info_len, const struct key *k,
                          struct err *e)
{
    const unsigned char *end = d->p;
    uint8_t sig[KEY_SIG_MAX];
    size_t sig_len;

    if (!key_sign(k, KEY_SIG_X509, info, info_len, sig, &sig_len, e))
        return false;
    der_bits(d, sig, sig_len);
    write_sig_algorithm(d, key_type(k));
    der_raw(d, info, info_len);
    der_wrap(d, end, DER_SEQUENCE);
    return d->rc == 0 ? true : crypto_err(e, ERR_CLASS_INTERNAL, d->rc, "writing a certificate request");
}

static bool names_fit(const struct strv *names, struct err *e)
{
    if (names->n == 0 || names->n > NAMES_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "a certificate request needs 1 to %d names, not %zu", NAMES_MAX,
                       names->n);
    for (size_t i = 0; i < names->n; i++) {
        const char *name = names->v[i];
        size_t len = strlen(name);

        if (len == 0 || len > IDENT_MAX)
            return err_set(e, ERR_CLASS_CONFIG, "the name '%s' does not fit a certificate", name);
        for (size_t c = 0; c < len; c++)
            if (name[c] <= 0x20 || name[c] >= 0x7f)
                return err_set(e, ERR_CLASS_CONFIG,
                               "the name '%s' has characters that a DNS name cannot have", name);
    }
    return true;
}

/* der: memory of 2 * half bytes. The info is written into its first half, the whole request into the second.
 */
static char *build(const struct key *k, const struct strv *names, uint8_t *der, size_t half, struct err *e)
{
    uint8_t spki[KEY_SPKI_MAX];
    size_t spki_len;
    struct der info;
    struct der request;
    char *out;

    if (!key_spki(k, spki, &spki_len, e))
        return NULL;
    der_init(&info, der, half);
    write_info(&info, names, spki, spki_len);
    if (info.rc != 0) {
        crypto_err(e, ERR_CLASS_INTERNAL, info.rc, "writing a certificate request");
        return NULL;
    }
    der_init(&request, der + half, half);
    if (!write_request(&request, info.p, (size_t)(der + half - info.p), k, e))
        return NULL;
    out = b64url_encode(request.p, (size_t)(der + 2 * half - request.p));
    if (out == NULL)
        err_nomem(e, "certificate request");
    return out;
}

char *csr_build(const struct key *k, const struct strv *names, struct err *e)
{
    size_t half = FIXED_BYTES;
    uint8_t *der;
    char *out;

    if (!names_fit(names, e))
        return NULL;
    for (size_t i = 0; i < names->n; i++)
        half += strlen(names->v[i]) + NAME_OVERHEAD;
    der = malloc(2 * half);
    if (der == NULL) {
        err_nomem(e, "certificate request");
        return NULL;
    }
    out = build(k, names, der, half, e);
    free(der);
    return out;
}
