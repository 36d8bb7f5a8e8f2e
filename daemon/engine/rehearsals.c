/* SPDX-License-Identifier: MIT */
#include "daemon/engine/rehearsals.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/rehearsal.h"

#include <stdlib.h>
#include <string.h>

struct rehearsals {
    struct engine *engine;
    struct rehearsal **v; /* in the order in which they came; the certificates own them */
    size_t n;
    size_t cap;
    unsigned keyless;               /* under way: they wait for a key that takes long to make */
    struct authority **authorities; /* owned: of CAs that no certificate is ordered at */
    size_t n_authorities;
};

struct rehearsals *rehearsals_new(struct engine *g)
{
    struct rehearsals *r = calloc(1, sizeof *r);

    if (r != NULL)
        r->engine = g;
    return r;
}

void rehearsals_free(struct rehearsals *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_authorities; i++)
        authority_free(r->authorities[i]);
    free(r->authorities);
    free(r->v);
    free(r);
}

/* There is one account for each CA: where orders are placed, too, they share it. */
static struct authority *find_authority(struct rehearsals *r, const struct config_ca *ca)
{
    struct authority *a = fleet_authority(r->engine->fleet, ca);
    struct authority **v;

    for (size_t i = 0; a == NULL && i < r->n_authorities; i++)
        if (authority_ca(r->authorities[i]) == ca)
            a = r->authorities[i];
    if (a != NULL)
        return a;
    v = realloc(r->authorities, (r->n_authorities + 1) * sizeof *v);
    if (v == NULL)
        return NULL;
    r->authorities = v;
    a = authority_new(r->engine->loop, r->engine->client, r->engine->keeper, ca);
    if (a != NULL)
        r->authorities[r->n_authorities++] = a;
    return a;
}

static bool make_room(struct rehearsals *r)
{
    size_t cap = r->cap * 2 + 8;
    struct rehearsal **v;

    if (r->n < r->cap)
        return true;
    v = realloc(r->v, cap * sizeof *v);
    if (v == NULL)
        return false;
    r->v = v;
    r->cap = cap;
    return true;
}

bool rehearsals_add(struct rehearsals *r, struct certificate *c)
{
    struct authority *a;

    if (c->rehearsal != NULL)
        return true;
    a = find_authority(r, config_rehearsal_ca(c->config));
    if (a == NULL || !make_room(r))
        return false;
    c->rehearsal = rehearsal_new(c, a);
    if (c->rehearsal == NULL)
        return false;
    r->v[r->n++] = c->rehearsal;
    fleet_reconsider(r->engine->fleet);
    return true;
}

void rehearsals_remove(struct rehearsals *r, const struct rehearsal *x)
{
    size_t i = 0;

    while (i < r->n && r->v[i] != x)
        i++;
    if (i == r->n)
        return;
    r->n--;
    memmove(r->v + i, r->v + i + 1, (r->n - i) * sizeof(struct rehearsal *));
}

void rehearsals_wait_for_key(struct rehearsals *r, bool waits)
{
    if (waits)
        r->keyless++;
    else
        r->keyless--;
    fleet_reconsider(r->engine->fleet);
}

unsigned rehearsals_keyless(const struct rehearsals *r)
{
    return r->keyless;
}

int64_t rehearsals_go_on(struct rehearsals *r)
{
    int64_t again = 0;

    for (size_t i = 0; i < r->n && !r->engine->stopping; i++) {
        int64_t at = rehearsal_is_under_way(r->v[i]) ? 0 : rehearsal_try(r->v[i]);

        if (at != 0 && (again == 0 || at < again))
            again = at;
    }
    return again;
}
