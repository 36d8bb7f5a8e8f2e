/* SPDX-License-Identifier: MIT */
#include "daemon/engine/client.h"

#include "daemon/engine/multi.h"
#include "daemon/engine/silence.h"
#include "lib/buf.h"
#include "lib/cert.h"
#include "lib/http_head.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_S 10L
#define TOTAL_TIMEOUT_S   30L
#define PEEK_TIMEOUT_S    10L
#define CA_CACHE_S        60L /* so that a replaced bundle is noticed soon, and still read once for a burst */
#define USER_AGENT        "acmed/" ACMED_VERSION " (ACME client; libcurl)"

struct client {
    struct multi *multi;
    CURLM *curl;                   /* its */
    struct client_call *calls;     /* all under way */
    struct client_call *reporting; /* its callback runs: collect() will free it */
    int64_t distrusted_at;         /* monotonic ms: the CA bundle in the cache did not do; 0: it does */
    struct silences silences;      /* of kept connections */
};

struct client_call {
    struct client *client;
    struct client_call *next;
    CURL *easy;
    struct curl_slist *headers; /* of the request */
    struct curl_slist *connect_to;
    char error[CURL_ERROR_SIZE];
    char *url;
    struct buf body;
    struct http_head head;
    size_t head_len;
    unsigned sent; /* of a POST: how often libcurl has begun to send it */
    void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e);
    void (*on_leaf)(void *arg, const uint8_t *sha256, const struct err *e);
    void *arg;
};

void client_warm_up(void)
{
    struct addrinfo *ai = NULL;

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    if (getaddrinfo("localhost", NULL, NULL, &ai) == 0)
        freeaddrinfo(ai);
    curl_easy_cleanup(curl_easy_init());
}

static void call_free(struct client_call *call)
{
    struct client_call **p = &call->client->calls;

    while (*p != call)
        p = &(*p)->next;
    *p = call->next;
    if (call->easy != NULL) {
        (void)curl_multi_remove_handle(call->client->curl, call->easy);
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->headers);
    curl_slist_free_all(call->connect_to);
    buf_clear(&call->body);
    http_head_clear(&call->head);
    free(call->url);
    free(call);
}

/* ---- the replies ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct client_call *call = arg;

    return buf_add(&call->body, data, size * n) ? size * n : 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct client_call *call = arg;

    call->head_len += size * n;
    if (call->head_len > HTTP_REPLY_HEAD_MAX)
        return 0;
    http_head_line(&call->head, line, size * n, loop_wall_ms() / 1000);
    return size * n;
}

/* Of a POST only. When a kept connection ends before a reply, libcurl sends the request again on another one.
 * Whether the first was heard, its nonce tells: see http_reply.resent. */
static int on_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct client_call *call = arg;

    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    call->sent++;
    return CURL_PREREQFUNC_OK;
}

static void network_error(struct client_call *call, CURLcode code, struct err *e)
{
    const char *what = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);

    if (code == CURLE_OK)
        what = "the connection ended within the headers of the reply";
    if (code == CURLE_WRITE_ERROR && call->head_len > HTTP_REPLY_HEAD_MAX)
        err_set(e, ERR_CLASS_NETWORK, "%s: the headers of the reply are larger than %d KiB", call->url,
                HTTP_REPLY_HEAD_MAX / 1024);
    else if (code == CURLE_WRITE_ERROR)
        err_set(e, ERR_CLASS_TRANSIENT, "%s: the reply is larger than %d KiB", call->url,
                HTTP_REPLY_BODY_MAX / 1024);
    else
        err_set(e, ERR_CLASS_NETWORK, "%s: %s", call->url, what);
    e->unsent = call->sent == 0;
}

static void report_reply(struct client_call *call, CURLcode code)
{
    struct http_reply reply = {.retry_after = call->head.retry_after, .resent = call->sent > 1};
    long status = 0;
    struct err e;

    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || !call->head.complete) {
        network_error(call, code, &e);
        call->on_done(call->arg, NULL, &e);
        return;
    }
    if (call->body.len > 0 && !call->head.framed) {
        err_set(&e, ERR_CLASS_TRANSIENT,
                "%s: the reply does not say how long it is, so that nobody can tell whether it is whole",
                call->url);
        call->on_done(call->arg, NULL, &e);
        return;
    }
    reply.status = (int)status;
    reply.body = call->body.data != NULL ? call->body.data : "";
    reply.body_len = call->body.len;
    if (call->head.location != NULL && http_url_check(call->head.location, NULL))
        reply.location = call->head.location;
    reply.replay_nonce = call->head.replay_nonce;
    reply.alternates = &call->head.alternates;
    call->on_done(call->arg, &reply, NULL);
}

/* The first certificate among those the server presented. */
static bool leaf_fingerprint(struct client_call *call, uint8_t sha256[32], struct err *e)
{
    struct curl_certinfo *info = NULL;

    if (curl_easy_getinfo(call->easy, CURLINFO_CERTINFO, &info) == CURLE_OK && info != NULL &&
        info->num_of_certs > 0)
        for (struct curl_slist *l = info->certinfo[0]; l != NULL; l = l->next)
            if (strncmp(l->data, "Cert:", 5) == 0)
                return cert_fingerprint(l->data + 5, strlen(l->data + 5), sha256, e);
    return err_set(e, ERR_CLASS_NETWORK, "%s: no certificate was presented", call->url);
}

static void report_leaf(struct client_call *call, CURLcode code)
{
    uint8_t sha256[32];
    struct err e;

    if (code != CURLE_OK) {
        network_error(call, code, &e);
        call->on_leaf(call->arg, NULL, &e);
    } else if (!leaf_fingerprint(call, sha256, &e)) {
        call->on_leaf(call->arg, NULL, &e);
    } else {
        call->on_leaf(call->arg, sha256, NULL);
    }
}

static void note_outcome(struct client *c, const struct client_call *call, CURLcode code)
{
    long connects = 0;

    if (code == CURLE_PEER_FAILED_VERIFICATION)
        c->distrusted_at = loop_monotonic_ms();
    if (call->on_done == NULL)
        return;
    if (code == CURLE_OK)
        silence_heard(&c->silences, call->url);
    if (code == CURLE_OPERATION_TIMEDOUT &&
        curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects) == CURLE_OK && connects == 0)
        silence_found(&c->silences, call->url, loop_monotonic_ms());
}

static void collect(void *arg)
{
    struct client *c = arg;
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(c->curl, &left)) != NULL) {
        struct client_call *call = NULL;
        CURLcode code = msg->data.result;

        if (msg->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        note_outcome(c, call, code);
        c->reporting = call;
        if (call->on_done != NULL)
            report_reply(call, code);
        else
            report_leaf(call, code);
        c->reporting = NULL;
        call_free(call);
    }
}

struct client *client_new(struct loop *l, struct err *e)
{
    struct client *c = calloc(1, sizeof *c);

    if (c != NULL)
        c->multi = multi_new(l, collect, c);
    if (c == NULL || c->multi == NULL) {
        err_nomem(e, "the HTTPS client");
        free(c);
        return NULL;
    }
    c->curl = multi_curl(c->multi);
    (void)curl_multi_setopt(c->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    (void)curl_multi_setopt(c->curl, CURLMOPT_MAX_HOST_CONNECTIONS, 8L);
    (void)curl_multi_setopt(c->curl, CURLMOPT_MAXCONNECTS, 16L);
    return c;
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    while (c->calls != NULL)
        call_free(c->calls);
    multi_free(c->multi);
    silences_clear(&c->silences);
    free(c);
}

static struct client_call *call_new(struct client *c, const char *url, void *arg, struct err *e)
{
    struct client_call *call = calloc(1, sizeof *call);

    if (call == NULL) {
        err_nomem(e, "a request");
        return NULL;
    }
    call->client = c;
    call->next = c->calls;
    c->calls = call;
    call->arg = arg;
    http_head_init(&call->head);
    buf_init(&call->body, HTTP_REPLY_BODY_MAX);
    call->easy = curl_easy_init();
    call->url = strdup(url);
    if (call->easy == NULL || call->url == NULL) {
        err_nomem(e, "a request");
        call_free(call);
        return NULL;
    }
    return call;
}

/* Settings that requests and peeks share. Without QUICK_EXIT libcurl waits, within the loop, for a question
 * to the DNS that nobody answers. */
static bool set_common(struct client_call *call, long timeout_s)
{
    CURL *h = call->easy;

    return curl_easy_setopt(h, CURLOPT_URL, call->url) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_PRIVATE, call) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_ERRORBUFFER, call->error) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_TIMEOUT, timeout_s) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_USERAGENT, USER_AGENT) == CURLE_OK;
}

static bool is_distrusted(const struct client *c)
{
    return c->distrusted_at != 0 && loop_monotonic_ms() - c->distrusted_at <= (CA_CACHE_S + 1) * 1000;
}

/* A connection made before one was found silent is not used again. */
static bool set_connection(const struct client_call *call)
{
    const struct silences *silences = &call->client->silences;
    long max_age;
    bool fresh;

    return !silence_limits(silences, call->url, loop_monotonic_ms(), &max_age, &fresh) ||
           (curl_easy_setopt(call->easy, CURLOPT_MAXLIFETIME_CONN, max_age) == CURLE_OK &&
            curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L) == CURLE_OK);
}

static bool set_request(struct client_call *call, const struct client_request *r)
{
    CURL *h = call->easy;
    bool ok = set_common(call, TOTAL_TIMEOUT_S) && set_connection(call) &&
              curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_WRITEDATA, call) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_HEADERDATA, call) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_PIPEWAIT, 1L) == CURLE_OK &&
              curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK;

    if (ok && r->ca_file != NULL)
        ok = curl_easy_setopt(h, CURLOPT_CAINFO, r->ca_file) == CURLE_OK &&
             curl_easy_setopt(h, CURLOPT_CAPATH, NULL) == CURLE_OK;
    /* Not every TLS backend has it. Who has just put in another bundle is not told of the old one. */
    (void)curl_easy_setopt(h, CURLOPT_CA_CACHE_TIMEOUT, is_distrusted(call->client) ? 0L : CA_CACHE_S);
    if (ok && r->method == CLIENT_HEAD)
        ok = curl_easy_setopt(h, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (ok && r->method == CLIENT_POST) {
        call->headers = curl_slist_append(NULL, "Content-Type: application/jose+json");
        ok = call->headers != NULL && curl_easy_setopt(h, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK &&
             curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_sending) == CURLE_OK &&
             curl_easy_setopt(h, CURLOPT_PREREQDATA, call) == CURLE_OK &&
             curl_easy_setopt(h, CURLOPT_POST, 1L) == CURLE_OK &&
             curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)strlen(r->body)) == CURLE_OK &&
             curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, r->body) == CURLE_OK;
    }
    return ok;
}

static struct client_call *start(struct client_call *call, bool ok, struct err *e)
{
    if (!ok || curl_multi_add_handle(call->client->curl, call->easy) != CURLM_OK) {
        err_set(e, ERR_CLASS_INTERNAL, "libcurl does not accept a request to %s", call->url);
        call_free(call);
        return NULL;
    }
    return call;
}

struct client_call *client_start(struct client *c, const struct client_request *r,
                                 void (*on_done)(void *arg, const struct http_reply *reply,
                                                 const struct err *e),
                                 void *arg, struct err *e)
{
    struct client_call *call;

    if (!http_url_check(r->url, e))
        return NULL;
    call = call_new(c, r->url, arg, e);
    if (call == NULL)
        return NULL;
    call->on_done = on_done;
    return start(call, set_request(call, r), e);
}

static bool set_offer(CURL *h, enum client_offer offer)
{
    static const char *const openssl[] = {[CLIENT_OFFER_ECDSA] = "aECDSA", [CLIENT_OFFER_RSA] = "aRSA"};
    static const char *const gnutls[] = {
        [CLIENT_OFFER_ECDSA] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA",
        [CLIENT_OFFER_RSA] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA:+DHE-RSA:+RSA"};
    const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;

    if (offer == CLIENT_OFFER_ANY)
        return true;
    if (offer != CLIENT_OFFER_TLS12 && strncmp(library, "OpenSSL", 7) == 0)
        (void)curl_easy_setopt(h, CURLOPT_SSL_CIPHER_LIST, openssl[offer]);
    if (offer != CLIENT_OFFER_TLS12 && strncmp(library, "GnuTLS", 6) == 0)
        (void)curl_easy_setopt(h, CURLOPT_SSL_CIPHER_LIST, gnutls[offer]);
    return curl_easy_setopt(h, CURLOPT_SSLVERSION,
                            (long)CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2) == CURLE_OK;
}

struct client_call *client_peek(struct client *c, const char *host, uint16_t port, const char *name,
                                enum client_offer offer,
                                void (*on_leaf)(void *arg, const uint8_t *sha256, const struct err *e),
                                void *arg, struct err *e)
{
    bool v6 = strchr(host, ':') != NULL;
    bool literal = strchr(name, ':') != NULL;
    struct client_call *call;
    char text[1024];
    bool ok;

    /* The URL's host is the SNI, unless it is an address; CONNECT_TO says where that is to be found. */
    (void)snprintf(text, sizeof text, "https://%s%s%s:%" PRIu16 "/", literal ? "[" : "", name,
                   literal ? "]" : "", port);
    call = call_new(c, text, arg, e);
    if (call == NULL)
        return NULL;
    call->on_leaf = on_leaf;
    (void)snprintf(text, sizeof text, "::%s%s%s:%" PRIu16, v6 ? "[" : "", host, v6 ? "]" : "", port);
    call->connect_to = curl_slist_append(NULL, text);
    ok = call->connect_to != NULL && set_common(call, PEEK_TIMEOUT_S) && set_offer(call->easy, offer) &&
         curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to) == CURLE_OK &&
         curl_easy_setopt(call->easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
         curl_easy_setopt(call->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
         curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
         curl_easy_setopt(call->easy, CURLOPT_CERTINFO, 1L) == CURLE_OK &&
         curl_easy_setopt(call->easy, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
         curl_easy_setopt(call->easy, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
         curl_easy_setopt(call->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK;
    return start(call, ok, e);
}

void client_cancel(struct client_call *call)
{
    if (call != NULL && call != call->client->reporting)
        call_free(call);
}
