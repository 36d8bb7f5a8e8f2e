/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/unit/draw.h"
#include "lib/crypto.h"
#include "lib/jwk.h"
#include "lib/jws.h"
#include "lib/key_use.h"
#include "tests/unit/lib/fixture.h"

#include <mbedtls/ecdsa.h>

#include <jansson.h>

static const char url[] = "https://ca.example/acme/new-order";

static int set_up(void **state)
{
    (void)state;
    return crypto_init(draw, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    crypto_free();
    return 0;
}

/* The point of a P-256 or P-384 key is the end of its SubjectPublicKeyInfo. */
static void assert_ecdsa(const struct key *k, const uint8_t *hash, const uint8_t *sig, size_t sig_len)
{
    size_t width = key_type(k) == KEY_TYPE_ECDSA_P384 ? 48 : 32;
    mbedtls_ecp_group *group = crypto_group(key_type(k));
    uint8_t spki[KEY_SPKI_MAX];
    mbedtls_ecp_point q;
    mbedtls_mpi r;
    mbedtls_mpi s;
    size_t n;

    assert_int_equal(sig_len, 2 * width);
    assert_true(key_spki(k, spki, &n, NULL));
    mbedtls_ecp_point_init(&q);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    assert_int_equal(mbedtls_ecp_point_read_binary(group, &q, spki + n - 2 * width - 1, 2 * width + 1), 0);
    assert_int_equal(mbedtls_mpi_read_binary(&r, sig, width), 0);
    assert_int_equal(mbedtls_mpi_read_binary(&s, sig + width, width), 0);
    assert_int_equal(mbedtls_ecdsa_verify(group, hash, width, &q, &r, &s), 0);
    mbedtls_ecp_point_free(&q);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
}

static void assert_rsa(const struct key *k, const uint8_t *hash, const uint8_t *sig, size_t sig_len)
{
    uint8_t spki[KEY_SPKI_MAX];
    mbedtls_pk_context pk;
    size_t n;

    assert_true(key_spki(k, spki, &n, NULL));
    mbedtls_pk_init(&pk);
    assert_int_equal(mbedtls_pk_parse_public_key(&pk, spki, n), 0);
    assert_int_equal(mbedtls_pk_verify(&pk, MBEDTLS_MD_SHA256, hash, 32, sig, sig_len), 0);
    mbedtls_pk_free(&pk);
}

/* Takes a JWS apart, verifies it, and compares header and payload with what they ought to be. */
static void assert_jws(const struct key *k, const char *jws, const char *header, const char *payload)
{
    json_t *root = json_loads(jws, JSON_REJECT_DUPLICATES, NULL);
    const char *protected = json_string_value(json_object_get(root, "protected"));
    const char *body = json_string_value(json_object_get(root, "payload"));
    const char *signature = json_string_value(json_object_get(root, "signature"));
    bool p384 = key_type(k) == KEY_TYPE_ECDSA_P384;
    char text[4096] = "";
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    uint8_t sig[KEY_SIG_MAX];
    size_t sig_len;

    assert_int_equal(json_object_size(root), 3);
    assert_non_null(protected);
    assert_non_null(body);
    assert_non_null(signature);
    text[fixture_b64url(protected, strlen(protected), (uint8_t *)text, sizeof text - 1)] = '\0';
    assert_string_equal(text, header);
    text[fixture_b64url(body, strlen(body), (uint8_t *)text, sizeof text - 1)] = '\0';
    assert_string_equal(text, payload);
    (void)snprintf(text, sizeof text, "%s.%s", protected, body);
    assert_true(crypto_hash(p384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256, text, strlen(text), hash));
    sig_len = fixture_b64url(signature, strlen(signature), sig, sizeof sig);
    if (key_type(k) == KEY_TYPE_ECDSA_P256 || p384)
        assert_ecdsa(k, hash, sig, sig_len);
    else
        assert_rsa(k, hash, sig, sig_len);
    json_decref(root);
}

static void check_key(const char *name, const char *alg)
{
    struct key *k = fixture_key(name);
    char *jwk = jwk_public(k, NULL);
    char header[2048];
    char *jws;

    assert_non_null(jwk);
    (void)snprintf(header, sizeof header,
                   "{\"alg\":\"%s\",\"jwk\":%s,\"nonce\":\"oFvnlFP1wIhRlYS2jTaXbA\",\"url\":\"%s\"}", alg,
                   jwk, url);
    jws = jws_sign(k, NULL, url, "oFvnlFP1wIhRlYS2jTaXbA", "{\"termsOfServiceAgreed\":true}", NULL);
    assert_non_null(jws);
    assert_jws(k, jws, header, "{\"termsOfServiceAgreed\":true}");
    free(jws);
    (void)snprintf(header, sizeof header,
                   "{\"alg\":\"%s\",\"kid\":\"https://ca.example/acct/1\",\"nonce\":\"n-_1\",\"url\":\"%s\"}",
                   alg, url);
    jws = jws_sign(k, "https://ca.example/acct/1", url, "n-_1", NULL, NULL);
    assert_non_null(jws);
    assert_jws(k, jws, header, "");
    free(jws);
    free(jwk);
    key_free(k);
}

static void test_each_algorithm(void **state)
{
    (void)state;
    check_key("p256.key", "ES256");
    check_key("p384.key", "ES384");
    check_key("rsa2048.key", "RS256");
    check_key("rsa3072.key", "RS256");
}

/* r and s with leading zeros come about once in 128 signatures: the width stays. */
static void test_width_is_fixed(void **state)
{
    struct key *k = fixture_key("p256.key");
    uint8_t sig[KEY_SIG_MAX];
    size_t n;

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        assert_true(key_sign(k, KEY_SIG_JOSE, &i, sizeof i, sig, &n, NULL));
        assert_int_equal(n, 64);
    }
    key_free(k);
}

/* RFC 7638 section 3.1 for RSA; the others are from another implementation. */
static void test_thumbprints(void **state)
{
    static const char *const names[] = {"rfc7638", "p256", "p384", "rsa2048", "rsa3072"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char file[64];
        struct key *k;
        char *expected;
        char *got;

        (void)snprintf(file, sizeof file, "%s.key", names[i]);
        k = fixture_key(file);
        (void)snprintf(file, sizeof file, "%s.thumbprint", names[i]);
        expected = fixture_read(file, NULL);
        got = jws_thumbprint(k, NULL);
        assert_string_equal(got, expected);
        if (i == 0)
            assert_string_equal(got, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        free(got);
        free(expected);
        key_free(k);
    }
}

static void assert_not_signed(const struct key *k, const char *kid, const char *to, const char *nonce)
{
    struct err e = {0};

    assert_null(jws_sign(k, kid, to, nonce, "{}", &e));
    assert_true(e.text[0] != '\0');
}

static void test_what_needs_escapes_is_refused(void **state)
{
    struct key *k = fixture_key("p256.key");
    char *big = calloc(1, 300 * 1024);
    struct err e = {0};

    (void)state;
    assert_not_signed(k, NULL, "https://ca.example/\"x", "n");
    assert_not_signed(k, NULL, "https://ca.example/\\x", "n");
    assert_not_signed(k, NULL, url, "n\"");
    assert_not_signed(k, NULL, url, "n\n");
    assert_not_signed(k, NULL, url, "n\xc3\xa9");
    assert_not_signed(k, "https://ca.example/\x7f", url, "n");
    assert_non_null(big);
    memset(big, 'a', 300 * 1024 - 1);
    assert_not_signed(k, big, url, "n");
    assert_null(jws_sign(k, "https://ca.example/acct/1", url, "n", big, &e));
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    free(big);
    key_free(k);
}

/* Compared with what python's hmac makes of the same input. */
static void test_external_account(void **state)
{
    static const char binding_url[] = "https://ca.example/acme/new-account";
    struct key *k = fixture_key("p256.key");
    char *jwk = jwk_public(k, NULL);
    char *jws = jws_external_account(k, "kid-1", "0123456789abcdef0123456789abcdef", 32, binding_url, NULL);
    json_t *root = json_loads(jws, JSON_REJECT_DUPLICATES, NULL);
    const char *protected = json_string_value(json_object_get(root, "protected"));
    const char *payload = json_string_value(json_object_get(root, "payload"));
    char text[1024];
    struct err e = {0};

    (void)state;
    assert_int_equal(json_object_size(root), 3);
    text[fixture_b64url(protected, strlen(protected), (uint8_t *)text, sizeof text - 1)] = '\0';
    assert_string_equal(
        text, "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://ca.example/acme/new-account\"}");
    text[fixture_b64url(payload, strlen(payload), (uint8_t *)text, sizeof text - 1)] = '\0';
    assert_string_equal(text, jwk);
    assert_string_equal(json_string_value(json_object_get(root, "signature")),
                        "QfO4X0EtE8TDWoa677wW1Mkk-s0oWQsnfxJ0EAcrqCQ");
    assert_null(jws_external_account(k, "kid\"1", "0123456789abcdef", 16, binding_url, &e));
    assert_int_equal(e.class, ERR_CLASS_CONFIG);
    json_decref(root);
    free(jws);
    free(jwk);
    key_free(k);
}

/* RFC 4231 section 4.2 and 4.7 (a key longer than a block). */
static void test_hmac(void **state)
{
    static const uint8_t first[32] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
                                      0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
                                      0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7};
    static const uint8_t sixth[32] = {0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26,
                                      0xaa, 0xcb, 0xf5, 0xb7, 0x7f, 0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28,
                                      0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
    static const char long_data[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    uint8_t key[131];
    uint8_t out[32];

    (void)state;
    memset(key, 0x0b, sizeof key);
    assert_true(crypto_hmac_sha256(key, 20, "Hi There", 8, out));
    assert_memory_equal(out, first, 32);
    memset(key, 0xaa, sizeof key);
    assert_true(crypto_hmac_sha256(key, sizeof key, long_data, sizeof long_data - 1, out));
    assert_memory_equal(out, sixth, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_algorithm), cmocka_unit_test(test_width_is_fixed),
        cmocka_unit_test(test_thumbprints),    cmocka_unit_test(test_external_account),
        cmocka_unit_test(test_hmac),           cmocka_unit_test(test_what_needs_escapes_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
