/* SPDX-License-Identifier: MIT */
#include "lib/key.h"

#include "lib/b64.h"
#include "lib/crypto.h"
#include "lib/key_use.h"
#include "lib/pem.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX      (32 * 1024) /* of a file with one key */
#define DER_MAX      4096        /* of RSA-4096 in PKCS#8: about 2,400 */
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

/* ECDSA's AlgorithmIdentifier: id-ecPublicKey with the named curve. As all DER here, written backwards. */
static int write_ec_algorithm(unsigned char **p, unsigned char *start, enum key_type type)
{
    bool p384 = type == KEY_TYPE_ECDSA_P384;
    const char *curve = p384 ? MBEDTLS_OID_EC_GRP_SECP384R1 : MBEDTLS_OID_EC_GRP_SECP256R1;
    size_t curve_len = p384 ? MBEDTLS_OID_SIZE(MBEDTLS_OID_EC_GRP_SECP384R1)
                            : MBEDTLS_OID_SIZE(MBEDTLS_OID_EC_GRP_SECP256R1);
    int len = mbedtls_asn1_write_oid(p, start, curve, curve_len);

    if (len < 0)
        return len;
    return mbedtls_asn1_write_algorithm_identifier(p, start, MBEDTLS_OID_EC_ALG_UNRESTRICTED,
                                                   MBEDTLS_OID_SIZE(MBEDTLS_OID_EC_ALG_UNRESTRICTED),
                                                   (size_t)len);
}

static int write_ec_point(unsigned char **p, unsigned char *start, const struct key *k)
{
    unsigned char point[1 + 2 * EC_BYTES_MAX];
    size_t n;
    int rc = mbedtls_ecp_point_write_binary(crypto_group(k->type), &k->q, MBEDTLS_ECP_PF_UNCOMPRESSED, &n,
                                            point, sizeof point);

    return rc != 0 ? rc : mbedtls_asn1_write_bitstring(p, start, point, n * 8);
}

/* RFC 5915, without the curve: in PKCS#8 that is the algorithm's parameter. */
static int write_ec_private(unsigned char **p, unsigned char *start, const struct key *k)
{
    unsigned char d[EC_BYTES_MAX];
    size_t n = ec_bytes(k->type);
    int ret;
    int len = 0;

    MBEDTLS_ASN1_CHK_ADD(len, write_ec_point(p, start, k));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, (size_t)len));
    MBEDTLS_ASN1_CHK_ADD(
        len, mbedtls_asn1_write_tag(p, start, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 1));
    ret = mbedtls_mpi_write_binary(&k->d, d, n);
    if (ret == 0)
        ret = mbedtls_asn1_write_octet_string(p, start, d, n);
    buf_wipe(d, sizeof d);
    if (ret < 0)
        return ret;
    len += ret;
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_int(p, start, 1));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, (size_t)len));
    MBEDTLS_ASN1_CHK_ADD(len,
                         mbedtls_asn1_write_tag(p, start, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
    return len;
}

/* PKCS#8 (RFC 5208): PrivateKeyInfo around the key's own form. */
static int write_private_key(unsigned char **p, unsigned char *start, const struct key *k)
{
    int ret;
    int len = 0;

    if (k->rsa == NULL) {
        MBEDTLS_ASN1_CHK_ADD(len, write_ec_private(p, start, k));
    } else {
        MBEDTLS_ASN1_CHK_ADD(len, mbedtls_pk_write_key_der(k->rsa, start, (size_t)(*p - start)));
        *p -= len;
    }
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, (size_t)len));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_tag(p, start, MBEDTLS_ASN1_OCTET_STRING));
    if (k->rsa == NULL)
        MBEDTLS_ASN1_CHK_ADD(len, write_ec_algorithm(p, start, k->type));
    else
        MBEDTLS_ASN1_CHK_ADD(
            len, mbedtls_asn1_write_algorithm_identifier(p, start, MBEDTLS_OID_PKCS1_RSA,
                                                         MBEDTLS_OID_SIZE(MBEDTLS_OID_PKCS1_RSA), 0));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_int(p, start, 0));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, (size_t)len));
    MBEDTLS_ASN1_CHK_ADD(len,
                         mbedtls_asn1_write_tag(p, start, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
    return len;
}

bool key_to_pem(const struct key *k, struct buf *out, struct err *e)
{
    unsigned char der[DER_MAX];
    unsigned char *p = der + sizeof der;
    int n = write_private_key(&p, der, k);
    bool ok = n > 0 && pem_write(out, "PRIVATE KEY", p, (size_t)n);

    buf_wipe(der, sizeof der);
    if (n <= 0)
        return crypto_err(e, ERR_CLASS_INTERNAL, n, "writing a key");
    return ok ? true : err_nomem(e, "writing a key");
}

static int write_ec_public(unsigned char **p, unsigned char *start, const struct key *k)
{
    int ret;
    int len = 0;

    MBEDTLS_ASN1_CHK_ADD(len, write_ec_point(p, start, k));
    MBEDTLS_ASN1_CHK_ADD(len, write_ec_algorithm(p, start, k->type));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(p, start, (size_t)len));
    MBEDTLS_ASN1_CHK_ADD(len,
                         mbedtls_asn1_write_tag(p, start, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
    return len;
}

bool key_spki(const struct key *k, uint8_t spki[KEY_SPKI_MAX], size_t *len, struct err *e)
{
    unsigned char *p = spki + KEY_SPKI_MAX;
    int n = k->rsa != NULL ? mbedtls_pk_write_pubkey_der(k->rsa, spki, KEY_SPKI_MAX)
                           : write_ec_public(&p, spki, k);

    if (n <= 0)
        return crypto_err(e, ERR_CLASS_INTERNAL, n, "writing a public key");
    memmove(spki, spki + KEY_SPKI_MAX - n, (size_t)n);
    *len = (size_t)n;
    return true;
}

/* r and s in one of their two forms, into sig. */
static int write_ec_sig(const mbedtls_mpi *r, const mbedtls_mpi *s, size_t width, enum key_sig_form form,
                        uint8_t sig[KEY_SIG_MAX])
{
    unsigned char *p = sig + KEY_SIG_MAX;
    int ret;
    int len = 0;

    if (form == KEY_SIG_JOSE) {
        MBEDTLS_ASN1_CHK_ADD(len, mbedtls_mpi_write_binary(r, sig, width));
        MBEDTLS_ASN1_CHK_ADD(len, mbedtls_mpi_write_binary(s, sig + width, width));
        return (int)(2 * width);
    }
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_mpi(&p, sig, s));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_mpi(&p, sig, r));
    MBEDTLS_ASN1_CHK_ADD(len, mbedtls_asn1_write_len(&p, sig, (size_t)len));
    MBEDTLS_ASN1_CHK_ADD(len,
                         mbedtls_asn1_write_tag(&p, sig, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
    memmove(sig, p, (size_t)len);
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

/* A JWK of two base64url values between three constant pieces. */
static char *jwk_text(const char *head, const char *a, const char *middle, const char *b)
{
    char *out = NULL;

    if (a != NULL && b != NULL && asprintf(&out, "{%s\"%s\"%s\"%s\"}", head, a, middle, b) < 0)
        return NULL;
    return out;
}

static int jwk_rsa(const struct key *k, char **out)
{
    unsigned char n[KEY_SIG_MAX];
    unsigned char exp[8];
    size_t n_len = mbedtls_pk_get_len(k->rsa);
    size_t zeros = 0;
    char *n_text;
    char *e_text;
    int rc =
        mbedtls_rsa_export_raw(mbedtls_pk_rsa(*k->rsa), n, n_len, NULL, 0, NULL, 0, NULL, 0, exp, sizeof exp);

    if (rc != 0)
        return rc;
    while (zeros < sizeof exp - 1 && exp[zeros] == 0)
        zeros++;
    n_text = b64url_encode(n, n_len);
    e_text = b64url_encode(exp + zeros, sizeof exp - zeros);
    *out = jwk_text("\"e\":", e_text, ",\"kty\":\"RSA\",\"n\":", n_text);
    free(n_text);
    free(e_text);
    return *out != NULL ? 0 : MBEDTLS_ERR_PK_ALLOC_FAILED;
}

static int jwk_ec(const struct key *k, char **out)
{
    unsigned char point[1 + 2 * EC_BYTES_MAX];
    const char *head = k->type == KEY_TYPE_ECDSA_P384 ? "\"crv\":\"P-384\",\"kty\":\"EC\",\"x\":"
                                                      : "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":";
    size_t width = ec_bytes(k->type);
    size_t n;
    char *x;
    char *y;
    int rc = mbedtls_ecp_point_write_binary(crypto_group(k->type), &k->q, MBEDTLS_ECP_PF_UNCOMPRESSED, &n,
                                            point, sizeof point);

    if (rc != 0)
        return rc;
    x = b64url_encode(point + 1, width);
    y = b64url_encode(point + 1 + width, width);
    *out = jwk_text(head, x, ",\"y\":", y);
    free(x);
    free(y);
    return *out != NULL ? 0 : MBEDTLS_ERR_PK_ALLOC_FAILED;
}

char *key_jwk(const struct key *k, struct err *e)
{
    char *out = NULL;
    int rc = k->rsa != NULL ? jwk_rsa(k, &out) : jwk_ec(k, &out);

    if (rc != 0)
        crypto_err(e, ERR_CLASS_INTERNAL, rc, "writing a JSON Web Key");
    return out;
}
