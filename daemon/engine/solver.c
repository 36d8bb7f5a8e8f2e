/* SPDX-License-Identifier: MIT */
#include "daemon/engine/solver.h"

#include "daemon/engine/certificate.h"
#include "daemon/engine/solver_way.h"

#include <assert.h>
#include <stdlib.h>

struct solver {
    struct solver_job job;
    const struct solver_way *way;
    void *state; /* the way's */
};

static const struct solver_way *const ways[] = {
    [CHALLENGE_TYPE_HTTP_01] = &solver_http,
    [CHALLENGE_TYPE_TLS_ALPN_01] = &solver_alpn,
    [CHALLENGE_TYPE_DNS_01] = &solver_dns,
    [CHALLENGE_TYPE_DNS_ACCOUNT_01] = &solver_dns,
    [CHALLENGE_TYPE_DNS_PERSIST_01] = &solver_persist,
};
static_assert(sizeof ways / sizeof ways[0] == CHALLENGE_TYPE_COUNT, "every type of challenge has its way");

static const struct solver_way *way_of(const struct config_certificate *c)
{
    return c->challenge == CHALLENGE_TYPE_HTTP_01 && c->webroot != NULL ? &solver_webroot
                                                                        : ways[c->challenge];
}

struct solver *solver_new(struct engine *g, struct authority *a, struct certificate *c,
                          void (*on_ready)(void *arg, const struct err *e), void *arg)
{
    struct solver *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->job =
        (struct solver_job){.engine = g, .authority = a, .certificate = c, .on_ready = on_ready, .arg = arg};
    s->way = way_of(c->config);
    s->state = s->way->start(&s->job);
    if (s->state == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void solver_free(struct solver *s)
{
    if (s == NULL)
        return;
    s->way->end(s->state);
    free(s);
}

bool solver_present(struct solver *s, const struct order *o, struct err *e)
{
    return s->way->present(s->state, o, e);
}
