/* SPDX-License-Identifier: MIT */
/* A connection that ends at each byte of a reply, in each way: what is cut is never taken for a reply. Nor is
 * what has no end. */

#include "tests/unit/engine/rig.h"
#include "tests/unit/keeper/ca.h"

#include "daemon/engine/client.h"
#include "daemon/random.h"
#include "lib/crypto.h"
#include "lib/csr.h"
#include "lib/key.h"

#include <arpa/inet.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/wait.h>

#define BODY "{\"status\": \"valid\"}"

enum form { FORM_LENGTH, FORM_CHUNKED, FORM_UNTIL_CLOSE, FORM_COUNT };
enum end { END_NOTIFY, END_CLOSE, END_RESET, END_COUNT };

static const char *const replies[FORM_COUNT] = {
    "HTTP/1.1 200 OK\r\nReplay-Nonce: abc\r\nContent-Type: application/json\r\nContent-Length: "
    "19\r\n\r\n" BODY,
    "HTTP/1.1 200 OK\r\nReplay-Nonce: abc\r\nTransfer-Encoding: chunked\r\n\r\n"
    "b\r\n{\"status\": \r\n8\r\n\"valid\"}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nReplay-Nonce: abc\r\nConnection: close\r\n\r\n" BODY,
};

struct server {
    char *chain; /* PEM */
    struct buf key;
    int listener;
    uint16_t port;
    char ca_file[64];
};

/* ---- the server, a process of its own ---- */

static int give(void *arg, const unsigned char *data, size_t len)
{
    ssize_t n = send(*(int *)arg, data, len, MSG_NOSIGNAL);

    return n < 0 ? MBEDTLS_ERR_NET_SEND_FAILED : (int)n;
}

static int take(void *arg, unsigned char *data, size_t len)
{
    ssize_t n = recv(*(int *)arg, data, len, 0);

    return n < 0 ? MBEDTLS_ERR_NET_RECV_FAILED : (int)n;
}

/* A head that has no end. */
static void answer_on_and_on(mbedtls_ssl_context *ssl)
{
    static const char begin[] = "HTTP/1.1 200 OK\r\n";
    static const char line[] = "X-More: 0123456789012345678901234567890123456789\r\n";
    int n = mbedtls_ssl_write(ssl, (const unsigned char *)begin, sizeof begin - 1);

    while (n > 0)
        n = mbedtls_ssl_write(ssl, (const unsigned char *)line, sizeof line - 1);
}

/* GET /FORM/END/BYTES: so much of the reply of that form, and then that end. */
static void answer(mbedtls_ssl_context *ssl, int fd)
{
    const struct linger reset = {.l_onoff = 1};
    char request[4096];
    unsigned form, end, bytes;
    size_t len = 0;
    int n = 1;

    while (n > 0 && len < sizeof request - 1) {
        n = mbedtls_ssl_read(ssl, (unsigned char *)request + len, sizeof request - 1 - len);
        if (n > 0)
            len += (size_t)n;
        request[len] = '\0';
        if (strstr(request, "\r\n\r\n") != NULL)
            break;
    }
    if (sscanf(request, "GET /%u/%u/%u ", &form, &end, &bytes) != 3)
        return;
    if (form >= FORM_COUNT) {
        answer_on_and_on(ssl);
        return;
    }
    for (unsigned sent = 0; sent < bytes && n > 0; sent += (unsigned)n)
        n = mbedtls_ssl_write(ssl, (const unsigned char *)replies[form] + sent, bytes - sent);
    if (end == END_NOTIFY)
        (void)mbedtls_ssl_close_notify(ssl);
    if (end == END_RESET)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

static _Noreturn void serve(const struct server *s)
{
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt crt;
    mbedtls_pk_context key;
    const int on = 1;

    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    mbedtls_x509_crt_init(&crt);
    mbedtls_pk_init(&key);
    if (mbedtls_x509_crt_parse(&crt, (const unsigned char *)s->chain, strlen(s->chain) + 1) != 0 ||
#if MBEDTLS_VERSION_MAJOR >= 3
        mbedtls_pk_parse_key(&key, (const unsigned char *)s->key.data, s->key.len + 1, NULL, 0,
                             mbedtls_ctr_drbg_random, &ca_random) != 0 ||
#else
        mbedtls_pk_parse_key(&key, (const unsigned char *)s->key.data, s->key.len + 1, NULL, 0) != 0 ||
#endif
        mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        _exit(1);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &ca_random);
    (void)mbedtls_ssl_conf_own_cert(&config, &crt, &key);
    (void)mbedtls_ssl_setup(&ssl, &config);
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);

        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)mbedtls_ssl_session_reset(&ssl);
        mbedtls_ssl_set_bio(&ssl, &fd, give, take, NULL);
        if (mbedtls_ssl_handshake(&ssl) == 0)
            answer(&ssl, fd);
        (void)close(fd);
    }
}

static void listen_somewhere(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;

    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->listener, 128), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
}

static void certify(struct server *s, const char *dir)
{
    struct key *key = key_generate(KEY_TYPE_ECDSA_P256, NULL);
    int64_t now = (int64_t)time(NULL);
    struct strv names = {0};
    char *csr;
    FILE *f;

    assert_non_null(key);
    assert_true(strv_add(&names, "localhost"));
    csr = csr_build(key, &names, NULL);
    assert_non_null(csr);
    s->chain = ca_certify(csr, "localhost", now - 3600, now + 3600);
    buf_init_secret(&s->key, 4096);
    assert_true(key_to_pem(key, &s->key, NULL));
    free(csr);
    strv_clear(&names);
    key_free(key);
    (void)snprintf(s->ca_file, sizeof s->ca_file, "%s/ca.pem", dir);
    f = fopen(s->ca_file, "w");
    assert_non_null(f);
    (void)fputs(ca_pem, f);
    assert_int_equal(fclose(f), 0);
}

/* ---- the client ---- */

struct outcome {
    unsigned *done;
    bool replied;
    char body[64];
    char error[256];
};

static void on_done(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct outcome *o = arg;

    ++*o->done;
    o->replied = reply != NULL;
    if (reply != NULL)
        (void)snprintf(o->body, sizeof o->body, "%d %.*s", reply->status, (int)reply->body_len, reply->body);
    else
        (void)snprintf(o->error, sizeof o->error, "%s", e->text);
}

static void ask(struct client *c, const struct server *s, unsigned form, unsigned end, unsigned bytes,
                struct outcome *o)
{
    struct client_request r = {.method = CLIENT_GET, .ca_file = s->ca_file};
    struct err e;
    char url[128];

    (void)snprintf(url, sizeof url, "https://localhost:%u/%u/%u/%u", s->port, form, end, bytes);
    r.url = url;
    if (client_start(c, &r, on_done, o, &e) == NULL)
        fail_msg("%s", e.text);
}

/* A body that only ends with its connection may have been cut by anybody on the way: TLS does not tell
 * libcurl. */
static void check(const struct outcome *o, unsigned form, unsigned end, unsigned bytes)
{
    static const char whole[] = "200 " BODY;
    bool is_whole = bytes == strlen(replies[form]);

    if (is_whole && end == END_NOTIFY && !o->replied && form != FORM_UNTIL_CLOSE)
        fail_msg("form %u, end %u: no reply: %s", form, end, o->error);
    if (is_whole && end == END_NOTIFY && form == FORM_UNTIL_CLOSE)
        assert_non_null(strstr(o->error, "does not say how long it is"));
    if (!o->replied)
        return;
    if (form == FORM_UNTIL_CLOSE)
        assert_string_equal(o->body, "200 "); /* nothing in it */
    else if (strcmp(o->body, whole) != 0)
        fail_msg("form %u, end %u, %u bytes: taken for a reply: %s", form, end, bytes, o->body);
}

static void test_cut_at_each_byte(void **state)
{
    const struct server *s = *state;
    struct loop *l = loop_new();
    struct client *c = client_new(l, NULL);

    assert_non_null(c);
    for (unsigned form = 0; form < FORM_COUNT; form++) {
        for (unsigned end = 0; end < END_COUNT; end++) {
            unsigned n = (unsigned)strlen(replies[form]) + 1;
            struct outcome *outcomes = calloc(n, sizeof *outcomes);
            unsigned done = 0;

            assert_non_null(outcomes);
            for (unsigned bytes = 0; bytes < n; bytes++) {
                outcomes[bytes].done = &done;
                ask(c, s, form, end, bytes, &outcomes[bytes]);
                if (bytes % 8 == 7)
                    rig_until(l, &done, bytes + 1);
            }
            rig_until(l, &done, n);
            for (unsigned bytes = 0; bytes < n; bytes++)
                check(&outcomes[bytes], form, end, bytes);
            free(outcomes);
        }
    }
    client_free(c);
    loop_free(l);
}

static void test_a_head_without_end(void **state)
{
    const struct server *s = *state;
    struct loop *l = loop_new();
    struct client *c = client_new(l, NULL);
    unsigned done = 0;
    struct outcome o = {.done = &done};

    assert_non_null(c);
    ask(c, s, FORM_COUNT, 0, 0, &o);
    rig_until(l, &done, 1);
    assert_false(o.replied);
    assert_non_null(strstr(o.error, "the headers of the reply are larger than 64 KiB"));
    client_free(c);
    loop_free(l);
}

int main(void)
{
    struct server s = {.listener = -1};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_cut_at_each_byte, &s),
        cmocka_unit_test_prestate(test_a_head_without_end, &s),
    };
    char *dir = rig_dir();
    struct err e;
    pid_t pid;
    int failed;

    if (!crypto_init(random_bytes, &e))
        return 1;
    ca_start();
    certify(&s, dir);
    listen_somewhere(&s);
    pid = fork();
    if (pid == 0)
        serve(&s);
    client_warm_up();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)close(s.listener);
    free(s.chain);
    buf_clear(&s.key);
    rig_dir_free(dir);
    ca_stop();
    crypto_free();
    return failed;
}
