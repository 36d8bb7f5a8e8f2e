/* SPDX-License-Identifier: MIT */
#include "daemon/engine/nonces.h"

#include "lib/strv.h"

#include <stdlib.h>
#include <string.h>

#define POOL_MAX 64

/* So many at once, and one in so many milliseconds: Let's Encrypt gives 10 at once, and then 20 a second. */
#define FETCHES_MAX 8
#define FETCH_EVERY 60

/* Round trips, ms: while none was measured; and at most, for a reply that takes longer tells of the CA's
 * work, not of the path to it. */
#define RTT_FIRST 100
#define RTT_MOST  1000

struct fetch {
    struct nonces *nonces;
    struct client_call *call;
};

struct nonces {
    struct client *client;
    const char *ca_file;
    char *url;
    struct strv pool; /* the newest at the end, taken first: old ones may have expired */
    struct nonces_wait *first;
    struct nonces_wait **end;
    size_t n_waiting;
    size_t in_flight; /* requests whose replies will bring a nonce */
    struct fetch fetches[FETCHES_MAX];
    size_t n_fetches;
    int64_t fetches_full; /* monotonic ms, when as many as FETCHES_MAX may be fetched at once again */
    int64_t rtt_ms;
    struct loop_delay *patience; /* those who wait have waited long enough */
};

static void on_patience_over(void *arg);

struct nonces *nonces_new(struct loop *l, struct client *client, const char *ca_file)
{
    struct nonces *n = calloc(1, sizeof *n);

    if (n == NULL)
        return NULL;
    n->client = client;
    n->ca_file = ca_file;
    n->end = &n->first;
    n->rtt_ms = RTT_FIRST;
    n->patience = loop_delay_new(l, on_patience_over, n);
    if (n->patience == NULL) {
        free(n);
        return NULL;
    }
    return n;
}

void nonces_free(struct nonces *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < FETCHES_MAX; i++)
        client_cancel(n->fetches[i].call);
    loop_delay_free(n->patience);
    strv_clear(&n->pool);
    free(n->url);
    free(n);
}

bool nonces_set_url(struct nonces *n, const char *url)
{
    char *copy = strdup(url);

    if (copy == NULL)
        return false;
    free(n->url);
    n->url = copy;
    return true;
}

static struct nonces_wait *next_waiter(struct nonces *n)
{
    struct nonces_wait *w = n->first;

    if (w == NULL)
        return NULL;
    n->first = w->next;
    if (n->first == NULL)
        n->end = &n->first;
    n->n_waiting--;
    w->waiting = false;
    return w;
}

/* Gives nonces to those who wait for one. */
static void serve(struct nonces *n)
{
    while (n->pool.n > 0 && n->first != NULL) {
        struct nonces_wait *w = next_waiter(n);
        char *nonce = n->pool.v[--n->pool.n];

        w->on_nonce(w->arg, nonce, NULL);
        free(nonce);
    }
}

static void fail_all(struct nonces *n, const struct err *e)
{
    for (size_t left = n->n_waiting; left > 0 && n->first != NULL; left--) {
        struct nonces_wait *w = next_waiter(n);

        w->on_nonce(w->arg, NULL, e);
    }
}

static void on_fetched(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct fetch *f = arg;
    struct nonces *n = f->nonces;
    struct err own;

    f->call = NULL;
    n->n_fetches--;
    if (reply != NULL && reply->replay_nonce != NULL) {
        nonces_reply(n, reply->replay_nonce, -1);
        return;
    }
    if (reply != NULL) {
        own.class =
            reply->status == 429 || reply->status == 503 ? ERR_CLASS_RATE_LIMITED : ERR_CLASS_TRANSIENT;
        err_set(&own, own.class, "%s: HTTP %d and no Replay-Nonce", n->url, reply->status);
        if (reply->retry_after > 0)
            own.retry_at = loop_wall_ms() / 1000 + reply->retry_after;
        e = &own;
    }
    if (n->n_fetches == 0 && n->in_flight == 0)
        fail_all(n, e);
}

static bool fetch_one(struct nonces *n, struct err *e)
{
    const struct client_request r = {.method = CLIENT_HEAD, .url = n->url, .ca_file = n->ca_file};

    for (size_t i = 0; i < FETCHES_MAX; i++) {
        struct fetch *f = &n->fetches[i];

        if (f->call != NULL)
            continue;
        f->nonces = n;
        f->call = client_start(n->client, &r, on_fetched, f, e);
        if (f->call != NULL)
            n->n_fetches++;
        return f->call != NULL;
    }
    return true;
}

/* Takes the room for one more fetch among those that the CA bears. 0: taken; else ms until there is some. */
static int64_t take_room(struct nonces *n)
{
    int64_t now = loop_monotonic_ms();
    int64_t full = (n->fetches_full > now ? n->fetches_full : now) + FETCH_EVERY;
    int64_t wait = full - now - (int64_t)FETCHES_MAX * FETCH_EVERY;

    if (wait > 0)
        return wait;
    n->fetches_full = full;
    return 0;
}

static void fetch_for(struct nonces *n, size_t n_waiting)
{
    struct err e;

    while (n->n_fetches < n_waiting && n->n_fetches < FETCHES_MAX) {
        int64_t wait = take_room(n);

        if (wait > 0) {
            if (!loop_delay_running(n->patience))
                loop_delay_start(n->patience, wait);
            return;
        }
        if (!fetch_one(n, &e)) {
            if (n->n_fetches == 0)
                fail_all(n, &e);
            return;
        }
    }
}

static void on_patience_over(void *arg)
{
    struct nonces *n = arg;

    fetch_for(n, n->n_waiting);
}

/* Each reply in flight brings one nonce, and those are waited for; for who waits beyond these, none comes. */
static void fetch_missing(struct nonces *n)
{
    if (n->n_waiting > n->in_flight)
        fetch_for(n, n->n_waiting - n->in_flight);
}

static void be_patient(struct nonces *n)
{
    if (n->n_waiting > 0 && n->in_flight > 0 && !loop_delay_running(n->patience))
        loop_delay_start(n->patience, n->rtt_ms);
}

void nonces_take(struct nonces *n, struct nonces_wait *w)
{
    w->next = NULL;
    w->waiting = true;
    *n->end = w;
    n->end = &w->next;
    n->n_waiting++;
    serve(n);
    if (n->n_waiting == 0)
        return;
    fetch_missing(n);
    be_patient(n);
}

void nonces_cancel(struct nonces *n, struct nonces_wait *w)
{
    if (!w->waiting)
        return;
    for (struct nonces_wait **p = &n->first; *p != NULL; p = &(*p)->next) {
        if (*p != w)
            continue;
        *p = w->next;
        if (w->next == NULL)
            n->end = p;
        n->n_waiting--;
        w->waiting = false;
        return;
    }
}

void nonces_request_sent(struct nonces *n)
{
    n->in_flight++;
}

void nonces_reply(struct nonces *n, const char *nonce, int64_t rtt_ms)
{
    if (rtt_ms >= 0) {
        n->in_flight--;
        n->rtt_ms = (n->rtt_ms * 3 + (rtt_ms < RTT_MOST ? rtt_ms : RTT_MOST) + 1) / 4;
    }
    if (nonce != NULL && n->pool.n < POOL_MAX)
        (void)strv_add(&n->pool, nonce);
    serve(n);
    fetch_missing(n);
    be_patient(n); /* those for whom no more could be fetched at once */
}
