/* SPDX-License-Identifier: MIT */
/* http-01 (RFC 8555 section 8.3) and tls-alpn-01 (RFC 8737), answered by acmed's own responders. */

#include "daemon/engine/solver_way.h"

#include "daemon/engine/certificate.h"
#include "daemon/log.h"

#include <stdlib.h>

struct answers {
    const struct solver_job *job; /* borrowed */
    struct port *port;            /* of the type's responder; borrowed */
    struct port_wait wait;
    bool holds_port;
    struct strv tokens; /* presented */
    bool (*add)(const struct solver_job *job, const struct acme_authorization *a, struct err *e);
    void (*remove)(const struct solver_job *job, const char *token);
};

static void on_port(void *arg, const struct err *e)
{
    struct answers *x = arg;

    x->job->on_ready(x->job->arg, e);
}

static struct answers *start(const struct solver_job *job, struct port *port)
{
    struct answers *x = calloc(1, sizeof *x);

    if (x == NULL)
        return NULL;
    x->job = job;
    x->port = port;
    x->wait = (struct port_wait){.on_ready = on_port, .arg = x};
    return x;
}

static void end(void *state)
{
    struct answers *x = state;

    for (size_t t = 0; t < x->tokens.n; t++)
        x->remove(x->job, x->tokens.v[t]);
    if (x->holds_port)
        port_release(x->port, &x->wait);
    strv_clear(&x->tokens);
    free(x);
}

static bool add(struct answers *x, const struct acme_authorization *a, struct err *e)
{
    if (strv_contains(&x->tokens, a->token))
        return true;
    if (!strv_add(&x->tokens, a->token))
        return err_nomem(e, "a challenge");
    if (!x->add(x->job, a, e)) {
        free(x->tokens.v[--x->tokens.n]);
        return false;
    }
    log_debug(x->job->certificate->name, "the challenge for %s can be answered", a->identifier);
    return true;
}

static bool present(void *state, const struct order *o, struct err *e)
{
    struct answers *x = state;
    const struct acme_authorization *a;

    for (size_t i = 0; (a = order_challenge(o, i)) != NULL; i++)
        if (!add(x, a, e))
            return false;
    if (x->holds_port)
        port_release(x->port, &x->wait);
    x->holds_port = true;
    port_hold(x->port, &x->wait);
    return true;
}

/* ---- http-01 ---- */

static bool add_http(const struct solver_job *job, const struct acme_authorization *a, struct err *e)
{
    return challenge_add(job->engine->challenges, a->token, authority_thumbprint(job->authority)) ||
           err_nomem(e, "a challenge");
}

static void remove_http(const struct solver_job *job, const char *token)
{
    challenge_remove(job->engine->challenges, token);
}

static void *start_http(const struct solver_job *job)
{
    struct answers *x = start(job, job->engine->port);

    if (x != NULL) {
        x->add = add_http;
        x->remove = remove_http;
    }
    return x;
}

const struct solver_way solver_http = {.start = start_http, .end = end, .present = present};

/* ---- tls-alpn-01 ---- */

static bool add_alpn(const struct solver_job *job, const struct acme_authorization *a, struct err *e)
{
    return alpn_add(job->engine->alpn, a->identifier, a->token, authority_thumbprint(job->authority),
                    engine_now(), e);
}

static void remove_alpn(const struct solver_job *job, const char *token)
{
    alpn_remove(job->engine->alpn, token);
}

static void *start_alpn(const struct solver_job *job)
{
    struct answers *x = start(job, job->engine->alpn_port);

    if (x != NULL) {
        x->add = add_alpn;
        x->remove = remove_alpn;
    }
    return x;
}

const struct solver_way solver_alpn = {.start = start_alpn, .end = end, .present = present};
