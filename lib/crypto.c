/* SPDX-License-Identifier: MIT */
#include "lib/crypto.h"

#include "lib/key.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pem.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <mbedtls/x509.h>

#define MBEDTLS_IS_3 (MBEDTLS_VERSION_NUMBER >= 0x03000000)

/* The only state of the crypto files: a process has one set of curve tables. */
static struct {
    crypto_draw *draw; /* NULL: not ready */
    mbedtls_ecp_group p256;
    mbedtls_ecp_group p384;
} crypto;

int crypto_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    return crypto.draw != NULL && crypto.draw(out, len) ? 0 : MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

bool crypto_init(crypto_draw *draw, struct err *e)
{
    unsigned char probe[1];
    int rc;

    if (crypto.draw != NULL)
        return true;
    if (!draw(probe, sizeof probe))
        return err_set(e, ERR_CLASS_INTERNAL,
                       "the system gives no random bytes (getrandom): no key can be made");
    mbedtls_ecp_group_init(&crypto.p256);
    mbedtls_ecp_group_init(&crypto.p384);
    crypto.draw = draw;
    rc = mbedtls_ecp_group_load(&crypto.p256, MBEDTLS_ECP_DP_SECP256R1);
    if (rc == 0)
        rc = mbedtls_ecp_group_load(&crypto.p384, MBEDTLS_ECP_DP_SECP384R1);
    if (rc == 0)
        return true;
    crypto_free();
    return crypto_err(e, ERR_CLASS_INTERNAL, rc, "loading the curves P-256 and P-384");
}

void crypto_free(void)
{
    if (crypto.draw == NULL)
        return;
    mbedtls_ecp_group_free(&crypto.p256);
    mbedtls_ecp_group_free(&crypto.p384);
    crypto.draw = NULL;
}

mbedtls_ecp_group *crypto_group(enum key_type type)
{
    if (crypto.draw == NULL)
        return NULL;
    if (type == KEY_TYPE_ECDSA_P256)
        return &crypto.p256;
    return type == KEY_TYPE_ECDSA_P384 ? &crypto.p384 : NULL;
}

bool crypto_hash(mbedtls_md_type_t md, const void *data, size_t len, uint8_t *out)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md);

    return info != NULL && mbedtls_md(info, data, len, out) == 0;
}

bool crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32])
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

    return info != NULL && mbedtls_md_hmac(info, key, key_len, data, len, out) == 0;
}

int crypto_pk_parse(mbedtls_pk_context *pk, const unsigned char *pem, size_t len)
{
#if MBEDTLS_IS_3
    return mbedtls_pk_parse_key(pk, pem, len, NULL, 0, crypto_random, NULL);
#else
    return mbedtls_pk_parse_key(pk, pem, len, NULL, 0);
#endif
}

static int rsa_sign(mbedtls_pk_context *rsa, mbedtls_md_type_t md, const uint8_t *hash, size_t hash_len,
                    uint8_t *sig)
{
    size_t len;

#if MBEDTLS_IS_3
    return mbedtls_pk_sign(rsa, md, hash, hash_len, sig, mbedtls_pk_get_len(rsa), &len, crypto_random, NULL);
#else
    return mbedtls_pk_sign(rsa, md, hash, hash_len, sig, &len, crypto_random, NULL);
#endif
}

/* The same key without what the library cached in it. */
static int rsa_rebuild(mbedtls_pk_context *pk)
{
    mbedtls_pk_context fresh;
    mbedtls_mpi v[5];
    int rc;

    mbedtls_pk_init(&fresh);
    for (size_t i = 0; i < 5; i++)
        mbedtls_mpi_init(&v[i]);
    rc = mbedtls_pk_setup(&fresh, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
    if (rc == 0)
        rc = mbedtls_rsa_export(mbedtls_pk_rsa(*pk), &v[0], &v[1], &v[2], &v[3], &v[4]);
    if (rc == 0)
        rc = mbedtls_rsa_import(mbedtls_pk_rsa(fresh), &v[0], &v[1], &v[2], &v[3], &v[4]);
    if (rc == 0)
        rc = mbedtls_rsa_complete(mbedtls_pk_rsa(fresh));
    for (size_t i = 0; i < 5; i++)
        mbedtls_mpi_free(&v[i]);
    if (rc != 0) {
        mbedtls_pk_free(&fresh);
        return rc;
    }
    mbedtls_pk_free(pk);
    *pk = fresh;
    return 0;
}

/* Where memory runs out while the library fills a key's caches, they stay half filled, and the key would
 * never sign again: hence the second attempt. */
int crypto_rsa_sign(mbedtls_pk_context *rsa, mbedtls_md_type_t md, const uint8_t *hash, size_t hash_len,
                    uint8_t *sig)
{
    int rc = rsa_sign(rsa, md, hash, hash_len, sig);

    if (rc != 0 && rsa_rebuild(rsa) == 0)
        rc = rsa_sign(rsa, md, hash, hash_len, sig);
    return rc;
}

mbedtls_ecp_group_id crypto_ec_group_id(const mbedtls_ecp_keypair *ec)
{
#if MBEDTLS_IS_3
    return mbedtls_ecp_keypair_get_group_id(ec);
#else
    return ec->grp.id;
#endif
}

int crypto_ec_export(const mbedtls_ecp_keypair *ec, mbedtls_mpi *d, mbedtls_ecp_point *q)
{
    int rc;

#if MBEDTLS_IS_3
    mbedtls_ecp_group group;

    mbedtls_ecp_group_init(&group);
    rc = mbedtls_ecp_export(ec, &group, d, q);
    mbedtls_ecp_group_free(&group);
#else
    rc = mbedtls_mpi_copy(d, &ec->d);
    if (rc == 0)
        rc = mbedtls_ecp_copy(q, &ec->Q);
#endif
    return rc;
}

static bool ec_type(mbedtls_ecp_group_id id, enum key_type *type)
{
    if (id != MBEDTLS_ECP_DP_SECP256R1 && id != MBEDTLS_ECP_DP_SECP384R1)
        return false;
    *type = id == MBEDTLS_ECP_DP_SECP256R1 ? KEY_TYPE_ECDSA_P256 : KEY_TYPE_ECDSA_P384;
    return true;
}

bool crypto_pk_type(const mbedtls_pk_context *pk, enum key_type *type)
{
    if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_ECKEY)
        return ec_type(crypto_ec_group_id(mbedtls_pk_ec(*pk)), type);
    if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_RSA)
        return false;
    switch (mbedtls_pk_get_bitlen(pk)) {
    case 2048:
        *type = KEY_TYPE_RSA_2048;
        return true;
    case 3072:
        *type = KEY_TYPE_RSA_3072;
        return true;
    case 4096:
        *type = KEY_TYPE_RSA_4096;
        return true;
    default:
        return false;
    }
}

bool crypto_crt_is_ca(const mbedtls_x509_crt *crt)
{
#if MBEDTLS_IS_3
    return mbedtls_x509_crt_get_ca_istrue(crt) == 1;
#else
    return crt->ca_istrue == 1;
#endif
}

/* A library error is the sum of a high-level and a low-level code; either may say that memory is out. */
static bool is_nomem(int code)
{
    static const int high[] = {MBEDTLS_ERR_PK_ALLOC_FAILED, MBEDTLS_ERR_X509_ALLOC_FAILED,
                               MBEDTLS_ERR_PEM_ALLOC_FAILED, MBEDTLS_ERR_ECP_ALLOC_FAILED,
                               MBEDTLS_ERR_MD_ALLOC_FAILED};
    int low = -(-code & 0x7f);

    for (size_t i = 0; i < sizeof high / sizeof high[0]; i++)
        if (-(-code & 0xff80) == high[i])
            return true;
    return low == MBEDTLS_ERR_MPI_ALLOC_FAILED || low == MBEDTLS_ERR_ASN1_ALLOC_FAILED;
}

void crypto_tls_1_2_only(mbedtls_ssl_config *config)
{
#if MBEDTLS_IS_3
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

bool crypto_err(struct err *e, enum err_class class, int code, const char *what)
{
    if (is_nomem(code))
        return err_nomem(e, what);
    return err_set(e, class, "%s: mbed TLS error -0x%04x", what, (unsigned)-code);
}
