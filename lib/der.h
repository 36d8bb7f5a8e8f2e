/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DER_H
#define ACMED_DER_H

/* Writes DER (X.690) from its end to its beginning, as mbed TLS does, so that each length is known when it is
 * written. Private to the crypto files of lib/. After a failure the further calls do nothing: rc is looked at
 * once, at the end. */

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>

#include <stddef.h>
#include <stdint.h>

#define DER_SEQUENCE   (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define DER_SET        (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET)
#define DER_CONTEXT(n) (MBEDTLS_ASN1_CONTEXT_SPECIFIC | (n))

struct der {
    unsigned char *start; /* borrowed */
    unsigned char *p;     /* what was written last begins here */
    int rc;               /* 0, or the first mbed TLS error */
};

/* Writes towards start; what is written first ends at start + size. */
void der_init(struct der *d, uint8_t *start, size_t size);

void der_raw(struct der *d, const void *data, size_t len);
void der_int(struct der *d, int value);
void der_mpi(struct der *d, const mbedtls_mpi *value);
void der_bits(struct der *d, const uint8_t *data, size_t len); /* a BIT STRING of whole bytes */
void der_oid(struct der *d, const char *oid, size_t len);

/* Puts tag and length in front of all that was written since d->p was `end`. */
void der_wrap(struct der *d, const unsigned char *end, int tag);

/* AlgorithmIdentifier (RFC 5280 section 4.1.1.2) with the parameter NULL. */
void der_algorithm_null(struct der *d, const char *oid, size_t len);

#endif
