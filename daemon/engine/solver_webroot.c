/* SPDX-License-Identifier: MIT */
/* http-01 (RFC 8555 section 8.3) where another server has port 80: the keeper writes the answers into the
 * directory that it serves. What is written is in the journal before, and is withdrawn after the order
 * (daemon/engine/withdrawal.h). */

#include "daemon/engine/solver_way.h"

#include "daemon/engine/certificate.h"
#include "daemon/engine/withdrawal.h"
#include "daemon/log.h"

#include <stdlib.h>

struct webroot {
    const struct solver_job *job; /* borrowed */
    const struct order *order;    /* borrowed while presenting */
    size_t at;                    /* of its challenges */
    uint32_t request;             /* to the keeper */
};

static void publish_next(struct webroot *w);

static void *start(const struct solver_job *job)
{
    struct webroot *w = calloc(1, sizeof *w);

    if (w != NULL)
        w->job = job;
    return w;
}

static void end(void *state)
{
    struct webroot *w = state;

    writer_forget(w->job->engine->writer, w);
    link_forget(w->job->engine->keeper, w->request);
    free(w);
}

static void finish(struct webroot *w, const struct err *e)
{
    w->order = NULL;
    w->job->on_ready(w->job->arg, e);
}

static void on_published(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct webroot *w = arg;
    const struct acme_authorization *a = order_challenge(w->order, w->at);
    struct err own;

    w->request = 0;
    if (m != NULL && m->type == IPC_OK) {
        log_debug(w->job->certificate->name, "http-01: the token for %s is in the webroot", a->identifier);
        w->at++;
        publish_next(w);
        return;
    }
    if (m != NULL)
        err_set(&own, ERR_CLASS_INTERNAL, "the keeper answered with \"%s\"", ipc_type_to_str(m->type));
    else
        own = *e;
    err_wrap(&own, "the challenge for %s could not be answered", a->identifier);
    finish(w, &own);
}

static void publish_next(struct webroot *w)
{
    const struct acme_authorization *a = order_challenge(w->order, w->at);
    struct err e;

    if (a == NULL) {
        finish(w, NULL);
        return;
    }
    w->request = link_request(w->job->engine->keeper, on_published, w, IPC_PUBLISH, w->job->certificate->name,
                              a->identifier, a->token, authority_ca(w->job->authority)->name);
    if (w->request != 0)
        return;
    err_nomem(&e, "a request to the keeper");
    finish(w, &e);
}

static void on_noted(void *arg, const struct err *e)
{
    struct webroot *w = arg;

    if (e != NULL)
        finish(w, e);
    else
        publish_next(w);
}

static bool present(void *state, const struct order *o, struct err *e)
{
    struct webroot *w = state;
    struct certificate *c = w->job->certificate;
    const struct acme_authorization *a;
    bool ok = true;

    w->order = o;
    w->at = 0;
    for (size_t i = 0; ok && (a = order_challenge(o, i)) != NULL; i++)
        ok = journal_publish(&c->journal, authority_ca(w->job->authority)->name, a->identifier, a->token,
                             WITHDRAWAL_WEBROOT, engine_now());
    return (ok && certificate_save(c, on_noted, w)) || err_nomem(e, "the journal");
}

const struct solver_way solver_webroot = {.start = start, .end = end, .present = present};
