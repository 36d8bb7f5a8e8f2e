/* SPDX-License-Identifier: MIT */
#include "lib/csr.h"

#include "lib/b64.h"
#include "lib/crypto.h"
#include "lib/key_use.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 253
#define NAMES_MAX      1000
#define NAME_OVERHEAD  4 /* tag and length */

/* What follows the signed part, and everything but the names. The outermost header is written where the
 * signed part stood before it moved up, so there is always room for it. */
#define SIGNATURE_BYTES (KEY_SIG_MAX + 64)
#define FIXED_BYTES     (SIGNATURE_BYTES + KEY_SPKI_MAX + 256)

#define SEQUENCE   (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define SET        (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET)
#define CONTEXT(n) (MBEDTLS_ASN1_CONTEXT_SPECIFIC | (n))

/* Header of a value of len bytes that was just written (backwards) behind *p: the sum of both, or an error.
 */
static int wrap(unsigned char **p, unsigned char *start, int len, unsigned char tag)
{
    int ret;

    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, (size_t)len));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_tag(p, start, tag));
    return len;
}

/* The extension subjectAltName (RFC 5280 section 4.2.1.6). Not marked critical: in the certificate that is
 * for the CA to decide, and requests of other ACME clients, which CAs are tried with, do not mark it either.
 */
static int write_san(unsigned char **p, unsigned char *start, const struct strv *names)
{
    int ret;
    int len = 0;

    for (size_t i = names->n; i > 0; i--) {
        const char *name = names->v[i - 1];

        MBEDTLS_ASN1_CHK_ADD(
            len, mbedtls_asn1_write_raw_buffer(p, start, (const unsigned char *)name, strlen(name)));
        MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, strlen(name)));
        MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_tag(p, start, CONTEXT(2)));
    }
    len = wrap(p, start, len, SEQUENCE);
    if (len < 0 || (len = wrap(p, start, len, MBEDTLS_ASN1_OCTET_STRING)) < 0)
        return len;
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_oid(p, start, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME)));
    return wrap(p, start, len, SEQUENCE);
}

/* The attributes: one, the extension request (RFC 2985 section 5.4.2). */
static int write_attributes(unsigned char **p, unsigned char *start, const struct strv *names)
{
    int ret;
    int len = write_san(p, start, names);

    if (len < 0 || (len = wrap(p, start, len, SEQUENCE)) < 0 || (len = wrap(p, start, len, SET)) < 0)
        return len;
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_oid(p, start, MBEDTLS_OID_PKCS9_CSR_EXT_REQ,
                                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS9_CSR_EXT_REQ)));
    len = wrap(p, start, len, SEQUENCE);
    return len < 0 ? len : wrap(p, start, len, CONTEXT(MBEDTLS_ASN1_CONSTRUCTED | 0));
}

/* CertificationRequestInfo (RFC 2986 section 4.1): version 0, empty subject, public key, attributes. */
static int write_info(unsigned char **p, unsigned char *start, const struct strv *names, const uint8_t *spki,
                      size_t spki_len)
{
    int ret;
    int len = 0;

    MBEDTLS_ASN1_CHK_ADD(len, write_attributes(p, start, names));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_raw_buffer(p, start, spki, spki_len));
    MBEDTLS_ASN1_CHK_ADD(len, wrap(p, start, 0, SEQUENCE));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_int(p, start, 0));
    return wrap(p, start, len, SEQUENCE);
}

static int write_sig_algorithm(unsigned char **p, unsigned char *start, enum key_type type)
{
    int ret;
    int len = 0;

    if (type == KEY_TYPE_ECDSA_P256)
        MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_oid(p, start, MBEDTLS_OID_ECDSA_SHA256,
                                                         MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA256)));
    else if (type == KEY_TYPE_ECDSA_P384)
        MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_oid(p, start, MBEDTLS_OID_ECDSA_SHA384,
                                                         MBEDTLS_OID_SIZE(MBEDTLS_OID_ECDSA_SHA384)));
    else
        return mbedtls_asn1_write_algorithm_identifier(p, start, MBEDTLS_OID_PKCS1_SHA256,
                                                       MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS1_SHA256), 0);
    return wrap(p, start, len, SEQUENCE); /* ECDSA has no parameters, not even NULL: RFC 5758 section 3.2 */
}

/* Signs the info, which stands below `end`, and completes the request, which then ends there; its start, or
 * NULL. */
static unsigned char *sign_info(const struct key *k, unsigned char *info, size_t info_len, unsigned char *end,
                                struct err *e)
{
    uint8_t sig[KEY_SIG_MAX];
    unsigned char *p = end;
    size_t sig_len;
    int n;
    int rc;

    if (!key_sign(k, KEY_SIG_X509, info, info_len, sig, &sig_len, e))
        return NULL;
    n = mbedtls_asn1_write_bitstring(&p, info + info_len, sig, sig_len * 8);
    rc = n < 0 ? n : write_sig_algorithm(&p, info + info_len, key_type(k));
    if (rc >= 0) {
        memmove(p - info_len, info, info_len);
        p -= info_len;
        rc = wrap(&p, info, (int)info_len + n + rc, SEQUENCE);
    }
    if (rc < 0)
        crypto_err(e, ERR_CLASS_INTERNAL, rc, "writing a certificate request");
    return rc < 0 ? NULL : p;
}

static bool names_fit(const struct strv *names, struct err *e)
{
    if (names->n == 0 || names->n > NAMES_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "a certificate request needs 1 to %d names, not %zu", NAMES_MAX,
                       names->n);
    for (size_t i = 0; i < names->n; i++) {
        const char *name = names->v[i];
        size_t len = strlen(name);

        if (len == 0 || len > NAME_MAX_BYTES)
            return err_set(e, ERR_CLASS_CONFIG, "the name '%s' does not fit a certificate", name);
        for (size_t c = 0; c < len; c++)
            if (name[c] <= 0x20 || name[c] >= 0x7f)
                return err_set(e, ERR_CLASS_CONFIG,
                               "the name '%s' has characters that a DNS name cannot have", name);
    }
    return true;
}

char *csr_build(const struct key *k, const struct strv *names, struct err *e)
{
    uint8_t spki[KEY_SPKI_MAX];
    size_t spki_len;
    size_t cap = FIXED_BYTES;
    unsigned char *der;
    unsigned char *p;
    char *out = NULL;
    int len;

    if (!names_fit(names, e) || !key_spki(k, spki, &spki_len, e))
        return NULL;
    for (size_t i = 0; i < names->n; i++)
        cap += strlen(names->v[i]) + NAME_OVERHEAD;
    der = malloc(cap);
    if (der == NULL) {
        err_nomem(e, "certificate request");
        return NULL;
    }
    p = der + cap - SIGNATURE_BYTES;
    len = write_info(&p, der, names, spki, spki_len);
    if (len < 0) {
        crypto_err(e, ERR_CLASS_INTERNAL, len, "writing a certificate request");
    } else if ((p = sign_info(k, p, (size_t)len, der + cap, e)) != NULL) {
        out = b64url_encode(p, (size_t)(der + cap - p));
        if (out == NULL)
            err_nomem(e, "certificate request");
    }
    free(der);
    return out;
}
