/* SPDX-License-Identifier: MIT */
#include "lib/key.h"

#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/key_use.h"
#include "lib/pem.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>

#include <stdlib.h>
#include <string.h>

#define PEM_MAX      ((size_t)32 * 1024) /* of a file with one key */
#define DER_MAX      4096                /* of RSA-4096 in PKCS#8: about 2,400 */
#define EC_BYTES_MAX 48
#define RSA_EXPONENT 65537

struct key {
    enum key_type type;
    mbedtls_mpi d; /* ECDSA: the private and the public half; the curve is the process's, crypto_group() */
    mbedtls_ecp_point q;
    mbedtls_pk_context *rsa; /* RSA: both halves; owned; else NULL */
};

struct rsa_size {
    enum key_type type;
    unsigned bits;
};

static const struct rsa_size rsa_sizes[] = {
    {KEY_TYPE_RSA_2048, 2048}, {KEY_TYPE_RSA_3072, 3072}, {KEY_TYPE_RSA_4096, 4096}};

static size_t ec_bytes(enum key_type type)
{
    return type == KEY_TYPE_ECDSA_P384 ? 48 : 32;
}

static bool is_rsa(enum key_type type)
{
    return type != KEY_TYPE_ECDSA_P256 && type != KEY_TYPE_ECDSA_P384;
}

static struct key *key_new(struct err *e)
{
    struct key *k = calloc(1, sizeof *k);

    if (k == NULL) {
        err_nomem(e, "key");
        return NULL;
    }
    mbedtls_mpi_init(&k->d);
    mbedtls_ecp_point_init(&k->q);
    return k;
}

void key_free(struct key *k)
{
    if (k == NULL)
        return;
    mbedtls_mpi_free(&k->d);
    mbedtls_ecp_point_free(&k->q);
    if (k->rsa != NULL)
        mbedtls_pk_free(k->rsa);
    free(k->rsa);
    free(k);
}

enum key_type key_type(const struct key *k)
{
    return k->type;
}

static mbedtls_pk_context *pk_new(void)
{
    mbedtls_pk_context *pk = malloc(sizeof *pk);

    if (pk != NULL)
        mbedtls_pk_init(pk);
    return pk;
}

static int generate_rsa(struct key *k)
{
    int rc;

    k->rsa = pk_new();
    if (k->rsa == NULL)
        return MBEDTLS_ERR_PK_ALLOC_FAILED;
    rc = mbedtls_pk_setup(k->rsa, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA));
    for (size_t i = 0; rc == 0 && i < sizeof rsa_sizes / sizeof rsa_sizes[0]; i++)
        if (rsa_sizes[i].type == k->type)
            rc = mbedtls_rsa_gen_key(mbedtls_pk_rsa(*k->rsa), crypto_random, NULL, rsa_sizes[i].bits,
                                     RSA_EXPONENT);
    return rc;
}

struct key *key_generate(enum key_type type, struct err *e)
{
    struct key *k = key_new(e);
    mbedtls_ecp_group *group = crypto_group(type);
    int rc;

    if (k == NULL)
        return NULL;
    k->type = type;
    if (is_rsa(type))
        rc = generate_rsa(k);
    else if (group != NULL)
        rc = mbedtls_ecp_gen_keypair(group, &k->d, &k->q, crypto_random, NULL);
    else
        rc = MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    if (rc == 0)
        return k;
    crypto_err(e, ERR_CLASS_INTERNAL, rc, "making a key");
    key_free(k);
    return NULL;
}

/* A file damaged on disk can parse and still hold halves that do not belong together: signatures made with
 * it would be refused by the CA for ever after. */
static int check_pair(const struct key *k)
{
    mbedtls_ecp_group *group = crypto_group(k->type);
    mbedtls_ecp_point q;
    int rc;

    if (k->rsa != NULL)
        return mbedtls_rsa_check_privkey(mbedtls_pk_rsa(*k->rsa));
    if (group == NULL)
        return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    mbedtls_ecp_point_init(&q);
    rc = mbedtls_ecp_mul(group, &q, &k->d, &group->G, crypto_random, NULL);
    if (rc == 0)
        rc = mbedtls_ecp_point_cmp(&q, &k->q);
    mbedtls_ecp_point_free(&q);
    return rc;
}

/* Takes what the library parsed into a key of ours; pk is used up. */
static struct key *key_from_pk_take(mbedtls_pk_context *pk, struct err *e)
{
    struct key *k = key_new(e);
    int rc = 0;

    if (k != NULL && !crypto_pk_type(pk, &k->type)) {
        err_set(e, ERR_CLASS_CONFIG,
                "the key is none of the types ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 and rsa-4096");
    } else if (k != NULL) {
        if (is_rsa(k->type)) {
            k->rsa = pk;
            pk = NULL;
        } else {
            rc = crypto_ec_export(mbedtls_pk_ec(*pk), &k->d, &k->q);
        }
        if (rc == 0)
            rc = check_pair(k);
        if (rc == 0) {
            if (pk != NULL)
                mbedtls_pk_free(pk);
            free(pk);
            return k;
        }
        crypto_err(e, ERR_CLASS_CONFIG, rc, "the key is damaged: its two halves do not belong together");
    }
    key_free(k);
    if (pk != NULL)
        mbedtls_pk_free(pk);
    free(pk);
    return NULL;
}

struct key *key_from_pem(const char *pem, size_t len, struct err *e)
{
    mbedtls_pk_context *pk;
    unsigned char *text;
    int rc;

    if (len > PEM_MAX || memchr(pem, '\0', len) != NULL || memmem(pem, len, "-----BEGIN ", 11) == NULL) {
        err_set(e, ERR_CLASS_CONFIG, "not a private key in PEM form");
        return NULL;
    }
    pk = pk_new();
    text = malloc(len + 1);
    if (pk == NULL || text == NULL) {
        free(pk);
        free(text);
        err_nomem(e, "key");
        return NULL;
    }
    memcpy(text, pem, len);
    text[len] = '\0';
    rc = crypto_pk_parse(pk, text, len + 1);
    buf_wipe(text, len);
    free(text);
    if (rc == 0)
        return key_from_pk_take(pk, e);
    mbedtls_pk_free(pk);
    free(pk);
    if (rc == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
        err_set(e, ERR_CLASS_CONFIG, "the key is encrypted with a passphrase, which nobody is there to type");
    else
        crypto_err(e, ERR_CLASS_CONFIG, rc, "not a usable private key in PEM form");
    return NULL;
}

/* AlgorithmIdentifier of an ECDSA key: the curve is its parameter (RFC 5480 section 2.1.1). */
static void write_ec_algorithm(struct der *d, enum key_type type)
{
    const unsigned char *end = d->p;

    if (type == KEY_TYPE_ECDSA_P384)
        der_oid(d, MBEDTLS_OID_EC_GRP_SECP384R1, MBEDTLS_OID_SIZE(MBEDTLS_OID_EC_GRP_SECP384R1));
    else
        der_oid(d, MBEDTLS_OID_EC_GRP_SECP256R1, MBEDTLS_OID_SIZE(MBEDTLS_OID_EC_GRP_SECP256R1));
    der_oid(d, MBEDTLS_OID_EC_ALG_UNRESTRICTED, MBEDTLS_OID_SIZE(MBEDTLS_OID_EC_ALG_UNRESTRICTED));
    der_wrap(d, end, DER_SEQUENCE);
}

static void write_ec_point(struct der *d, const struct key *k)
{
    unsigned char point[1 + 2 * EC_BYTES_MAX];
    size_t n;

    if (d->rc == 0)
        d->rc = mbedtls_ecp_point_write_binary(crypto_group(k->type), &k->q, MBEDTLS_ECP_PF_UNCOMPRESSED, &n,
                                               point, sizeof point);
    if (d->rc == 0)
        der_bits(d, point, n);
}

/* RFC 5915, without the curve: in PKCS#8 that is the algorithm's parameter. */
static void write_ec_private(struct der *d, const struct key *k)
{
    const unsigned char *end = d->p;
    unsigned char secret[EC_BYTES_MAX];
    size_t n = ec_bytes(k->type);

    write_ec_point(d, k);
    der_wrap(d, end, DER_CONTEXT(MBEDTLS_ASN1_CONSTRUCTED | 1));
    if (d->rc == 0)
        d->rc = mbedtls_mpi_write_binary(&k->d, secret, n);
    if (d->rc == 0) {
        const unsigned char *secret_end = d->p;

        der_raw(d, secret, n);
        der_wrap(d, secret_end, MBEDTLS_ASN1_OCTET_STRING);
    }
    buf_wipe(secret, sizeof secret);
    der_int(d, 1);
    der_wrap(d, end, DER_SEQUENCE);
}

/* PKCS#1 (RFC 8017 appendix A.1.2), which the library writes. */
static void write_rsa_private(struct der *d, const struct key *k)
{
    int n = mbedtls_pk_write_key_der(k->rsa, d->start, (size_t)(d->p - d->start));

    if (n < 0)
        d->rc = n;
    else
        d->p -= n;
}

/* PKCS#8 (RFC 5208): PrivateKeyInfo around the key's own form. */
static void write_private_key(struct der *d, const struct key *k)
{
    const unsigned char *end = d->p;

    if (k->rsa != NULL)
        write_rsa_private(d, k);
    else
        write_ec_private(d, k);
    der_wrap(d, end, MBEDTLS_ASN1_OCTET_STRING);
    if (k->rsa != NULL)
        der_algorithm_null(d, MBEDTLS_OID_PKCS1_RSA, MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS1_RSA));
    else
        write_ec_algorithm(d, k->type);
    der_int(d, 0);
    der_wrap(d, end, DER_SEQUENCE);
}

bool key_to_pem(const struct key *k, struct buf *out, struct err *e)
{
    unsigned char bytes[DER_MAX];
    struct der d;
    bool ok;

    der_init(&d, bytes, sizeof bytes);
    write_private_key(&d, k);
    ok = d.rc == 0 && pem_write(out, "PRIVATE KEY", d.p, (size_t)(bytes + sizeof bytes - d.p));
    buf_wipe(bytes, sizeof bytes);
    if (d.rc != 0)
        return crypto_err(e, ERR_CLASS_INTERNAL, d.rc, "writing a key");
    return ok ? true : err_nomem(e, "writing a key");
}

bool key_spki(const struct key *k, uint8_t spki[KEY_SPKI_MAX], size_t *len, struct err *e)
{
    const unsigned char *end;
    struct der d;

    der_init(&d, spki, KEY_SPKI_MAX);
    end = d.p;
    if (k->rsa != NULL) {
        int n = mbedtls_pk_write_pubkey_der(k->rsa, spki, KEY_SPKI_MAX);

        if (n < 0)
            d.rc = n;
        else
            d.p -= n;
    } else {
        write_ec_point(&d, k);
        write_ec_algorithm(&d, k->type);
        der_wrap(&d, end, DER_SEQUENCE);
    }
    if (d.rc != 0)
        return crypto_err(e, ERR_CLASS_INTERNAL, d.rc, "writing a public key");
    *len = (size_t)(end - d.p);
    memmove(spki, d.p, *len);
    return true;
}

/* r and s in one of their two forms into sig: the length, or an error. */
static int write_ec_sig(const mbedtls_mpi *r, const mbedtls_mpi *s, size_t width, enum key_sig_form form,
                        uint8_t sig[KEY_SIG_MAX])
{
    const unsigned char *end;
    struct der d;
    int len;

    if (form == KEY_SIG_JOSE) {
        int rc = mbedtls_mpi_write_binary(r, sig, width);
        if (rc == 0)
            rc = mbedtls_mpi_write_binary(s, sig + width, width);
        return rc != 0 ? rc : (int)(2 * width);
    }
    der_init(&d, sig, KEY_SIG_MAX);
    end = d.p;
    der_mpi(&d, s);
    der_mpi(&d, r);
    der_wrap(&d, end, DER_SEQUENCE);
    if (d.rc != 0)
        return d.rc;
    len = (int)(end - d.p);
    memmove(sig, d.p, (size_t)len);
    return len;
}

static int sign_ec(const struct key *k, enum key_sig_form form, const uint8_t *hash, size_t hash_len,
                   uint8_t sig[KEY_SIG_MAX])
{
    mbedtls_ecp_group *group = crypto_group(k->type);
    mbedtls_mpi r;
    mbedtls_mpi s;
    int rc;

    if (group == NULL)
        return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    rc = mbedtls_ecdsa_sign(group, &r, &s, &k->d, hash, hash_len, crypto_random, NULL);
    if (rc == 0)
        rc = write_ec_sig(&r, &s, ec_bytes(k->type), form, sig);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return rc;
}

bool key_sign(const struct key *k, enum key_sig_form form, const void *data, size_t len,
              uint8_t sig[KEY_SIG_MAX], size_t *sig_len, struct err *e)
{
    bool p384 = k->type == KEY_TYPE_ECDSA_P384;
    mbedtls_md_type_t md = p384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256;
    size_t hash_len = p384 ? 48 : 32;
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    int rc;

    if (!crypto_hash(md, data, len, hash))
        return err_nomem(e, "hash of what is to be signed");
    if (k->rsa != NULL) {
        rc = crypto_rsa_sign(k->rsa, md, hash, hash_len, sig);
        if (rc == 0)
            rc = (int)mbedtls_pk_get_len(k->rsa);
    } else {
        rc = sign_ec(k, form, hash, hash_len, sig);
    }
    if (rc <= 0)
        return crypto_err(e, ERR_CLASS_INTERNAL, rc, "signing");
    *sig_len = (size_t)rc;
    return true;
}

static int rsa_parts(const struct key *k, struct key_parts *parts)
{
    uint8_t exponent[sizeof parts->second];
    size_t zeros = 0;
    int rc;

    parts->first_len = mbedtls_pk_get_len(k->rsa);
    rc = mbedtls_rsa_export_raw(mbedtls_pk_rsa(*k->rsa), parts->first, parts->first_len, NULL, 0, NULL, 0,
                                NULL, 0, exponent, sizeof exponent);
    while (zeros < sizeof exponent - 1 && exponent[zeros] == 0)
        zeros++;
    parts->second_len = sizeof exponent - zeros;
    memcpy(parts->second, exponent + zeros, parts->second_len);
    return rc;
}

static int ec_parts(const struct key *k, struct key_parts *parts)
{
    unsigned char point[1 + 2 * EC_BYTES_MAX];
    size_t width = ec_bytes(k->type);
    size_t n;
    int rc = mbedtls_ecp_point_write_binary(crypto_group(k->type), &k->q, MBEDTLS_ECP_PF_UNCOMPRESSED, &n,
                                            point, sizeof point);

    if (rc != 0)
        return rc;
    parts->first_len = parts->second_len = width;
    memcpy(parts->first, point + 1, width);
    memcpy(parts->second, point + 1 + width, width);
    return 0;
}

bool key_public_parts(const struct key *k, struct key_parts *parts, struct err *e)
{
    int rc = k->rsa != NULL ? rsa_parts(k, parts) : ec_parts(k, parts);

    return rc == 0 ? true : crypto_err(e, ERR_CLASS_INTERNAL, rc, "reading a public key");
}
