/* SPDX-License-Identifier: MIT */
#include "lib/cert_x509.h"

#include "lib/b64.h"

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX       64 /* bytes of key identifier and serial; RFC 5280 allows a serial 20 */
#define SEQUENCE       (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define KEY_IDENTIFIER (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 0)

/* Extension (RFC 5280 section 4.1): moves *p behind it; its value is what [*value, *value_end) holds. False:
 * not DER. */
static bool next_extension(unsigned char **p, const unsigned char *end, mbedtls_x509_buf *oid,
                           unsigned char **value, const unsigned char **value_end)
{
    unsigned char *at;
    size_t len;
    int critical;

    if (mbedtls_asn1_get_tag(p, end, &len, SEQUENCE) != 0)
        return false;
    at = *p;
    *p += len;
    if (mbedtls_asn1_get_tag(&at, *p, &oid->len, MBEDTLS_ASN1_OID) != 0)
        return false;
    oid->p = at;
    at += oid->len;
    if (at < *p && *at == MBEDTLS_ASN1_BOOLEAN && mbedtls_asn1_get_bool(&at, *p, &critical) != 0)
        return false;
    if (mbedtls_asn1_get_tag(&at, *p, &len, MBEDTLS_ASN1_OCTET_STRING) != 0)
        return false;
    *value = at;
    *value_end = at + len;
    return true;
}

/* The keyIdentifier within the authority key identifier (RFC 5280 section 4.2.1.1). mbed TLS 2.28 does not
 * read this extension. */
static bool key_identifier(const mbedtls_x509_crt *crt, mbedtls_x509_buf *id)
{
    unsigned char *p = crt->v3_ext.p;
    const unsigned char *end;
    const unsigned char *value_end;
    unsigned char *value;
    mbedtls_x509_buf oid;
    size_t len;

    if (p == NULL)
        return false;
    end = p + crt->v3_ext.len;
    if (mbedtls_asn1_get_tag(&p, end, &len, SEQUENCE) != 0)
        return false;
    while (p < end && next_extension(&p, end, &oid, &value, &value_end)) {
        if (oid.len != MBEDTLS_OID_SIZE(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER) ||
            memcmp(oid.p, MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER, oid.len) != 0)
            continue;
        if (mbedtls_asn1_get_tag(&value, value_end, &len, SEQUENCE) != 0 ||
            mbedtls_asn1_get_tag(&value, value_end, &id->len, KEY_IDENTIFIER) != 0)
            return false;
        id->p = value;
        return id->len > 0 && id->len <= PART_MAX;
    }
    return false;
}

bool cert_x509_ari_id(const mbedtls_x509_crt *crt, char **id, struct err *e)
{
    mbedtls_x509_buf issuer;
    char *key;
    char *serial;
    int n = -1;

    *id = NULL;
    if (!key_identifier(crt, &issuer) || crt->serial.len == 0 || crt->serial.len > PART_MAX)
        return true;
    key = b64url_encode(issuer.p, issuer.len);
    serial = b64url_encode(crt->serial.p, crt->serial.len);
    if (key != NULL && serial != NULL)
        n = asprintf(id, "%s.%s", key, serial);
    free(key);
    free(serial);
    if (n >= 0)
        return true;
    *id = NULL;
    return err_nomem(e, "the name of a certificate");
}
