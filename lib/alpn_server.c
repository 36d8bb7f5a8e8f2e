/* SPDX-License-Identifier: MIT */
#include "lib/alpn_server.h"

#include "lib/alpn_certificate_use.h"
#include "lib/crypto.h"

#include <mbedtls/ssl.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL   "acme-tls/1"
#define INPUT_MAX  (64 * 1024)
#define OUTPUT_MAX (64 * 1024)

struct alpn_server {
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    struct alpn_certificate *(*find)(void *arg, const char *name, size_t len);
    void *arg;
    struct alpn_certificate *certificate; /* of the name asked for; held; NULL: none */
    struct buf in;
    struct buf out;
};

static int take(void *arg, unsigned char *data, size_t len)
{
    struct alpn_server *s = arg;

    if (s->in.len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (len > s->in.len)
        len = s->in.len;
    memcpy(data, s->in.data, len);
    buf_consume(&s->in, len);
    return (int)len;
}

static int give(void *arg, const unsigned char *data, size_t len)
{
    struct alpn_server *s = arg;

    return buf_add(&s->out, data, len) ? (int)len : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

static int on_server_name(void *arg, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
    struct alpn_certificate *c;
    char lower[ALPN_SERVER_NAME_MAX];
    struct alpn_server *s = arg;

    if (len == 0 || len > sizeof lower)
        return -1;
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)tolower(name[i]);
    c = s->find(s->arg, lower, len);
    if (c == NULL)
        return -1;
    alpn_certificate_free(s->certificate);
    s->certificate = alpn_certificate_hold(c);
    return mbedtls_ssl_set_hs_own_cert(ssl, &c->crt, &c->key);
}

static int set_up(struct alpn_server *s)
{
    static const char *protocols[] = {PROTOCOL, NULL};
    int rc = mbedtls_ssl_config_defaults(&s->config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                         MBEDTLS_SSL_PRESET_DEFAULT);

    if (rc != 0)
        return rc;
    mbedtls_ssl_conf_rng(&s->config, crypto_random, NULL);
    mbedtls_ssl_conf_authmode(&s->config, MBEDTLS_SSL_VERIFY_NONE);
    crypto_tls_1_2_only(&s->config); /* every CA that validates so speaks it (RFC 8737 section 4) */
    mbedtls_ssl_conf_sni(&s->config, on_server_name, s);
    rc = mbedtls_ssl_conf_alpn_protocols(&s->config, protocols);
    if (rc == 0)
        rc = mbedtls_ssl_setup(&s->ssl, &s->config);
    if (rc == 0)
        mbedtls_ssl_set_bio(&s->ssl, s, give, take, NULL);
    return rc;
}

struct alpn_server *alpn_server_new(struct alpn_certificate *(*find)(void *arg, const char *name, size_t len),
                                    void *arg)
{
    struct alpn_server *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->find = find;
    s->arg = arg;
    buf_init(&s->in, INPUT_MAX);
    buf_init(&s->out, OUTPUT_MAX);
    mbedtls_ssl_config_init(&s->config);
    mbedtls_ssl_init(&s->ssl);
    if (set_up(s) != 0) {
        alpn_server_free(s);
        return NULL;
    }
    return s;
}

void alpn_server_free(struct alpn_server *s)
{
    if (s == NULL)
        return;
    mbedtls_ssl_free(&s->ssl);
    mbedtls_ssl_config_free(&s->config);
    alpn_certificate_free(s->certificate);
    buf_clear(&s->in);
    buf_clear(&s->out);
    free(s);
}

struct buf *alpn_server_output(struct alpn_server *s)
{
    return &s->out;
}

/* A client that offers no protocol at all gets as far as one that offers ours: mbed TLS takes the extension
 * for optional. Its flight is still in our buffer then, and stays there. */
static bool is_ours(const struct alpn_server *s)
{
    const char *protocol = mbedtls_ssl_get_alpn_protocol(&s->ssl);

    return s->certificate != NULL && protocol != NULL && strcmp(protocol, PROTOCOL) == 0;
}

/* The alert no_application_protocol (RFC 7301 section 3.2). */
static void refuse(struct alpn_server *s)
{
    static const char alert[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x78};

    buf_consume(&s->out, s->out.len);
    (void)buf_add(&s->out, alert, sizeof alert);
}

enum alpn_result alpn_server_feed(struct alpn_server *s, const char *data, size_t len)
{
    int rc;

    if (!buf_add(&s->in, data, len))
        return ALPN_REFUSED;
    rc = mbedtls_ssl_handshake(&s->ssl);
    if (rc == MBEDTLS_ERR_SSL_ALLOC_FAILED)
        return ALPN_NOMEM;
    if ((rc == 0 || s->out.len > 0) && !is_ours(s)) {
        refuse(s);
        return ALPN_REFUSED;
    }
    if (rc == MBEDTLS_ERR_SSL_WANT_READ)
        return ALPN_MORE;
    if (rc != 0)
        return ALPN_REFUSED;
    (void)mbedtls_ssl_close_notify(&s->ssl);
    return ALPN_DONE;
}
