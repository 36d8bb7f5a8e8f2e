/* SPDX-License-Identifier: MIT */
#include "daemon/engine/verify.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS   3000

struct verification {
    struct loop *loop;
    struct client *client;
    char *host;
    uint16_t port;
    char *name;
    uint8_t sha256[32];
    int64_t deadline; /* monotonic ms */
    int64_t pause;
    struct client_call *call;
    struct loop_delay *delay;
    void (*on_done)(void *arg, const struct err *e);
    void *arg;
};

static void finish(struct verification *v, const struct err *e)
{
    void (*on_done)(void *arg, const struct err *e) = v->on_done;
    void *arg = v->arg;

    verify_cancel(v);
    on_done(arg, e);
}

static void later(struct verification *v, const struct err *e)
{
    if (loop_monotonic_ms() + v->pause > v->deadline) {
        finish(v, e);
        return;
    }
    loop_delay_start(v->delay, v->pause);
    v->pause = v->pause * 2 < PAUSE_MAX_MS ? v->pause * 2 : PAUSE_MAX_MS;
}

static void on_leaf(void *arg, const uint8_t *sha256, const struct err *e)
{
    struct verification *v = arg;
    struct err own;

    v->call = NULL;
    if (sha256 != NULL && memcmp(sha256, v->sha256, sizeof v->sha256) == 0) {
        finish(v, NULL);
        return;
    }
    if (sha256 != NULL)
        err_set(&own, ERR_CLASS_TRANSIENT, "%s:%u still serves another certificate for %s than the live one",
                v->host, (unsigned)v->port, v->name);
    else
        err_set(&own, ERR_CLASS_TRANSIENT, "cannot see what %s:%u serves for %s: %s", v->host,
                (unsigned)v->port, v->name, e->text);
    later(v, &own);
}

static void on_delay(void *arg)
{
    struct verification *v = arg;
    struct err e;

    v->call = client_peek(v->client, v->host, v->port, v->name, on_leaf, v, &e);
    if (v->call == NULL)
        finish(v, &e);
}

struct verification *verify_start(struct loop *l, struct client *client, const char *host, uint16_t port,
                                  const char *name, const uint8_t sha256[32],
                                  void (*on_done)(void *arg, const struct err *e), void *arg)
{
    struct verification *v = calloc(1, sizeof *v);

    if (v == NULL)
        return NULL;
    *v = (struct verification){
        .loop = l, .client = client, .port = port, .pause = PAUSE_FIRST_MS, .on_done = on_done, .arg = arg};
    v->deadline = loop_monotonic_ms() + VERIFY_TIMEOUT_MS;
    memcpy(v->sha256, sha256, sizeof v->sha256);
    v->host = strdup(host);
    v->name = strdup(name);
    v->delay = loop_delay_new(l, on_delay, v);
    if (v->host == NULL || v->name == NULL || v->delay == NULL) {
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
    free(v->host);
    free(v->name);
    free(v);
}
