/* SPDX-License-Identifier: MIT */
#include "lib/strv.h"

#include <stdlib.h>
#include <string.h>

bool strv_addn(struct strv *l, const char *s, size_t len)
{
    char **v = realloc(l->v, (l->n + 1) * sizeof *v);
    char *copy;

    if (v == NULL)
        return false;
    l->v = v;
    copy = strndup(s, len);
    if (copy == NULL)
        return false;
    l->v[l->n++] = copy;
    return true;
}

bool strv_add(struct strv *l, const char *s)
{
    return strv_addn(l, s, strlen(s));
}

void strv_pop(struct strv *l)
{
    free(l->v[--l->n]);
}

void strv_clear(struct strv *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    l->v = NULL;
    l->n = 0;
}

bool strv_contains(const struct strv *l, const char *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i], s) == 0)
            return true;
    return false;
}

bool strv_copy(struct strv *dst, const struct strv *src)
{
    for (size_t i = 0; i < src->n; i++) {
        if (!strv_add(dst, src->v[i])) {
            strv_clear(dst);
            return false;
        }
    }
    return true;
}

bool strv_equal(const struct strv *a, const struct strv *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    return true;
}

char *strv_join(const struct strv *l, const char *sep)
{
    size_t total = 1;
    char *out;
    char *p;

    for (size_t i = 0; i < l->n; i++)
        total += strlen(l->v[i]) + strlen(sep);
    out = malloc(total);
    if (out == NULL)
        return NULL;
    p = out;
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0)
            p = stpcpy(p, sep);
        p = stpcpy(p, l->v[i]);
    }
    *p = '\0';
    return out;
}
