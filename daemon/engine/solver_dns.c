/* SPDX-License-Identifier: MIT */
/* dns-01 (RFC 8555 section 8.4) and dns-account-01: where the records of an order belong is looked up (CNAME
 * records are followed); they are set, one after the other, through the supervisor; when all servers of their
 * zones have them, the CA may look. What is set is in the journal before, and is withdrawn after the order
 * (daemon/engine/withdrawal.h). */

#include "daemon/engine/solver_way.h"

#include "daemon/engine/certificate.h"
#include "daemon/engine/propagation.h"
#include "daemon/engine/zone.h"
#include "daemon/log.h"
#include "lib/dns_delegation.h"
#include "lib/ident.h"
#include "lib/key_authorization.h"

#include <stdlib.h>
#include <string.h>

/* The proof for one authorization. */
struct proof {
    struct dns *owner;
    char *identifier; /* without "*." */
    char *token;
    char *name; /* of the record, and what it holds: as the keeper makes them, too */
    char *value;
    char *target; /* where it is set; NULL: not looked up */
    char *zone;
    struct zone_search *search;
};

struct dns {
    const struct solver_job *job; /* borrowed */
    struct proof *proofs;
    size_t n;
    size_t pending; /* searches */
    struct resolver *resolver;
    struct err error; /* of a search; class NONE: none failed */
    size_t at;        /* the proof that is set */
    uint32_t request; /* to the supervisor */
    struct propagation *propagation;
};

static void *start(const struct solver_job *job)
{
    struct dns *d = calloc(1, sizeof *d);

    if (d != NULL)
        d->job = job;
    return d;
}

static void clear(struct dns *d)
{
    propagation_free(d->propagation);
    resolver_free(d->resolver);
    for (size_t i = 0; i < d->n; i++) {
        struct proof *p = &d->proofs[i];

        zone_search_free(p->search);
        free(p->identifier);
        free(p->token);
        free(p->name);
        free(p->value);
        free(p->target);
        free(p->zone);
    }
    free(d->proofs);
    *d = (struct dns){.job = d->job};
}

static void end(void *state)
{
    struct dns *d = state;
    struct engine *g = d->job->engine;

    writer_forget(g->writer, d);
    link_forget(g->supervisor, d->request);
    clear(d);
    free(d);
}

static void finish(struct dns *d, const struct err *e)
{
    d->job->on_ready(d->job->arg, e);
}

/* ---- waiting for the servers ---- */

static void on_propagated(void *arg, const struct err *e)
{
    struct dns *d = arg;
    struct err own;

    if (e != NULL)
        own = *e; /* its owner goes */
    propagation_free(d->propagation);
    d->propagation = NULL;
    finish(d, e != NULL ? &own : NULL);
}

static void wait_for_servers(struct dns *d)
{
    const struct propagation_spec spec = {.loop = d->job->engine->loop,
                                          .certificate = d->job->certificate->name,
                                          .resolvers = &d->job->engine->config->dns_resolvers,
                                          .port = PROPAGATION_PORT,
                                          .patience_ms = PROPAGATION_PATIENCE_MS,
                                          .on_done = on_propagated,
                                          .arg = d};
    struct err e;
    bool ok;

    d->propagation = propagation_new(&spec);
    ok = d->propagation != NULL;
    for (size_t i = 0; ok && i < d->n; i++)
        ok = propagation_add(d->propagation, d->proofs[i].target, d->proofs[i].zone, d->proofs[i].value);
    if (!ok)
        err_nomem(&e, "a wait for the DNS");
    if (!ok || !propagation_start(d->propagation, &e))
        finish(d, &e);
}

/* ---- setting ---- */

static void set_next(struct dns *d);

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
    err_wrap(&own, "the record for %s could not be set", d->proofs[d->at].identifier);
    finish(d, &own);
}

/* Where a CNAME record leads to; NULL: there is none. */
static const char *elsewhere(const struct proof *p)
{
    return p->target != NULL && strcmp(p->target, p->name) != 0 ? p->target : NULL;
}

static void set_next(struct dns *d)
{
    const struct proof *p = &d->proofs[d->at];
    const char *other;
    struct err e;

    if (d->at == d->n) {
        if (d->job->engine->config->dns_off)
            finish(d, NULL);
        else
            wait_for_servers(d);
        return;
    }
    other = elsewhere(p);
    log_debug(d->job->certificate->name, "dns-01: setting the record for %s%s%s", p->identifier,
              other != NULL ? " at " : "", other != NULL ? other : "");
    d->request =
        link_request(d->job->engine->supervisor, on_set, d, IPC_DNS, d->job->certificate->name, p->identifier,
                     p->token, authority_ca(d->job->authority)->name, "present", other != NULL ? other : "");
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

static bool note(struct dns *d)
{
    struct certificate *c = d->job->certificate;
    bool ok = true;

    for (size_t i = 0; ok && i < d->n; i++)
        ok = journal_publish(&c->journal, authority_ca(d->job->authority)->name, d->proofs[i].identifier,
                             d->proofs[i].token, elsewhere(&d->proofs[i]), engine_now());
    return ok && certificate_save(c, on_noted, d);
}

/* ---- looking ---- */

/* The supervisor would refuse it; so nothing is noted that was never set. */
static bool may_be_set(const struct proof *p, struct err *e)
{
    if (elsewhere(p) == NULL ||
        dns_delegation_check(p->owner->job->certificate->config, p->identifier, p->target, e))
        return true;
    return err_wrap(e, "the record for %s is not set", p->identifier);
}

static void on_found(void *arg, const char *target, const char *zone, const struct err *e)
{
    struct proof *p = arg;
    struct dns *d = p->owner;
    struct err own;

    if (target != NULL) {
        p->target = strdup(target);
        p->zone = strdup(zone);
    }
    if (e != NULL)
        d->error = *e;
    else if (p->target == NULL || p->zone == NULL)
        err_nomem(&d->error, "the place of a DNS record");
    else
        (void)may_be_set(p, &d->error);
    if (--d->pending > 0)
        return;
    if (d->error.class == ERR_CLASS_NONE && !note(d))
        err_nomem(&d->error, "the journal");
    own = d->error; /* its owner may go */
    if (own.class != ERR_CLASS_NONE)
        finish(d, &own);
}

static bool look(struct dns *d, struct err *e)
{
    d->resolver = resolver_new(d->job->engine->loop, &d->job->engine->config->dns_resolvers, true, e);
    if (d->resolver == NULL)
        return false;
    for (size_t i = 0; i < d->n; i++) {
        d->proofs[i].search = zone_search_start(d->resolver, d->proofs[i].name, on_found, &d->proofs[i]);
        if (d->proofs[i].search == NULL)
            return err_nomem(e, "a question to the DNS");
        d->pending++;
    }
    return true;
}

/* ---- the order ---- */

static bool add(struct dns *d, const struct acme_authorization *a)
{
    struct proof *p = &d->proofs[d->n++];
    const char *identifier = ident_base(a->identifier);

    *p = (struct proof){.owner = d,
                        .identifier = strdup(identifier),
                        .token = strdup(a->token),
                        .name = challenge_record_name(d->job->certificate->config->challenge, identifier,
                                                      authority_account_url(d->job->authority)),
                        .value = key_authorization_txt(a->token, authority_thumbprint(d->job->authority))};
    return p->identifier != NULL && p->token != NULL && p->name != NULL && p->value != NULL;
}

static bool present(void *state, const struct order *o, struct err *e)
{
    struct dns *d = state;
    const struct acme_authorization *a;
    size_t n = 0;
    bool ok;

    clear(d);
    while (order_challenge(o, n) != NULL)
        n++;
    d->proofs = calloc(n + 1, sizeof *d->proofs);
    ok = d->proofs != NULL;
    for (size_t i = 0; ok && (a = order_challenge(o, i)) != NULL; i++)
        ok = add(d, a);
    if (!ok)
        return err_nomem(e, "the challenges");
    if (d->n > 0 && !d->job->engine->config->dns_off)
        return look(d, e);
    return note(d) || err_nomem(e, "the journal");
}

const struct solver_way solver_dns = {.start = start, .end = end, .present = present};
