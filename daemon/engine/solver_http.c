/* SPDX-License-Identifier: MIT */
/* http-01 (RFC 8555 section 8.3), answered by acmed's own responder. */

#include "daemon/engine/solver_way.h"

#include "daemon/engine/certificate.h"
#include "daemon/log.h"

#include <stdlib.h>

struct http {
    const struct solver_job *job; /* borrowed */
    struct port_wait port;
    bool holds_port;
    struct strv tokens; /* presented */
};

static void on_port(void *arg, const struct err *e)
{
    struct http *h = arg;

    h->job->on_ready(h->job->arg, e);
}

static void *start(const struct solver_job *job)
{
    struct http *h = calloc(1, sizeof *h);

    if (h == NULL)
        return NULL;
    h->job = job;
    h->port = (struct port_wait){.on_ready = on_port, .arg = h};
    return h;
}

static void end(void *state)
{
    struct http *h = state;

    for (size_t t = 0; t < h->tokens.n; t++)
        challenge_remove(h->job->engine->challenges, h->tokens.v[t]);
    if (h->holds_port)
        port_release(h->job->engine->port, &h->port);
    strv_clear(&h->tokens);
    free(h);
}

static bool add(struct http *h, const struct acme_authorization *a)
{
    if (strv_contains(&h->tokens, a->token))
        return true;
    if (!strv_add(&h->tokens, a->token))
        return false;
    if (!challenge_add(h->job->engine->challenges, a->token, authority_thumbprint(h->job->authority))) {
        free(h->tokens.v[--h->tokens.n]);
        return false;
    }
    log_debug(h->job->certificate->name, "http-01: the token for %s is served", a->identifier);
    return true;
}

static bool present(void *state, const struct order *o, struct err *e)
{
    struct http *h = state;
    const struct acme_authorization *a;

    for (size_t i = 0; (a = order_challenge(o, i)) != NULL; i++)
        if (!add(h, a))
            return err_nomem(e, "a challenge");
    if (h->holds_port)
        port_release(h->job->engine->port, &h->port);
    h->holds_port = true;
    port_hold(h->job->engine->port, &h->port);
    return true;
}

const struct solver_way solver_http = {.start = start, .end = end, .present = present};
