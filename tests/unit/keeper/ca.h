/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_KEEPER_CA_H
#define ACMED_TEST_KEEPER_CA_H

/* A certification authority of two levels that certifies whatever request it is given. */

#include "tests/unit/test.h"

#include "daemon/random.h"
#include "lib/buf.h"
#include "lib/key.h"
#include "lib/strv.h"

#include <mbedtls/version.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static mbedtls_entropy_context ca_entropy;
static mbedtls_ctr_drbg_context ca_random;
static mbedtls_pk_context ca_key;
static char ca_pem[4096]; /* the intermediate certificate, self-signed: nobody looks further up */

static inline void ca_date(char out[16], int64_t at)
{
    time_t t = (time_t)at;
    struct tm tm;

    assert_non_null(gmtime_r(&t, &tm));
    assert_true(strftime(out, 16, "%Y%m%d%H%M%S", &tm) == 14);
}

static inline void ca_subject_names(mbedtls_x509write_cert *w, const struct strv *names)
{
    unsigned char der[8192];
    unsigned char *p = der + sizeof der;
    int len = 0;

    for (size_t i = names->n; i-- > 0;) {
        int n =
            mbedtls_asn1_write_raw_buffer(&p, der, (const unsigned char *)names->v[i], strlen(names->v[i]));

        len += n;
        len += mbedtls_asn1_write_len(&p, der, (size_t)n);
        len += mbedtls_asn1_write_tag(&p, der, MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2);
    }
    len += mbedtls_asn1_write_len(&p, der, (size_t)len);
    len += mbedtls_asn1_write_tag(&p, der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    assert_int_equal(mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                                         MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 1, p,
                                                         (size_t)len),
                     0);
}

/* names: NULL for the authority's own. */
static inline void ca_write(char *pem, size_t size, mbedtls_pk_context *subject, const struct strv *names,
                            int64_t not_before, int64_t not_after)
{
    static unsigned serial_number = 1;
    mbedtls_x509write_cert w;
    mbedtls_mpi serial;
    char from[16];
    char to[16];

    mbedtls_x509write_crt_init(&w);
    mbedtls_mpi_init(&serial);
    ca_date(from, not_before);
    ca_date(to, not_after);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&w, subject);
    mbedtls_x509write_crt_set_issuer_key(&w, &ca_key);
    assert_int_equal(mbedtls_mpi_lset(&serial, (mbedtls_mpi_sint)(0x1000 + serial_number++)), 0);
#if MBEDTLS_VERSION_MAJOR >= 3
    unsigned char raw[2];

    assert_int_equal(mbedtls_mpi_write_binary(&serial, raw, sizeof raw), 0);
    assert_int_equal(mbedtls_x509write_crt_set_serial_raw(&w, raw, sizeof raw), 0);
#else
    assert_int_equal(mbedtls_x509write_crt_set_serial(&w, &serial), 0);
#endif
    assert_int_equal(mbedtls_x509write_crt_set_validity(&w, from, to), 0);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&w, "CN=Test CA"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&w, names == NULL ? "CN=Test CA" : "CN=leaf"), 0);
    assert_int_equal(mbedtls_x509write_crt_set_basic_constraints(&w, names == NULL, -1), 0);
    assert_int_equal(mbedtls_x509write_crt_set_authority_key_identifier(&w), 0);
    if (names != NULL)
        ca_subject_names(&w, names);
    assert_int_equal(
        mbedtls_x509write_crt_pem(&w, (unsigned char *)pem, size, mbedtls_ctr_drbg_random, &ca_random), 0);
    mbedtls_mpi_free(&serial);
    mbedtls_x509write_crt_free(&w);
}

static inline void ca_start(void)
{
    int64_t now = (int64_t)time(NULL);

    mbedtls_entropy_init(&ca_entropy);
    mbedtls_ctr_drbg_init(&ca_random);
    mbedtls_pk_init(&ca_key);
    assert_int_equal(mbedtls_ctr_drbg_seed(&ca_random, mbedtls_entropy_func, &ca_entropy, NULL, 0), 0);
    assert_int_equal(mbedtls_pk_setup(&ca_key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
    assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(ca_key),
                                         mbedtls_ctr_drbg_random, &ca_random),
                     0);
    ca_write(ca_pem, sizeof ca_pem, &ca_key, NULL, now - 86400, now + 10 * 365 * 86400LL);
}

static inline void ca_stop(void)
{
    mbedtls_pk_free(&ca_key);
    mbedtls_ctr_drbg_free(&ca_random);
    mbedtls_entropy_free(&ca_entropy);
}

/* For a group of tests that do cryptography themselves, too. */
static inline int ca_setup(void **state)
{
    struct err e;

    (void)state;
    if (!crypto_init(random_bytes, &e))
        return -1;
    ca_start();
    return 0;
}

static inline int ca_teardown(void **state)
{
    (void)state;
    ca_stop();
    crypto_free();
    return 0;
}

/* What base64url text says; the length. */
static inline size_t ca_decode(const char *s, size_t len, unsigned char *out, size_t max)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned value = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        const char *at = strchr(alphabet, s[i]);

        assert_non_null(at);
        value = value << 6 | (unsigned)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            assert_true(n < max);
            out[n++] = (unsigned char)(value >> bits);
        }
    }
    return n;
}

/* The public key of a request (RFC 2986). By hand: mbed TLS 2.28 reads none whose subject is empty. */
static inline void ca_public_key(unsigned char *der, size_t len, mbedtls_pk_context *key)
{
    const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
    unsigned char *p = der;
    const unsigned char *end = der + len;
    int version;
    size_t n;

    assert_int_equal(mbedtls_asn1_get_tag(&p, end, &n, sequence), 0);
    assert_int_equal(mbedtls_asn1_get_tag(&p, end, &n, sequence), 0);
    assert_int_equal(mbedtls_asn1_get_int(&p, end, &version), 0);
    assert_int_equal(mbedtls_asn1_get_tag(&p, end, &n, sequence), 0);
    p += n;
    mbedtls_pk_init(key);
    assert_int_equal(mbedtls_pk_parse_subpubkey(&p, end, key), 0);
}

/* The chain for a request (base64url, as finalize carries it) and these blank-separated names; the caller
 * frees. */
static inline char *ca_certify(const char *csr, const char *names, int64_t not_before, int64_t not_after)
{
    unsigned char der[8192];
    size_t len = ca_decode(csr, strlen(csr), der, sizeof der);
    char *chain = calloc(1, 32768);
    struct strv list = {0};
    mbedtls_pk_context key;

    assert_non_null(chain);
    ca_public_key(der, len, &key);
    while (*names != '\0') {
        size_t n = strcspn(names, " ");

        assert_true(strv_addn(&list, names, n));
        names += n + (names[n] == ' ');
    }
    ca_write(chain, 16384, &key, &list, not_before, not_after);
    strcat(chain, ca_pem);
    strv_clear(&list);
    mbedtls_pk_free(&key);
    return chain;
}

#endif
