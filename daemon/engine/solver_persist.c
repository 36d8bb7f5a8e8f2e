/* SPDX-License-Identifier: MIT */
/* dns-persist-01 (draft-ietf-acme-dns-persist): a person publishes a record once, which stays. Nothing is set
 * here: it is looked whether it is there, before the CA looks, and the person is told what to publish. */

#include "daemon/engine/solver_way.h"

#include "daemon/engine/certificate.h"
#include "daemon/engine/resolver.h"
#include "daemon/log.h"
#include "lib/dns_persist.h"
#include "lib/ident.h"

#include <stdlib.h>
#include <string.h>

struct persist {
    const struct solver_job *job; /* borrowed */
    const struct order *order;    /* borrowed while presenting */
    size_t at;                    /* of its challenges */
    struct loop_delay *soon;      /* nothing is told within present() */
    struct resolver *resolver;
    struct strv missing; /* records, for people */
    struct err error;    /* about the first of them */
    char *record_name;   /* that is looked for */
};

static void look(struct persist *p);

static void *start(const struct solver_job *job)
{
    struct persist *p = calloc(1, sizeof *p);

    if (p != NULL)
        p->job = job;
    return p;
}

static void clear(struct persist *p)
{
    resolver_free(p->resolver);
    loop_delay_free(p->soon);
    free(p->record_name);
    strv_clear(&p->missing);
    *p = (struct persist){.job = p->job};
}

static void end(void *state)
{
    struct persist *p = state;

    clear(p);
    free(p);
}

static void finish(struct persist *p, const struct err *e)
{
    p->job->on_ready(p->job->arg, e);
}

/* For `acmectl show`. What a rehearsal lacks, which has another account, is not what the certificate lacks.
 */
static void note_missing(struct persist *p)
{
    struct certificate *c = p->job->certificate;

    if (authority_ca(p->job->authority) != c->ca || strv_equal(&c->journal.to_publish, &p->missing))
        return;
    if (!journal_to_publish(&c->journal, &p->missing))
        log_error(c->name, "out of memory: `acmectl show` does not name the records to be published");
    (void)certificate_save(c, NULL, NULL);
}

/* All have been looked for. */
static void conclude(struct persist *p)
{
    struct err e = p->error;
    size_t n = p->missing.n;

    note_missing(p);
    if (n > 1)
        err_wrap(&e, "%zu records are missing, the first of them", n);
    finish(p, n > 0 ? &e : NULL);
}

/* A CNAME record may lead elsewhere: whatever TXT record the answer has is meant. */
static bool is_allowed(const struct persist *p, const struct acme_authorization *a,
                       const struct dns_reply *reply)
{
    for (size_t i = 0; i < reply->n; i++)
        if (reply->v[i].answer && reply->v[i].type == DNS_TYPE_TXT &&
            dns_persist_allows(reply->v[i].data, &a->issuers, authority_account_url(p->job->authority),
                               ident_is_wildcard(a->identifier), engine_now()))
            return true;
    return false;
}

static bool add_missing(struct persist *p, const struct acme_authorization *a)
{
    char *content = dns_persist_record(a->issuers.v[0], authority_account_url(p->job->authority),
                                       ident_is_wildcard(a->identifier));
    char *record = content != NULL ? dns_persist_line(p->record_name, content) : NULL;
    bool ok = record != NULL && strv_add(&p->missing, record);

    free(content);
    free(record);
    return ok;
}

/* What a person has to do; no repetition mends it before that. */
static bool ask_for_record(struct persist *p, const struct acme_authorization *a, struct err *e)
{
    const char *record;

    if (!add_missing(p, a))
        return err_nomem(e, "a DNS record");
    record = p->missing.v[p->missing.n - 1];
    if (p->missing.n > 1)
        log_warning(p->job->certificate->name, "to be published: %s", record);
    else
        err_set(&p->error, ERR_CLASS_TRANSIENT, "publish this record, once, for it may stay: %s", record);
    return true;
}

static void on_txt(void *arg, const struct dns_reply *reply, const struct err *e)
{
    struct persist *p = arg;
    const struct acme_authorization *a = order_challenge(p->order, p->at);
    struct err own;

    if (reply == NULL) {
        own = *e;
        err_wrap(&own, "the record %s cannot be looked for", p->record_name);
        finish(p, &own);
        return;
    }
    if (!is_allowed(p, a, reply) && !ask_for_record(p, a, &own)) {
        finish(p, &own);
        return;
    }
    p->at++;
    look(p);
}

static bool name_record(struct persist *p, const struct acme_authorization *a)
{
    free(p->record_name);
    p->record_name = challenge_record_name(CHALLENGE_TYPE_DNS_PERSIST_01, ident_base(a->identifier), "");
    return p->record_name != NULL;
}

static void look(struct persist *p)
{
    const struct acme_authorization *a = order_challenge(p->order, p->at);
    struct err e;

    if (a == NULL) {
        conclude(p);
        return;
    }
    if (name_record(p, a) && resolver_ask(p->resolver, p->record_name, DNS_TYPE_TXT, on_txt, p))
        return;
    err_nomem(&e, "a question to the DNS");
    finish(p, &e);
}

/* The CA alone will tell whether they are there. */
static void look_at_none(struct persist *p)
{
    const struct acme_authorization *a;
    bool ok = true;

    for (size_t i = 0; ok && (a = order_challenge(p->order, i)) != NULL; i++)
        ok = name_record(p, a) && add_missing(p, a);
    note_missing(p);
    finish(p, NULL);
}

static void begin(void *arg)
{
    struct persist *p = arg;
    struct engine *g = p->job->engine;
    struct err e;

    if (g->config->dns_off) {
        look_at_none(p);
        return;
    }
    p->resolver = resolver_new(g->loop, &g->config->dns_resolvers, true, &e);
    if (p->resolver != NULL)
        look(p);
    else
        finish(p, &e);
}

static bool present(void *state, const struct order *o, struct err *e)
{
    struct persist *p = state;

    clear(p);
    p->order = o;
    p->soon = loop_delay_new(p->job->engine->loop, begin, p);
    if (p->soon == NULL)
        return err_nomem(e, "the challenges");
    loop_delay_start(p->soon, 0);
    return true;
}

const struct solver_way solver_persist = {.start = start, .end = end, .present = present};
