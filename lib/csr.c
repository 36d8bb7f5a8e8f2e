/* SPDX-License-Identifier: MIT */
#include "lib/csr.h"

#include "lib/b64.h"
#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/ident.h"
#include "lib/key_use.h"
#include "lib/x509_write.h"

#include <mbedtls/oid.h>

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX     1000
#define NAME_OVERHEAD 4                                  /* tag and length */
#define FIXED_BYTES   (KEY_SIG_MAX + KEY_SPKI_MAX + 256) /* everything but the names */

/* CertificationRequestInfo (RFC 2986 section 4.1): version 0, empty subject, public key, and one attribute,
 * the extension request (RFC 2985 section 5.4.2). */
static void write_info(struct der *d, const struct strv *names, const uint8_t *spki, size_t spki_len)
{
    const unsigned char *end = d->p;

    x509_write_san(d, names);
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
    if (!x509_write_signed(&request, info.p, (size_t)(der + half - info.p), k,
                           "writing a certificate request", e))
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
