/* SPDX-License-Identifier: MIT */
#include "daemon/engine/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS   3000

struct verification {
    struct client *client;
    struct verify_target target; /* host and name owned */
    enum client_offer offer;     /* of the handshake under way, or the next one */
    int64_t deadline;            /* monotonic ms */
    int64_t pause;
    struct client_call *call;
    struct loop_delay *delay;
    void (*on_done)(void *arg, const char *note, const struct err *e);
    void *arg;
};

static void finish(struct verification *v, const char *note, const struct err *e)
{
    void (*on_done)(void *arg, const char *note, const struct err *e) = v->on_done;
    void *arg = v->arg;

    verify_cancel(v);
    on_done(arg, note, e);
}

static void later(struct verification *v, const struct err *e)
{
    v->offer = v->target.offer;
    if (loop_monotonic_ms() + v->pause > v->deadline) {
        finish(v, NULL, e);
        return;
    }
    loop_delay_start(v->delay, v->pause);
    v->pause = v->pause * 2 < PAUSE_MAX_MS ? v->pause * 2 : PAUSE_MAX_MS;
}

/* A server that refuses the type of key in TLS 1.2 may not speak that at all, or have no such certificate:
 * another handshake tells. */
static bool ask_otherwise(struct verification *v)
{
    if (v->offer == CLIENT_OFFER_ANY)
        return false;
    v->offer = v->offer == CLIENT_OFFER_TLS12 ? CLIENT_OFFER_ANY : CLIENT_OFFER_TLS12;
    loop_delay_start(v->delay, 0);
    return true;
}

/* Another of the section's certificates is served, to a client that could not say which it wants. */
static void tell_apart(struct verification *v, const char *sibling)
{
    char note[512];

    (void)snprintf(note, sizeof note,
                   "%.128s:%u presents the certificate of %.200s, as it may; whether others are presented "
                   "this one cannot be told from here, as %s",
                   v->target.host, (unsigned)v->target.port, sibling,
                   v->offer == CLIENT_OFFER_ANY ? "no TLS 1.2 is spoken there"
                                                : "a client cannot ask for one of them alone");
    finish(v, note, NULL);
}

static void wrong_leaf(struct verification *v, const uint8_t *sha256)
{
    const char *sibling = v->target.offer != CLIENT_OFFER_ANY ? v->target.sibling(v->arg, sha256) : NULL;
    struct err e;

    if (sibling != NULL && v->offer != CLIENT_OFFER_TLS12) {
        tell_apart(v, sibling);
        return;
    }
    if (v->offer == CLIENT_OFFER_TLS12)
        err_set(&e, ERR_CLASS_TRANSIENT,
                "%s:%u has no certificate with %s key for %s, but one of another type: the server is to be "
                "given both",
                v->target.host, (unsigned)v->target.port,
                v->target.offer == CLIENT_OFFER_RSA ? "an RSA" : "an ECDSA", v->target.name);
    else
        err_set(&e, ERR_CLASS_TRANSIENT, "%s:%u still serves another certificate for %s than the live one",
                v->target.host, (unsigned)v->target.port, v->target.name);
    later(v, &e);
}

static void on_leaf(void *arg, const uint8_t *sha256, const struct err *e)
{
    struct verification *v = arg;
    struct err own;

    v->call = NULL;
    if (sha256 != NULL && memcmp(sha256, v->target.sha256, sizeof v->target.sha256) == 0) {
        finish(v, NULL, NULL);
    } else if (sha256 != NULL) {
        wrong_leaf(v, sha256);
    } else if (!ask_otherwise(v)) {
        err_set(&own, ERR_CLASS_TRANSIENT, "cannot see what %s:%u serves for %s: %s", v->target.host,
                (unsigned)v->target.port, v->target.name, e->text);
        later(v, &own);
    }
}

static void on_delay(void *arg)
{
    struct verification *v = arg;
    struct err e;

    v->call =
        client_peek(v->client, v->target.host, v->target.port, v->target.name, v->offer, on_leaf, v, &e);
    if (v->call == NULL)
        finish(v, NULL, &e);
}

struct verification *verify_start(struct loop *l, struct client *client, const struct verify_target *target,
                                  void (*on_done)(void *arg, const char *note, const struct err *e),
                                  void *arg)
{
    struct verification *v = calloc(1, sizeof *v);

    if (v == NULL)
        return NULL;
    *v = (struct verification){.client = client,
                               .target = *target,
                               .offer = target->offer,
                               .pause = PAUSE_FIRST_MS,
                               .on_done = on_done,
                               .arg = arg};
    v->deadline = loop_monotonic_ms() + VERIFY_TIMEOUT_MS;
    v->target.host = strdup(target->host);
    v->target.name = strdup(target->name);
    v->delay = loop_delay_new(l, on_delay, v);
    if (v->target.host == NULL || v->target.name == NULL || v->delay == NULL) {
        verify_cancel(v);
        return NULL;
    }
    loop_delay_start(v->delay, 0);
    return v;
}

void verify_cancel(struct verification *v)
{
    if (v == NULL)
        return;
    client_cancel(v->call);
    loop_delay_free(v->delay);
    free((char *)v->target.host);
    free((char *)v->target.name);
    free(v);
}
