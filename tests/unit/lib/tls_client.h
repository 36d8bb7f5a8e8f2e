/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_TLS_CLIENT_H
#define ACMED_TEST_TLS_CLIENT_H

/* A CA's side of a handshake with lib/alpn_server.h, by mbed TLS, in memory. */

#include "lib/alpn_server.h"
#include "lib/crypto.h"

#include <mbedtls/ssl.h>

#include <string.h>

struct tls_client {
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    const char *protocols[2];
    struct alpn_server *server;
    struct buf to_client;
    struct buf to_server;
};

static inline int tls_client_take(void *arg, unsigned char *data, size_t len)
{
    struct tls_client *c = arg;

    if (c->to_client.len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    len = len < c->to_client.len ? len : c->to_client.len;
    memcpy(data, c->to_client.data, len);
    buf_consume(&c->to_client, len);
    return (int)len;
}

static inline int tls_client_give(void *arg, const unsigned char *data, size_t len)
{
    struct tls_client *c = arg;

    assert_true(buf_add(&c->to_server, data, len));
    return (int)len;
}

/* name, protocol: NULL: not sent. */
static inline void tls_client_start(struct tls_client *c, const char *name, const char *protocol,
                                    struct alpn_certificate *(*find)(void *arg, const char *name, size_t len))
{
    memset(c, 0, sizeof *c);
    buf_init(&c->to_client, 100000);
    buf_init(&c->to_server, 100000);
    c->server = alpn_server_new(find, NULL);
    assert_non_null(c->server);
    mbedtls_ssl_config_init(&c->config);
    mbedtls_ssl_init(&c->ssl);
    assert_int_equal(mbedtls_ssl_config_defaults(&c->config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_rng(&c->config, crypto_random, NULL);
    crypto_tls_1_2_only(&c->config);
    mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_NONE);
    c->protocols[0] = protocol;
    if (protocol != NULL)
        assert_int_equal(mbedtls_ssl_conf_alpn_protocols(&c->config, c->protocols), 0);
    assert_int_equal(mbedtls_ssl_setup(&c->ssl, &c->config), 0);
    assert_int_equal(mbedtls_ssl_set_hostname(&c->ssl, name), 0);
    mbedtls_ssl_set_bio(&c->ssl, c, tls_client_give, tls_client_take, NULL);
}

/* The client says what it has to say; the server takes it in pieces of this size. */
static inline enum alpn_result tls_client_turn(struct tls_client *c, size_t piece)
{
    enum alpn_result r = ALPN_MORE;
    struct buf *out = alpn_server_output(c->server);

    (void)mbedtls_ssl_handshake(&c->ssl);
    while (r == ALPN_MORE && c->to_server.len > 0) {
        size_t n = piece < c->to_server.len ? piece : c->to_server.len;

        r = alpn_server_feed(c->server, c->to_server.data, n);
        buf_consume(&c->to_server, n);
        assert_true(out->len == 0 || buf_add(&c->to_client, out->data, out->len));
        buf_consume(out, out->len);
    }
    return r;
}

static inline void tls_client_end(struct tls_client *c)
{
    alpn_server_free(c->server);
    mbedtls_ssl_free(&c->ssl);
    mbedtls_ssl_config_free(&c->config);
    buf_clear(&c->to_client);
    buf_clear(&c->to_server);
}

#endif
