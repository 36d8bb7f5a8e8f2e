/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/unit/draw.h"
#include "lib/b64.h"
#include "lib/cert.h"
#include "lib/csr.h"
#include "lib/jws.h"
#include "tests/unit/alloc_fail.h"
#include "tests/unit/lib/fixture.h"

#define NOW INT64_C(1769904000) /* 2026-02-01 */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

/* mbed TLS is a shared library, which the linker's wrapping does not reach, and takes all its memory from
 * calloc(): so the program brings its own (not where a sanitizer has brought one already). */
static size_t library_left; /* calls of calloc() until the failing one; 0: none is to fail */
static bool library_failed;

#ifndef SANITIZED
void *__libc_calloc(size_t n, size_t size);
void *calloc(size_t n, size_t size);

void *calloc(size_t n, size_t size)
{
    if (library_left > 0 && --library_left == 0) {
        library_failed = true;
        return NULL;
    }
    return __libc_calloc(n, size);
}
#endif

static struct key *keys[3];
static struct strv names;
static char *chain;

static int set_up(void **state)
{
    char *leaf;
    char *issuer;

    (void)state;
    if (!crypto_init(draw, NULL))
        return -1;
    keys[0] = fixture_key("p256.key");
    keys[1] = fixture_key("p384.key");
    keys[2] = fixture_key("rsa2048.key");
    leaf = fixture_read("leaf.pem", NULL);
    issuer = fixture_read("int.pem", NULL);
    if (asprintf(&chain, "%s%s", leaf, issuer) < 0)
        return -1;
    free(leaf);
    free(issuer);
    return strv_add(&names, "example.com") && strv_add(&names, "www.example.com") &&
                   strv_add(&names, "*.api.example.com")
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        key_free(keys[i]);
    strv_clear(&names);
    free(chain);
    crypto_free();
    return 0;
}

typedef bool (*operation)(const struct key *k, struct err *e);

static bool do_sign(const struct key *k, struct err *e)
{
    char *s = jws_sign(k, NULL, "https://ca.example/new-account", "nonce", "{}", e);
    bool ok = s != NULL;

    free(s);
    return ok;
}

static bool do_thumbprint(const struct key *k, struct err *e)
{
    char *s = jws_thumbprint(k, e);
    bool ok = s != NULL;

    free(s);
    return ok;
}

static bool do_csr(const struct key *k, struct err *e)
{
    char *s = csr_build(k, &names, e);
    bool ok = s != NULL;

    free(s);
    return ok;
}

static bool do_pem(const struct key *k, struct err *e)
{
    struct key *again = NULL;
    struct buf pem;

    buf_init_secret(&pem, 8192);
    if (key_to_pem(k, &pem, e))
        again = key_from_pem(pem.data, pem.len, e);
    buf_clear(&pem);
    key_free(again);
    return again != NULL;
}

static bool do_generate(const struct key *k, struct err *e)
{
    struct key *made;

    if (k == keys[2])
        return true; /* RSA takes too long to be made hundreds of times */
    made = key_generate(key_type(k), e);
    key_free(made);
    return made != NULL;
}

static bool do_chain(const struct key *k, struct err *e)
{
    struct cert_chain c = {0};

    if (!cert_chain_check(&c, chain, strlen(chain), keys[0], &names, NOW, e))
        return false;
    (void)k;
    cert_chain_clear(&c);
    return true;
}

static bool do_facts(const struct key *k, struct err *e)
{
    struct cert_facts f = {0};
    uint8_t print[32];

    (void)k;
    if (!cert_facts_parse(&f, chain, strlen(chain), e))
        return false;
    cert_facts_clear(&f);
    return cert_fingerprint(chain, strlen(chain), print, e);
}

static bool do_top_issuer(const struct key *k, struct err *e)
{
    char *issuer = cert_top_issuer(chain, strlen(chain), e);
    bool ok = issuer != NULL;

    (void)k;
    free(issuer);
    return ok;
}

static const operation operations[] = {do_top_issuer, do_sign,     do_thumbprint, do_csr,
                                       do_pem,        do_generate, do_chain,      do_facts};

#define OPERATIONS (sizeof operations / sizeof operations[0])

/* Each allocation of our own code. */
static void test_own_allocations(void **state)
{
    struct err e;

    (void)state;
    for (size_t i = 0; i < OPERATIONS * 3; i++) {
        for (size_t n = 1;; n++) {
            bool ok;

            err_clear(&e);
            alloc_fail_at(n);
            ok = operations[i / 3](keys[i % 3], &e);
            if (!alloc_fail_end()) {
                assert_true(ok);
                break;
            }
            assert_false(ok);
            assert_int_equal(e.class, ERR_CLASS_INTERNAL);
        }
    }
}

/* Each of the library's, or every 7th of the many that arithmetic makes. */
static void test_library_allocations(void **state)
{
    struct err e;

    (void)state;
#ifdef SANITIZED
    skip();
#endif
    for (size_t i = 0; i < OPERATIONS * 3; i++) {
        for (size_t n = 1;; n += n < 100 ? 1 : 7) {
            bool ok;

            err_clear(&e);
            library_failed = false;
            library_left = n;
            ok = operations[i / 3](keys[i % 3], &e);
            library_left = 0;
            if (!library_failed) {
                if (!ok)
                    fail_msg("operation %zu, key %zu, allocation %zu: %s", i / 3, i % 3, n, e.text);
                break;
            }
            assert_true(ok || e.text[0] != '\0');
        }
    }
}

static void test_encoding(void **state)
{
    (void)state;
    alloc_fail_at(1);
    assert_null(b64url_encode("x", 1));
    assert_true(alloc_fail_end());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_allocations),
        cmocka_unit_test(test_library_allocations),
        cmocka_unit_test(test_encoding),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
