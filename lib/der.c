/* SPDX-License-Identifier: MIT */
#include "lib/der.h"

#include <mbedtls/asn1write.h>

void der_init(struct der *d, uint8_t *start, size_t size)
{
    *d = (struct der){.start = start, .p = start + size};
}

static void note(struct der *d, int rc)
{
    if (rc < 0)
        d->rc = rc;
}

void der_raw(struct der *d, const void *data, size_t len)
{
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_raw_buffer(&d->p, d->start, data, len));
}

void der_int(struct der *d, int value)
{
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_int(&d->p, d->start, value));
}

void der_mpi(struct der *d, const mbedtls_mpi *value)
{
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_mpi(&d->p, d->start, value));
}

void der_bits(struct der *d, const uint8_t *data, size_t len)
{
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_bitstring(&d->p, d->start, data, len * 8));
}

void der_oid(struct der *d, const char *oid, size_t len)
{
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_oid(&d->p, d->start, oid, len));
}

void der_wrap(struct der *d, const unsigned char *end, int tag)
{
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_len(&d->p, d->start, (size_t)(end - d->p)));
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_tag(&d->p, d->start, (unsigned char)tag));
}

void der_algorithm_null(struct der *d, const char *oid, size_t len)
{
    if (d->rc == 0)
        note(d, mbedtls_asn1_write_algorithm_identifier(&d->p, d->start, oid, len, 0));
}
