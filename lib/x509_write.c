/* SPDX-License-Identifier: MIT */
#include "lib/x509_write.h"

#include "lib/crypto.h"
#include "lib/ident.h"
#include "lib/key_use.h"

#include <mbedtls/oid.h>

#include <string.h>

#define SAN_DNS 2 /* GeneralName: dNSName */
#define SAN_IP  7 /* iPAddress: its bytes in network order */

/* The extension subjectAltName (RFC 5280 section 4.2.1.6). Not marked critical: in the certificate that is
 * for the CA to decide, and requests of other ACME clients, which CAs are tried with, do not mark it either.
 */
void x509_write_san(struct der *d, const struct strv *names)
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

void x509_write_sig_algorithm(struct der *d, enum key_type type)
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

bool x509_write_signed(struct der *d, const uint8_t *body, size_t len, const struct key *k, const char *what,
                       struct err *e)
{
    const unsigned char *end = d->p;
    uint8_t sig[KEY_SIG_MAX];
    size_t sig_len;

    if (!key_sign(k, KEY_SIG_X509, body, len, sig, &sig_len, e))
        return false;
    der_bits(d, sig, sig_len);
    x509_write_sig_algorithm(d, key_type(k));
    der_raw(d, body, len);
    der_wrap(d, end, DER_SEQUENCE);
    return d->rc == 0 ? true : crypto_err(e, ERR_CLASS_INTERNAL, d->rc, what);
}
