/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CRYPTO_H
#define ACMED_CRYPTO_H

/* What the crypto files of lib/ need of mbed TLS beyond its common ground: everything in which 2.28 and
 * 3.6 differ is behind these functions. Private to those files. PSA's key slots are not used: 2.28 has 32 of
 * them, while the keeper has a key open for every order in flight. */

#include "lib/config.h"
#include "lib/err.h"

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Random bytes as mbed TLS asks for them; unused is its context pointer. 0, or an mbed TLS error. */
int crypto_random(void *unused, unsigned char *out, size_t len);

/* The process's group of P-256 or P-384, with its table of multiples; NULL for RSA types or before
 * crypto_init(). Kept, because building that table costs as much as a signature. */
mbedtls_ecp_group *crypto_group(enum key_type type);

/* Hash of the data into out (MBEDTLS_MD_MAX_SIZE is always enough); false: no such hash, or memory is out. */
bool crypto_hash(mbedtls_md_type_t md, const void *data, size_t len, uint8_t *out);

/* HMAC-SHA256 (RFC 2104); false: memory is out. */
bool crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[32]);

/* As mbedtls_pk_parse_key(); pem ends with a NUL that len counts. */
int crypto_pk_parse(mbedtls_pk_context *pk, const unsigned char *pem, size_t len);

/* PKCS#1 v1.5 signature; sig has room for the modulus. */
int crypto_rsa_sign(mbedtls_pk_context *rsa, mbedtls_md_type_t md, const uint8_t *hash, size_t hash_len,
                    uint8_t *sig);

mbedtls_ecp_group_id crypto_ec_group_id(const mbedtls_ecp_keypair *ec);

/* Copies of both halves of a key pair. */
int crypto_ec_export(const mbedtls_ecp_keypair *ec, mbedtls_mpi *d, mbedtls_ecp_point *q);

/* The type of a public or private key; false: none that acmed makes. */
bool crypto_pk_type(const mbedtls_pk_context *pk, enum key_type *type);

/* Whether basicConstraints say so; false without that extension. */
bool crypto_crt_is_ca(const mbedtls_x509_crt *crt);

/* TLS 1.2 and no other: 2.28 has no later one. */
void crypto_tls_1_2_only(mbedtls_ssl_config *config);

/* err_nomem() for the library's out-of-memory errors; others: "what: library error -0x...". Returns false. */
bool crypto_err(struct err *e, enum err_class class, int code, const char *what);

#endif
