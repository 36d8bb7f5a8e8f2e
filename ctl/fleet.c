/* SPDX-License-Identifier: MIT */
#include "ctl/fleet.h"

#include <stdlib.h>
#include <string.h>

void fleet_clear(struct fleet *f)
{
    for (size_t i = 0; i < f->n; i++)
        status_certificate_clear(&f->v[i]);
    free(f->v);
    json_decref(f->daemon);
    *f = (struct fleet){0};
}

static struct status_certificate *find(const struct fleet *f, const char *lineage)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i].lineage, lineage) == 0)
            return &f->v[i];
    return NULL;
}

const struct status_certificate *fleet_find(const struct fleet *f, const char *lineage)
{
    return find(f, lineage);
}

/* s is taken over. */
static bool add_one(struct fleet *f, struct status_certificate *s)
{
    struct status_certificate *old = find(f, s->lineage);
    struct status_certificate *v;

    if (old != NULL) {
        status_certificate_clear(old);
        *old = *s;
        return true;
    }
    /* room for powers of two: grown when n is one */
    if ((f->n & (f->n - 1)) == 0) {
        v = realloc(f->v, (f->n == 0 ? 1 : 2 * f->n) * sizeof *v);
        if (v == NULL) {
            status_certificate_clear(s);
            return false;
        }
        f->v = v;
    }
    f->v[f->n++] = *s;
    return true;
}

bool fleet_add(struct fleet *f, const json_t *reply, struct err *e)
{
    json_t *daemon = json_object_get(reply, "daemon");
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(reply, "certificates"), i, one)
    {
        struct status_certificate s = {0};

        if (!status_certificate_from_json(&s, one, e))
            return false;
        if (!add_one(f, &s))
            return err_nomem(e, "the list of certificates");
    }
    if (json_is_object(daemon)) {
        json_decref(f->daemon);
        f->daemon = json_incref(daemon);
    }
    return true;
}
