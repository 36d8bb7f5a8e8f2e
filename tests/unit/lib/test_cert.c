/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/unit/draw.h"
#include "lib/cert.h"
#include "tests/unit/lib/fixture.h"

#include <stdarg.h>

#define LEAF_FROM INT64_C(1767225600) /* 2026-01-01 */
#define LEAF_TO   INT64_C(1775001600) /* 2026-04-01 */
#define NOW       INT64_C(1769904000) /* 2026-02-01 */

static struct key *p256;
static struct key *rsa2048;
static struct strv names;

static int set_up(void **state)
{
    (void)state;
    if (!crypto_init(draw, NULL))
        return -1;
    p256 = fixture_key("p256.key");
    rsa2048 = fixture_key("rsa2048.key");
    return strv_add(&names, "example.com") && strv_add(&names, "www.example.com") &&
                   strv_add(&names, "*.api.example.com")
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    key_free(p256);
    key_free(rsa2048);
    strv_clear(&names);
    crypto_free();
    return 0;
}

/* The files one after the other; a name that holds a blank or newline is text itself. NULL ends. */
static char *join(const char *first, ...)
{
    char *out = calloc(1, 256 * 1024);
    va_list ap;

    assert_non_null(out);
    va_start(ap, first);
    for (const char *name = first; name != NULL; name = va_arg(ap, const char *)) {
        if (strpbrk(name, " \r\n") != NULL) {
            strcat(out, name);
        } else {
            char *text = fixture_read(name, NULL);

            strcat(out, text);
            free(text);
        }
    }
    va_end(ap);
    return out;
}

/* Checks and frees text; the chain, which the caller clears. */
static struct cert_chain accepted(char *text, const struct key *key, const struct strv *want, int64_t now)
{
    struct cert_chain c = {0};
    struct err e = {0};

    if (!cert_chain_check(&c, text, strlen(text), key, want, now, &e))
        fail_msg("refused: %s", e.text);
    free(text);
    return c;
}

static void refused(char *text, const struct key *key, const struct strv *want, int64_t now,
                    const char *because)
{
    struct cert_chain c = {.leaf = (char *)1};
    struct err e = {0};

    assert_false(cert_chain_check(&c, text, strlen(text), key, want, now, &e));
    if (strstr(e.text, because) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, because);
    assert_ptr_equal(c.leaf, (char *)1);
    assert_null(c.facts.issuer);
    free(text);
}

static void assert_leaf_facts(const struct cert_facts *f)
{
    char *expected = fixture_read("leaf.sha256", NULL);
    char hex[65];

    assert_int_equal(f->names.n, 3);
    assert_string_equal(f->names.v[0], "*.api.example.com");
    assert_string_equal(f->names.v[1], "example.com");
    assert_string_equal(f->names.v[2], "www.example.com");
    assert_string_equal(f->issuer, "Test R3");
    assert_string_equal(f->serial, "c0ffee0123456789abcdef");
    assert_int_equal(f->not_before, LEAF_FROM);
    assert_int_equal(f->not_after, LEAF_TO);
    assert_true(f->key_type_known);
    assert_int_equal(f->key_type, KEY_TYPE_ECDSA_P256);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", f->sha256[i]);
    assert_string_equal(hex, expected);
    free(expected);
}

static struct cert_facts facts_of(const char *name)
{
    struct cert_facts f = {0};
    struct err e = {0};
    size_t len;
    char *data = fixture_read(name, &len);

    if (!cert_facts_parse(&f, data, len, &e))
        fail_msg("%s: %s", name, e.text);
    free(data);
    return f;
}

static void test_facts_of_pem_and_der(void **state)
{
    struct cert_facts f = facts_of("leaf.pem");
    uint8_t print[32];
    size_t len;
    char *data;

    (void)state;
    assert_leaf_facts(&f);
    data = fixture_read("leaf.pem", &len);
    assert_true(cert_fingerprint(data, len, print, NULL));
    assert_memory_equal(print, f.sha256, 32);
    free(data);
    cert_facts_clear(&f);
    f = facts_of("leaf.der");
    assert_leaf_facts(&f);
    data = fixture_read("leaf.der", &len);
    assert_true(cert_fingerprint(data, len, print, NULL));
    assert_memory_equal(print, f.sha256, 32);
    free(data);
    cert_facts_clear(&f);
}

/* haproxy.pem, or a file with notes of the administrator: the first certificate counts. */
static void test_facts_of_the_first_certificate(void **state)
{
    char *text = join("p256.key", "some words\n", "leaf.pem", "int.pem", NULL);
    struct cert_facts f = {0};

    (void)state;
    assert_true(cert_facts_parse(&f, text, strlen(text), NULL));
    assert_leaf_facts(&f);
    cert_facts_clear(&f);
    cert_facts_clear(&f);
    free(text);
}

static void test_name_in_renewal_information(void **state)
{
    struct cert_facts f = facts_of("leaf-ari.pem");

    (void)state;
    assert_string_equal(f.ari_id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"); /* RFC 9773 section 4.1 */
    assert_string_equal(f.serial, "87654321");
    cert_facts_clear(&f);
    f = facts_of("leaf-aki-name.pem"); /* it names the issuer's certificate, not its key */
    assert_null(f.ari_id);
    cert_facts_clear(&f);
    f = facts_of("leaf.pem"); /* it has no authority key identifier */
    assert_null(f.ari_id);
    cert_facts_clear(&f);
}

static void test_facts_of_unusual_certificates(void **state)
{
    struct cert_facts f = facts_of("leaf-2050.pem");

    (void)state;
    assert_int_equal(f.not_before, INT64_C(946684799));
    assert_int_equal(f.not_after, INT64_C(2592820801));
    cert_facts_clear(&f);
    f = facts_of("leaf-org-issuer.pem");
    assert_string_equal(f.issuer, "Only Organization");
    cert_facts_clear(&f);
    f = facts_of("leaf-utf8-issuer.pem");
    assert_string_equal(f.issuer, "Žlutý kůň CA");
    cert_facts_clear(&f);
    f = facts_of("leaf-rsa.pem");
    assert_int_equal(f.key_type, KEY_TYPE_RSA_2048);
    cert_facts_clear(&f);
    f = facts_of("leaf-cn-only.pem");
    assert_int_equal(f.names.n, 0);
    cert_facts_clear(&f);
    f = facts_of("leaf-upper.pem");
    assert_string_equal(f.names.v[2], "www.example.com");
    cert_facts_clear(&f);
}

static void assert_no_facts(const char *data, size_t len)
{
    struct cert_facts f = {.not_after = 7};
    uint8_t print[32];
    struct err e = {0};

    assert_false(cert_facts_parse(&f, data, len, &e));
    assert_true(e.text[0] != '\0');
    assert_int_equal(f.not_after, 7);
    (void)cert_fingerprint(data, len, print, NULL);
}

static void test_no_facts_in_garbage(void **state)
{
    size_t len;
    char *der = fixture_read("leaf.der", &len);
    char *big = calloc(1, 300 * 1024);

    (void)state;
    assert_no_facts("", 0);
    assert_no_facts("0", 1);
    assert_no_facts("-----BEGIN CERTIFICATE-----\n", 28);
    assert_no_facts("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", 54);
    assert_no_facts("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", 59);
    for (size_t n = 0; n < len; n++)
        assert_no_facts(der, n);
    assert_non_null(big);
    assert_no_facts(big, 300 * 1024);
    free(big);
    free(der);
}

static void test_right_chains(void **state)
{
    struct cert_chain c = accepted(join("leaf.pem", "int.pem", NULL), p256, &names, NOW);
    char *leaf = fixture_read("leaf.pem", NULL);
    char *rest = fixture_read("int.pem", NULL);

    (void)state;
    assert_string_equal(c.leaf, leaf);
    assert_string_equal(c.rest, rest);
    assert_leaf_facts(&c.facts);
    cert_chain_clear(&c);
    cert_chain_clear(&c);
    c = accepted(join("\r\n \n", "leaf.pem", "\n\n", "int.pem", "root.pem", "\n", NULL), p256, &names, NOW);
    assert_string_equal(c.leaf, leaf);
    cert_chain_clear(&c);
    c = accepted(join("leaf.pem", NULL), p256, &names, NOW);
    assert_string_equal(c.leaf, leaf);
    assert_string_equal(c.rest, "");
    cert_chain_clear(&c);
    c = accepted(join("chain5.pem", NULL), p256, &names, NOW);
    cert_chain_clear(&c);
    c = accepted(join("leaf-rsa.pem", "root.pem", NULL), rsa2048, &names, NOW);
    cert_chain_clear(&c);
    free(leaf);
    free(rest);
}

/* Line ends of another system are not the files' business. */
static void test_crlf_is_normalised(void **state)
{
    char *unix_text = join("leaf.pem", "int.pem", NULL);
    char *text = calloc(1, 64 * 1024);
    char *leaf = fixture_read("leaf.pem", NULL);
    struct cert_chain c;
    char *p = text;

    (void)state;
    assert_non_null(text);
    for (const char *s = unix_text; *s != '\0'; s++) {
        if (*s == '\n')
            *p++ = '\r';
        *p++ = *s;
    }
    c = accepted(text, p256, &names, NOW);
    assert_string_equal(c.leaf, leaf);
    cert_chain_clear(&c);
    free(unix_text);
    free(leaf);
}

static void test_names_are_compared_as_sets(void **state)
{
    struct strv other = {0};
    struct cert_chain c;

    (void)state;
    assert_true(strv_add(&other, "*.API.example.com") && strv_add(&other, "Example.COM") &&
                strv_add(&other, "www.example.com"));
    c = accepted(join("leaf-upper.pem", "int.pem", NULL), p256, &other, NOW);
    assert_string_equal(c.facts.names.v[1], "example.com");
    cert_chain_clear(&c);
    assert_true(strv_add(&other, "more.example.com"));
    refused(join("leaf.pem", "int.pem", NULL), p256, &other, NOW, "lacks the name more.example.com");
    strv_clear(&other);
    assert_true(strv_add(&other, "example.com") && strv_add(&other, "*.api.example.com"));
    refused(join("leaf.pem", "int.pem", NULL), p256, &other, NOW, "holds the name www.example.com");
    refused(join("leaf-ip.pem", "int.pem", NULL), p256, &names, NOW,
            "holds the name 192.0.2.1, which nobody");
    refused(join("leaf-mail.pem", NULL), p256, &names, NOW, "something else than DNS names and addresses");
    refused(join("leaf-cn-only.pem", "int.pem", NULL), p256, &names, NOW, "lacks the name");
    strv_clear(&other);
}

static void test_every_type_of_identifier(void **state)
{
    struct strv want = {0};
    struct cert_chain c;

    (void)state;
    assert_true(strv_add(&want, "192.0.2.1") && strv_add(&want, "2001:db8::1") &&
                strv_add(&want, "*.example.com") && strv_add(&want, "xn--bcher-kva.example"));
    c = accepted(join("leaf-identifiers.pem", NULL), p256, &want, NOW);
    assert_int_equal(c.facts.names.n, 4);
    assert_string_equal(c.facts.names.v[0], "*.example.com");
    assert_string_equal(c.facts.names.v[1], "192.0.2.1");
    assert_string_equal(c.facts.names.v[2], "2001:db8::1");
    assert_string_equal(c.facts.names.v[3], "xn--bcher-kva.example");
    cert_chain_clear(&c);
    refused(join("leaf-only-address.pem", NULL), p256, &want, NOW, "lacks the name 2001:db8::1");
    strv_clear(&want);
}

/* An address that stands there as a DNS name is not that address, nor anything else. */
static void test_address_as_name(void **state)
{
    struct strv want = {0};
    struct cert_facts f = facts_of("leaf-address-as-name.pem");
    struct cert_chain c;

    (void)state;
    assert_int_equal(f.names.n, 0);
    cert_facts_clear(&f);
    assert_true(strv_add(&want, "192.0.2.1"));
    refused(join("leaf-address-as-name.pem", NULL), p256, &want, NOW, "lacks the name 192.0.2.1");
    c = accepted(join("leaf-only-address.pem", NULL), p256, &want, NOW);
    cert_chain_clear(&c);
    /* mbed TLS 3.6 does not even parse this one */
    refused(join("leaf-odd-address.pem", NULL), p256, &want, NOW, "chain is not installed");
    strv_clear(&want);
}

static void test_wrong_key(void **state)
{
    (void)state;
    refused(join("leaf.pem", "int.pem", NULL), rsa2048, &names, NOW, "another key");
    refused(join("leaf-rsa.pem", "root.pem", NULL), p256, &names, NOW, "another key");
    refused(join("int.pem", "leaf.pem", NULL), p256, &names, NOW, "another key");
}

static void test_dates(void **state)
{
    struct cert_chain c;

    (void)state;
    c = accepted(join("leaf.pem", "int.pem", NULL), p256, &names, LEAF_TO - 1);
    cert_chain_clear(&c);
    refused(join("leaf.pem", "int.pem", NULL), p256, &names, LEAF_TO, "expired at 2026-04-01 00:00:00 UTC");
    c = accepted(join("leaf.pem", "int.pem", NULL), p256, &names, LEAF_FROM - 3600);
    cert_chain_clear(&c);
    refused(join("leaf.pem", "int.pem", NULL), p256, &names, LEAF_FROM - 3601, "not valid before 2026-01-01");
    refused(join("leaf.pem", "int.pem", NULL), p256, &names, 0, "check this machine's clock");
    refused(join("expired-int.pem", NULL), p256, &names, NOW, "certificate 2 expired");
}

static void test_links(void **state)
{
    (void)state;
    refused(join("wrong-order.pem", NULL), p256, &names, NOW, "not the issuer of certificate 1");
    refused(join("leaf.pem", "root.pem", NULL), p256, &names, NOW, "not the issuer of certificate 1");
    refused(join("leaf.pem", "leaf.pem", NULL), p256, &names, NOW, "not the issuer of certificate 1");
    refused(join("not-ca.pem", NULL), p256, &names, NOW, "certificate 2 is not allowed to issue");
    refused(join("no-constraints.pem", NULL), p256, &names, NOW, "certificate 2 is not allowed to issue");
    refused(join("no-cert-sign.pem", NULL), p256, &names, NOW, "certificate 2 is not allowed to issue");
    refused(join("other-int-key.pem", NULL), p256, &names, NOW, "signature of certificate 1");
    refused(join("ec-for-rsa.pem", NULL), p256, &names, NOW, "signature of certificate 1");
    refused(join("leaf-sha1.pem", NULL), p256, &names, NOW, "signature of certificate 1");
}

static void test_nothing_but_certificates(void **state)
{
    const char *only = "something else than PEM certificates";
    char *big = calloc(1, 300 * 1024);

    (void)state;
    refused(join("leaf.pem", "hello there\n", "int.pem", NULL), p256, &names, NOW, only);
    refused(join("hello there\n", "leaf.pem", "int.pem", NULL), p256, &names, NOW, only);
    refused(join("leaf.pem", "int.pem", "p256.key", NULL), p256, &names, NOW, only);
    refused(join("p256.key", "leaf.pem", "int.pem", NULL), p256, &names, NOW, only);
    refused(join("leaf.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n", NULL), p256, &names, NOW, "no END line");
    refused(join("leaf.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n", "int.pem", NULL), p256, &names, NOW,
            "base64");
    refused(join("leaf.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", NULL), p256,
            &names, NOW, "certificate 2: a certificate cannot be parsed");
    refused(join("\n", NULL), p256, &names, NOW, "no certificate");
    assert_non_null(big);
    memset(big, '\n', 300 * 1024 - 1);
    refused(big, p256, &names, NOW, "too big");
}

/* A root signs itself, so it may follow itself: ten certificates in all are accepted, eleven are not. */
static void test_length(void **state)
{
    const char *r = "root.pem";
    struct cert_chain c =
        accepted(join("leaf.pem", "int.pem", r, r, r, r, r, r, r, r, NULL), p256, &names, NOW);

    (void)state;
    cert_chain_clear(&c);
    refused(join("leaf.pem", "int.pem", r, r, r, r, r, r, r, r, r, NULL), p256, &names, NOW, "more than 10");
}

/* Each byte of the leaf changed in turn: never a crash, and never accepted, for all of it is signed. */
static void test_flipped_bits(void **state)
{
    char *text = join("leaf.pem", "int.pem", NULL);
    char *leaf_end = strstr(text, "-----END");
    struct cert_chain c = {0};

    (void)state;
    for (char *p = text + 28; p < leaf_end - 8; p++) {
        char old = *p;

        *p = old == 'A' ? 'B' : 'A';
        if (old != '\n')
            assert_false(cert_chain_check(&c, text, strlen(text), p256, &names, NOW, NULL));
        *p = old;
    }
    free(text);
}

static void top_issuer_is(const char *file, const char *want)
{
    struct err e = {0};
    size_t len;
    char *pem = fixture_read(file, &len);
    char *issuer = cert_top_issuer(pem, len, &e);

    if (want != NULL) {
        assert_non_null(issuer);
        assert_string_equal(issuer, want);
    } else {
        assert_null(issuer);
        assert_int_equal(e.class, ERR_CLASS_TRANSIENT);
    }
    free(issuer);
    free(pem);
}

/* As certbot's --preferred-chain has it. */
static void test_top_issuer(void **state)
{
    char *big = calloc(1, 300 * 1024);

    (void)state;
    top_issuer_is("leaf.pem", "Test R3");
    top_issuer_is("chain5.pem", "Test Root X1");
    top_issuer_is("ec-for-rsa.pem", "Test Root X1");
    top_issuer_is("leaf-org-issuer.pem", NULL);
    top_issuer_is("p256.key", NULL);
    assert_non_null(big);
    assert_null(cert_top_issuer(big, 300 * 1024, NULL));
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top_issuer),
        cmocka_unit_test(test_facts_of_pem_and_der),
        cmocka_unit_test(test_facts_of_the_first_certificate),
        cmocka_unit_test(test_name_in_renewal_information),
        cmocka_unit_test(test_facts_of_unusual_certificates),
        cmocka_unit_test(test_no_facts_in_garbage),
        cmocka_unit_test(test_right_chains),
        cmocka_unit_test(test_crlf_is_normalised),
        cmocka_unit_test(test_names_are_compared_as_sets),
        cmocka_unit_test(test_every_type_of_identifier),
        cmocka_unit_test(test_address_as_name),
        cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_nothing_but_certificates),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_flipped_bits),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
