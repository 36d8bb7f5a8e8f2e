/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/unit/draw.h"
#include "lib/crypto.h"
#include "lib/csr.h"
#include "lib/ident.h"
#include "lib/key_use.h"
#include "tests/unit/lib/fixture.h"

#include <mbedtls/asn1.h>

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)

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

/* Walks into the element at *p when it has that tag. */
static size_t enter(unsigned char **p, const unsigned char *end, int tag)
{
    size_t len = 0;

    assert_int_equal(mbedtls_asn1_get_tag(p, end, &len, tag), 0);
    return len;
}

/* The same, for an element that fills the rest. */
static void enter_last(unsigned char **p, const unsigned char *end, int tag)
{
    size_t len = enter(p, end, tag);

    assert_ptr_equal(*p + len, end);
}

/* The request's own signature, over its first element, with its own public key. */
static void assert_signature(const struct key *k, const uint8_t *info, size_t info_len, const uint8_t *sig,
                             size_t len)
{
    mbedtls_md_type_t md = key_type(k) == KEY_TYPE_ECDSA_P384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256;
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    uint8_t spki[KEY_SPKI_MAX];
    mbedtls_pk_context pk;
    size_t spki_len;

    assert_true(key_spki(k, spki, &spki_len, NULL));
    mbedtls_pk_init(&pk);
    assert_int_equal(mbedtls_pk_parse_public_key(&pk, spki, spki_len), 0);
    assert_true(crypto_hash(md, info, info_len, hash));
    assert_int_equal(mbedtls_pk_verify(&pk, md, hash, 0, sig, len), 0);
    mbedtls_pk_free(&pk);
}

/* [0] { extensionRequest { SAN { the names in their order } } } up to the end. */
static void assert_attributes(unsigned char *p, const unsigned char *end, const struct strv *names)
{
    static const uint8_t ext_req[] = {0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14};
    static const uint8_t san[] = {0x06, 3, 0x55, 0x1d, 17};

    enter_last(&p, end, 0xa0);
    enter_last(&p, end, SEQUENCE);
    assert_memory_equal(p, ext_req, sizeof ext_req);
    p += sizeof ext_req;
    enter_last(&p, end, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET);
    enter_last(&p, end, SEQUENCE);
    enter_last(&p, end, SEQUENCE);
    assert_memory_equal(p, san, sizeof san);
    p += sizeof san;
    enter_last(&p, end, MBEDTLS_ASN1_OCTET_STRING);
    enter_last(&p, end, SEQUENCE);
    for (size_t i = 0; i < names->n; i++) {
        uint8_t address[16];
        size_t bytes = ident_address_bytes(names->v[i], address);
        size_t n = enter(&p, end, bytes > 0 ? 0x87 : 0x82);

        assert_int_equal(n, bytes > 0 ? bytes : strlen(names->v[i]));
        assert_memory_equal(p, bytes > 0 ? (const char *)address : names->v[i], n);
        p += n;
    }
    assert_ptr_equal(p, end);
}

/* Element by element, because the library's parser refuses an empty subject (OpenSSL, Go and CAs take it). */
static void assert_request(const struct key *k, unsigned char *der, size_t len, const struct strv *names)
{
    unsigned char *p = der;
    const unsigned char *end = der + len;
    unsigned char *info;
    unsigned char *attributes;
    uint8_t spki[KEY_SPKI_MAX];
    size_t spki_len;
    size_t n;
    int version;

    assert_true(key_spki(k, spki, &spki_len, NULL));
    enter_last(&p, end, SEQUENCE);
    info = p;
    n = enter(&p, end, SEQUENCE);
    attributes = p + n;
    assert_int_equal(mbedtls_asn1_get_int(&p, end, &version), 0);
    assert_int_equal(version, 0);
    assert_int_equal(enter(&p, end, SEQUENCE), 0);
    assert_memory_equal(p, spki, spki_len);
    assert_attributes(p + spki_len, attributes, names);
    p = attributes;
    n = enter(&p, end, SEQUENCE);
    p += n;
    assert_int_equal(mbedtls_asn1_get_bitstring_null(&p, end, &n), 0);
    assert_ptr_equal(p + n, end);
    assert_signature(k, info, (size_t)(attributes - info), p, n);
}

static void check(const struct key *k, const struct strv *names)
{
    uint8_t *der = malloc(64 * 1024);
    struct err e = {0};
    char *text = csr_build(k, names, &e);

    assert_non_null(text);
    assert_non_null(der);
    assert_request(k, der, fixture_b64url(text, strlen(text), der, 64 * 1024), names);
    free(der);
    free(text);
}

/* RSA signatures are the same each time: byte for byte what another implementation makes of the same key and
 * names. */
static void test_as_others_write_it(void **state)
{
    struct key *k = fixture_key("rsa2048.key");
    char *expected = fixture_read("rsa2048.csr.b64url", NULL);
    struct strv names = {0};
    char *text;

    (void)state;
    assert_true(strv_add(&names, "www.example.com") && strv_add(&names, "example.com") &&
                strv_add(&names, "*.api.example.com"));
    text = csr_build(k, &names, NULL);
    assert_string_equal(text, expected);
    free(text);
    free(expected);
    strv_clear(&names);
    key_free(k);
}

static void test_every_type_of_identifier(void **state)
{
    struct key *k = fixture_key("rsa2048.key");
    char *expected = fixture_read("rsa2048-identifiers.csr.b64url", NULL);
    struct strv names = {0};
    char *text;

    (void)state;
    assert_true(strv_add(&names, "*.example.com") && strv_add(&names, "2001:db8::1") &&
                strv_add(&names, "xn--bcher-kva.example") && strv_add(&names, "192.0.2.1"));
    text = csr_build(k, &names, NULL);
    assert_string_equal(text, expected);
    check(k, &names);
    free(text);
    free(expected);
    strv_clear(&names);
    key_free(k);
}

static void test_each_key_type(void **state)
{
    static const char *const files[] = {"p256.key", "p384.key", "rsa2048.key", "rsa3072.key"};
    struct strv names = {0};

    (void)state;
    assert_true(strv_add(&names, "www.example.com"));
    assert_true(strv_add(&names, "*.example.com"));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct key *k = fixture_key(files[i]);

        check(k, &names);
        key_free(k);
    }
    strv_clear(&names);
}

/* 100 names, each as long as a DNS name can be: three-byte lengths everywhere. */
static void test_many_long_names(void **state)
{
    struct key *k = fixture_key("p256.key");
    struct strv names = {0};
    char name[254];

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        memset(name, 'a', sizeof name - 1);
        name[sizeof name - 1] = '\0';
        name[60] = name[120] = name[180] = name[240] = '.';
        name[0] = (char)('a' + i % 26);
        name[1] = (char)('a' + i / 26);
        assert_true(strv_add(&names, name));
    }
    check(k, &names);
    strv_clear(&names);
    key_free(k);
}

static void assert_refused(const struct key *k, const char *name)
{
    struct strv names = {0};
    struct err e = {0};

    if (name != NULL)
        assert_true(strv_add(&names, name));
    assert_null(csr_build(k, &names, &e));
    assert_int_equal(e.class, ERR_CLASS_CONFIG);
    strv_clear(&names);
}

static void test_impossible_names_are_refused(void **state)
{
    struct key *k = fixture_key("p256.key");
    char name[255];

    (void)state;
    memset(name, 'a', 254);
    name[254] = '\0';
    assert_refused(k, name);
    assert_refused(k, NULL);
    assert_refused(k, "");
    assert_refused(k, "a b.example");
    assert_refused(k, "b\xc3\xbc"
                      "cher.example");
    key_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_others_write_it),
        cmocka_unit_test(test_every_type_of_identifier),
        cmocka_unit_test(test_each_key_type),
        cmocka_unit_test(test_many_long_names),
        cmocka_unit_test(test_impossible_names_are_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
