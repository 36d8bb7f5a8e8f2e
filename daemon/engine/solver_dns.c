/* SPDX-License-Identifier: MIT */
/* dns-01 (RFC 8555 section 8.4): all records of an order are set, one after the other, through the
 * supervisor; then the CA may look. What is set is in the journal before, and is withdrawn after the order
 * (daemon/engine/withdrawal.h). */

#include "daemon/engine/solver_way.h"

#include "daemon/engine/certificate.h"
#include "daemon/log.h"
#include "lib/ident.h"

#include <stdlib.h>
#include <string.h>

struct dns {
    const struct solver_job *job; /* borrowed */
    const struct order *order;    /* borrowed while presenting */
    size_t at;                    /* of its challenges */
    uint32_t request;             /* to the supervisor */
};

static void set_next(struct dns *d);

static void *start(const struct solver_job *job)
{
    struct dns *d = calloc(1, sizeof *d);

    if (d != NULL)
        d->job = job;
    return d;
}

static void end(void *state)
{
    struct dns *d = state;
    struct engine *g = d->job->engine;

    writer_forget(g->writer, d);
    link_forget(g->supervisor, d->request);
    free(d);
}

static void finish(struct dns *d, const struct err *e)
{
    d->order = NULL;
    d->job->on_ready(d->job->arg, e);
}

/* What a program says last is usually why it ended. Returns its length. */
static int last_line(const char *output, size_t len, const char **line)
{
    size_t start;

    while (len > 0 && (output[len - 1] == '\n' || output[len - 1] == ' '))
        len--;
    for (start = len; start > 0 && output[start - 1] != '\n';)
        start--;
    *line = output + start;
    return (int)(len - start);
}

static void on_set(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct dns *d = arg;
    const struct acme_authorization *a = order_challenge(d->order, d->at);
    const char *line = "";
    struct err own;
    int n;

    d->request = 0;
    if (m != NULL && m->type == IPC_DNS_DONE && m->field[0].u != 0) {
        d->at++;
        set_next(d);
        return;
    }
    /* The hook's trouble, not the CA's: like a validation that failed. */
    if (m != NULL && m->type == IPC_DNS_DONE) {
        n = last_line(m->field[3].s, m->field[3].len, &line);
        err_set(&own, ERR_CLASS_TRANSIENT, "dns_hook: %s%s%.*s", m->field[2].s, n > 0 ? "; it said: " : "", n,
                line);
    } else {
        own = *e;
    }
    err_wrap(&own, "the record for %s could not be set", a != NULL ? a->identifier : "?");
    finish(d, &own);
}

static void set_next(struct dns *d)
{
    const struct acme_authorization *a = order_challenge(d->order, d->at);
    struct err e;

    if (a == NULL) {
        finish(d, NULL);
        return;
    }
    log_debug(d->job->certificate->name, "dns-01: setting the record for %s", a->identifier);
    d->request =
        link_request(d->job->engine->supervisor, on_set, d, IPC_DNS, d->job->certificate->name,
                     ident_base(a->identifier), a->token, authority_ca(d->job->authority)->name, "present");
    if (d->request != 0)
        return;
    err_nomem(&e, "a request to the supervisor");
    finish(d, &e);
}

static void on_noted(void *arg, const struct err *e)
{
    struct dns *d = arg;

    if (e != NULL)
        finish(d, e);
    else
        set_next(d);
}

static bool present(void *state, const struct order *o, struct err *e)
{
    struct dns *d = state;
    struct certificate *c = d->job->certificate;
    const struct acme_authorization *a;
    bool ok = true;

    d->order = o;
    d->at = 0;
    for (size_t i = 0; ok && (a = order_challenge(o, i)) != NULL; i++)
        ok = journal_publish(&c->journal, authority_ca(d->job->authority)->name, ident_base(a->identifier),
                             a->token, engine_now());
    if (!ok || !certificate_save(c, on_noted, d))
        return err_nomem(e, "the journal");
    return true;
}

const struct solver_way solver_dns = {.start = start, .end = end, .present = present};
