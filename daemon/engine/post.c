/* SPDX-License-Identifier: MIT */
#include "daemon/engine/post.h"

#include "daemon/log.h"

#include <stdlib.h>
#include <string.h>

#define REPLIES_ENOUGH 8 /* one of so many found neither of the two sides busy */

struct posts {
    struct client *client;
    struct link *keeper;
    struct nonces *nonces;
    const struct config_ca *ca;
    struct post *first;
    int64_t quickest; /* ms, of the replies so far */
    unsigned replies; /* so far, at most REPLIES_ENOUGH */
};

struct post {
    struct post *next;
    struct posts *posts;
    enum ipc_type what;
    bool option; /* of a new order */
    char *subject;
    char *url;
    struct nonces_wait nonce;
    uint32_t request;
    struct client_call *call;
    int64_t sent_at; /* monotonic ms; 0: not sent */
    bool starting;   /* within post_start(): a failure is its return value, not a callback */
    bool failed;
    void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e);
    void *arg;
};

static void post_free(struct post *p)
{
    struct posts *s = p->posts;

    for (struct post **q = &s->first; *q != NULL; q = &(*q)->next) {
        if (*q == p) {
            *q = p->next;
            break;
        }
    }
    nonces_cancel(s->nonces, &p->nonce);
    link_forget(s->keeper, p->request);
    if (p->sent_at != 0)
        nonces_reply(s->nonces, NULL, loop_monotonic_ms() - p->sent_at);
    client_cancel(p->call);
    free(p->subject);
    free(p->url);
    free(p);
}

static void finish(struct post *p, const struct http_reply *reply, const struct err *e)
{
    void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e) = p->on_done;
    void *arg = p->arg;

    if (p->starting) {
        p->failed = true;
        return;
    }
    post_free(p);
    on_done(arg, reply, e);
}

static void finish_unsent(struct post *p, const struct err *e)
{
    struct err own = *e;

    own.unsent = true;
    finish(p, NULL, &own);
}

static void measure(struct posts *s, int64_t rtt)
{
    if (s->replies == 0 || rtt < s->quickest)
        s->quickest = rtt;
    if (s->replies < REPLIES_ENOUGH)
        s->replies++;
}

int64_t posts_round_trip(const struct posts *s)
{
    return s->replies < REPLIES_ENOUGH ? 0 : s->quickest;
}

static void on_reply(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct post *p = arg;
    struct posts *s = p->posts;
    int64_t rtt = loop_monotonic_ms() - p->sent_at;

    p->call = NULL;
    p->sent_at = 0;
    if (reply != NULL)
        measure(s, rtt);
    log_debug(NULL, "CA %s: POST %s: %s%d", s->ca->name, p->url, reply != NULL ? "HTTP " : "no reply ",
              reply != NULL ? reply->status : 0);
    nonces_reply(s->nonces, reply != NULL ? reply->replay_nonce : NULL, rtt);
    finish(p, reply, e);
}

static void on_signed(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct post *p = arg;
    struct posts *s = p->posts;
    struct client_request r = {.method = CLIENT_POST, .url = p->url, .ca_file = s->ca->ca_file};
    struct err own;

    p->request = 0;
    if (m != NULL && m->type != IPC_SIGNED) {
        err_set(&own, ERR_CLASS_INTERNAL, "the keeper answered a request for a signature with \"%s\"",
                ipc_type_to_str(m->type));
        e = &own;
    } else if (m != NULL) {
        r.body = m->field[0].s;
        p->call = client_start(s->client, &r, on_reply, p, &own);
        e = &own;
    }
    if (p->call == NULL) {
        finish_unsent(p, e);
        return;
    }
    p->sent_at = loop_monotonic_ms();
    nonces_request_sent(s->nonces);
}

static void on_nonce(void *arg, const char *nonce, const struct err *e)
{
    struct post *p = arg;
    struct err own;

    if (nonce != NULL) {
        /* What is for a lineage names the CA, too, and a new order has an option; the others take no notice.
         */
        p->request = link_request(p->posts->keeper, on_signed, p, p->what, p->subject, p->url, nonce,
                                  p->posts->ca->name, (uint64_t)p->option);
        if (p->request != 0)
            return;
        err_set(&own, ERR_CLASS_INTERNAL, "cannot ask the keeper for a signature");
        e = &own;
    }
    finish_unsent(p, e);
}

static struct post *start(struct posts *s, enum ipc_type what, const char *subject, const char *url,
                          bool option,
                          void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                          void *arg)
{
    struct post *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    *p = (struct post){
        .next = s->first, .posts = s, .what = what, .option = option, .on_done = on_done, .arg = arg};
    s->first = p;
    p->subject = strdup(subject);
    p->url = strdup(url);
    p->nonce.on_nonce = on_nonce;
    p->nonce.arg = p;
    if (p->subject == NULL || p->url == NULL) {
        post_free(p);
        return NULL;
    }
    p->starting = true;
    nonces_take(s->nonces, &p->nonce);
    p->starting = false;
    if (p->failed) {
        post_free(p);
        return NULL;
    }
    return p;
}

struct post *post_start(struct posts *s, enum ipc_type what, const char *subject, const char *url,
                        void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                        void *arg)
{
    return start(s, what, subject, url, false, on_done, arg);
}

struct post *post_order(struct posts *s, enum ipc_type what, const char *lineage, const char *url,
                        bool option,
                        void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                        void *arg)
{
    return start(s, what, lineage, url, option, on_done, arg);
}

void post_cancel(struct post *p)
{
    if (p != NULL)
        post_free(p);
}

struct posts *posts_new(struct client *client, struct link *keeper, struct nonces *nonces,
                        const struct config_ca *ca)
{
    struct posts *s = calloc(1, sizeof *s);

    if (s != NULL)
        *s = (struct posts){.client = client, .keeper = keeper, .nonces = nonces, .ca = ca};
    return s;
}

void posts_free(struct posts *s)
{
    if (s == NULL)
        return;
    while (s->first != NULL)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
        post_free(s->first);
    free(s);
}
