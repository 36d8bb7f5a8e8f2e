/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/unit/draw.h"
#include "lib/crypto.h"
#include "lib/key.h"
#include "lib/key_use.h"
#include "tests/unit/lib/fixture.h"

#include <sys/wait.h>
#include <unistd.h>

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

/* The public key as the library reads it: what we wrote is well-formed, and verifies what we signed. */
static void assert_signs(const struct key *k)
{
    static const char text[] = "signed text";
    bool p384 = key_type(k) == KEY_TYPE_ECDSA_P384;
    mbedtls_md_type_t md = p384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256;
    uint8_t hash[MBEDTLS_MD_MAX_SIZE];
    uint8_t spki[KEY_SPKI_MAX];
    uint8_t sig[KEY_SIG_MAX];
    mbedtls_pk_context pk;
    size_t spki_len;
    size_t sig_len;
    struct err e = {0};

    assert_true(key_spki(k, spki, &spki_len, &e));
    assert_true(key_sign(k, KEY_SIG_X509, text, sizeof text, sig, &sig_len, &e));
    assert_true(crypto_hash(md, text, sizeof text, hash));
    mbedtls_pk_init(&pk);
    assert_int_equal(mbedtls_pk_parse_public_key(&pk, spki, spki_len), 0);
    assert_int_equal(mbedtls_pk_verify(&pk, md, hash, p384 ? 48 : 32, sig, sig_len), 0);
    sig[sig_len - 1] ^= 1;
    assert_int_not_equal(mbedtls_pk_verify(&pk, md, hash, p384 ? 48 : 32, sig, sig_len), 0);
    mbedtls_pk_free(&pk);
}

static void assert_same_public(const struct key *a, const struct key *b)
{
    uint8_t x[KEY_SPKI_MAX];
    uint8_t y[KEY_SPKI_MAX];
    size_t x_len;
    size_t y_len;

    assert_true(key_spki(a, x, &x_len, NULL));
    assert_true(key_spki(b, y, &y_len, NULL));
    assert_int_equal(x_len, y_len);
    assert_memory_equal(x, y, x_len);
}

static void round_trip(enum key_type type)
{
    struct err e = {0};
    struct key *k = key_generate(type, &e);
    struct key *again;
    struct buf pem;

    assert_non_null(k);
    assert_int_equal(key_type(k), type);
    assert_signs(k);
    buf_init_secret(&pem, 8192);
    assert_true(key_to_pem(k, &pem, &e));
    assert_memory_equal(pem.data, "-----BEGIN PRIVATE KEY-----\n", 28);
    again = key_from_pem(pem.data, pem.len, &e);
    assert_non_null(again);
    assert_int_equal(key_type(again), type);
    assert_same_public(k, again);
    assert_signs(again);
    buf_clear(&pem);
    key_free(again);
    key_free(k);
}

static void test_generated_keys_round_trip(void **state)
{
    (void)state;
    round_trip(KEY_TYPE_ECDSA_P256);
    round_trip(KEY_TYPE_ECDSA_P384);
    round_trip(KEY_TYPE_RSA_2048);
}

/* What another implementation wrote as PKCS#8 is byte for byte what we write. */
static void test_pkcs8_is_as_others_write_it(void **state)
{
    static const char *const names[] = {"p256.key", "p384.key", "rsa2048.key", "rsa3072.key", "rfc7638.key"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct key *k = fixture_key(names[i]);
        char *expected = fixture_read(names[i], NULL);
        struct buf pem;

        buf_init_secret(&pem, 8192);
        assert_true(key_to_pem(k, &pem, NULL));
        assert_string_equal(pem.data, expected);
        assert_signs(k);
        buf_clear(&pem);
        free(expected);
        key_free(k);
    }
}

static void test_older_forms_are_read(void **state)
{
    struct key *sec1 = fixture_key("p256-sec1.key");
    struct key *p256 = fixture_key("p256.key");
    struct key *pkcs1 = fixture_key("rsa2048-pkcs1.key");
    struct key *rsa = fixture_key("rsa2048.key");

    (void)state;
    assert_same_public(sec1, p256);
    assert_same_public(pkcs1, rsa);
    assert_int_equal(key_type(rsa), KEY_TYPE_RSA_2048);
    key_free(sec1);
    key_free(p256);
    key_free(pkcs1);
    key_free(rsa);
}

static void assert_refused(const char *pem, size_t len, const char *because)
{
    struct err e = {0};

    assert_null(key_from_pem(pem, len, &e));
    assert_int_equal(e.class, ERR_CLASS_CONFIG);
    if (strstr(e.text, because) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, because);
}

static void test_unusable_keys_are_refused(void **state)
{
    static const struct {
        const char *name;
        const char *because;
    } cases[] = {{"encrypted.key", "passphrase"},      {"p521.key", "none of the types"},
                 {"rsa1024.key", "none of the types"}, {"ed25519.key", "not a usable"},
                 {"leaf.pem", "not a usable"},         {"leaf.der", "not a private key"}};
    char big[40 * 1024];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len;
        char *pem = fixture_read(cases[i].name, &len);

        assert_refused(pem, len, cases[i].because);
        free(pem);
    }
    memset(big, '\n', sizeof big);
    assert_refused(big, sizeof big, "not a private key");
    assert_refused("", 0, "not a private key");
    assert_refused("-----BEGIN \0PRIVATE KEY-----", 28, "not a private key");
}

/* A bit flipped on disk, in the private half: everything still parses. */
static void test_damaged_key_is_refused(void **state)
{
    struct key *k = fixture_key("p256.key");
    struct err e = {0};
    struct buf pem;

    (void)state;
    buf_init_secret(&pem, 8192);
    assert_true(key_to_pem(k, &pem, NULL));
    pem.data[28 + 64 + 5] = pem.data[28 + 64 + 5] == 'A' ? 'B' : 'A';
    assert_null(key_from_pem(pem.data, pem.len, &e));
    assert_int_equal(e.class, ERR_CLASS_CONFIG);
    buf_clear(&pem);
    key_free(k);
}

static void test_many_keys_are_open_at_once(void **state)
{
    struct key *keys[100];

    (void)state;
    for (size_t i = 0; i < 100; i++)
        assert_non_null(keys[i] = key_generate(i % 4 == 0 ? KEY_TYPE_ECDSA_P384 : KEY_TYPE_ECDSA_P256, NULL));
    for (size_t i = 0; i < 100; i++)
        assert_signs(keys[i]);
    for (size_t i = 0; i < 100; i++)
        key_free(keys[i]);
}

static void test_a_full_buffer_is_an_error(void **state)
{
    struct key *k = fixture_key("p256.key");
    struct err e = {0};
    struct buf pem;

    (void)state;
    buf_init_secret(&pem, 100);
    assert_false(key_to_pem(k, &pem, &e));
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    buf_clear(&pem);
    key_free(k);
}

static void test_nothing_works_before_init(void **state)
{
    struct err e = {0};

    (void)state;
    crypto_free();
    assert_null(key_generate(KEY_TYPE_ECDSA_P256, &e));
    assert_int_equal(e.class, ERR_CLASS_INTERNAL);
    assert_true(crypto_init(draw, &e));
    assert_true(crypto_init(draw, &e));
    key_free(NULL);
}

/* Parent and child draw different keys. */
static void test_fork(void **state)
{
    uint8_t mine[KEY_SPKI_MAX] = {0};
    uint8_t theirs[KEY_SPKI_MAX] = {0};
    size_t len;
    struct key *k;
    int fd[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fd), 0);
    pid = fork();
    assert_true(pid >= 0);
    k = NULL;
    if (pid == 0) {
        crypto_free();
        if (!crypto_init(draw, NULL) || (k = key_generate(KEY_TYPE_ECDSA_P256, NULL)) == NULL ||
            !key_spki(k, mine, &len, NULL) || write(fd[1], mine, sizeof mine) != sizeof mine)
            _exit(1);
        _exit(0);
    }
    k = key_generate(KEY_TYPE_ECDSA_P256, NULL);
    assert_non_null(k);
    assert_true(key_spki(k, mine, &len, NULL));
    assert_int_equal(read(fd[0], theirs, sizeof theirs), sizeof theirs);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_memory_not_equal(mine, theirs, len);
    assert_memory_equal(mine, theirs, 27); /* the algorithm; the rest is the key */
    key_free(k);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_keys_round_trip),
        cmocka_unit_test(test_pkcs8_is_as_others_write_it),
        cmocka_unit_test(test_older_forms_are_read),
        cmocka_unit_test(test_unusable_keys_are_refused),
        cmocka_unit_test(test_damaged_key_is_refused),
        cmocka_unit_test(test_many_keys_are_open_at_once),
        cmocka_unit_test(test_a_full_buffer_is_an_error),
        cmocka_unit_test(test_nothing_works_before_init),
        cmocka_unit_test(test_fork),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
