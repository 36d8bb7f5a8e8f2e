/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "tests/unit/draw.h"
#include "lib/alpn_server.h"
#include "lib/key.h"
#include "tests/unit/lib/tls_client.h"

#include <string.h>

#define NOW INT64_C(1800000000)

static const uint8_t digest[KEY_AUTHORIZATION_DIGEST] = {1, 2, 3, 4, 5};
static struct alpn_certificate *known; /* of a.example */

static struct alpn_certificate *find(void *arg, const char *name, size_t len)
{
    (void)arg;
    return len == 9 && memcmp(name, "a.example", 9) == 0 ? known : NULL;
}

static int setup(void **state)
{
    struct err e;

    (void)state;
    assert_true(crypto_init(draw, NULL));
    known = alpn_certificate_new("a.example", digest, NOW, &e);
    if (known == NULL)
        fail_msg("%s", e.text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    alpn_certificate_free(known);
    crypto_free();
    return 0;
}

static void test_server_names(void **state)
{
    static const char *const cases[][2] = {
        {"a.example", "a.example"},
        {"192.0.2.10", "10.2.0.192.in-addr.arpa"},
        {"2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
    };
    char name[ALPN_SERVER_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        alpn_server_name(cases[i][0], name);
        assert_string_equal(name, cases[i][1]);
    }
}

/* The extension as it must stand in the certificate: critical, an OCTET STRING in an OCTET STRING. */
static void test_certificate(void **state)
{
    static const uint8_t head[] = {0x30, 0x31, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01,
                                   0x1f, 0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20, 1,    2,    3};
    static const struct {
        const char *identifier;
        const char *san; /* GeneralName: tag, length, content */
        size_t len;
    } cases[] = {
        {"a.example",
         "\x82\x09"
         "a.example",
         11},
        {"192.0.2.1", "\x87\x04\xc0\x00\x02\x01", 6},
        {"2001:db8::1", "\x87\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 18},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e;
        size_t len;
        struct alpn_certificate *c = alpn_certificate_new(cases[i].identifier, digest, NOW, &e);
        const uint8_t *der;

        assert_non_null(c);
        der = alpn_certificate_der(c, &len);
        assert_non_null(memmem(der, len, head, sizeof head));
        assert_non_null(memmem(der, len, cases[i].san, cases[i].len));
        alpn_certificate_free(c);
    }
}

/* mbed TLS as a client does not know the extension and goes no further than the certificate: whole handshakes
 * are Pebble's and OpenSSL's, in the end-to-end tests. */
static void check_shown(size_t piece)
{
    struct tls_client c;
    size_t len;
    const uint8_t *der = alpn_certificate_der(known, &len);

    tls_client_start(&c, "A.Example", "acme-tls/1", find);
    assert_int_equal(tls_client_turn(&c, piece), ALPN_MORE);
    assert_non_null(memmem(c.to_client.data, c.to_client.len, der, len));
    tls_client_end(&c);
}

static void test_shown(void **state)
{
    (void)state;
    check_shown(100000);
    check_shown(1);
}

/* Whoever is not a CA that validates this name sees an alert at most. */
static void test_refused(void **state)
{
    static const struct {
        const char *name, *protocol;
    } cases[] = {
        {"b.example", "acme-tls/1"}, {NULL, "acme-tls/1"}, {"a.example", "h2"},
        {"a.example", NULL},         {NULL, NULL},         {"a.example.", "acme-tls/1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tls_client c;

        tls_client_start(&c, cases[i].name, cases[i].protocol, find);
        assert_int_equal(tls_client_turn(&c, 100000), ALPN_REFUSED);
        assert_true(c.to_client.len <= 7); /* an alert */
        tls_client_end(&c);
    }
}

static void test_garbage(void **state)
{
    static const char *const cases[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff\x01\xff\xff\xff",
                                        "\x16\x03\x01\x00\x05\x01\x01\x01\x01\x01"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct alpn_server *s = alpn_server_new(find, NULL);
        enum alpn_result r = ALPN_MORE;

        for (int n = 0; n < 2000 && r == ALPN_MORE; n++)
            r = alpn_server_feed(s, cases[i], strlen(cases[i]));
        /* A hello without end is waited for by 3.6: the door's deadline ends it. */
        assert_true(r == ALPN_REFUSED || r == ALPN_MORE);
        assert_true(alpn_server_output(s)->len <= 7); /* an alert */
        alpn_server_free(s);
    }
}

/* The challenge ends while a CA is in the middle of its handshake. */
static void test_certificate_is_held(void **state)
{
    struct alpn_certificate *other = known;
    struct tls_client c;
    struct err e;

    (void)state;
    known = alpn_certificate_new("a.example", digest, NOW, &e);
    tls_client_start(&c, "a.example", "acme-tls/1", find);
    assert_int_equal(tls_client_turn(&c, 100000), ALPN_MORE); /* the server has sent its flight */
    alpn_certificate_free(known);
    known = other;
    assert_int_equal(alpn_server_feed(c.server, "\x15\x03\x03\x00\x02\x02\x2e", 7), ALPN_REFUSED);
    tls_client_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_server_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_certificate_is_held, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
