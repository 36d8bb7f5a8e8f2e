/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/hook_limit.h"

#include <stdlib.h>
#include <string.h>

struct allowance {
    struct allowance *next;
    char *lineage;
    int64_t full_at; /* when all runs are allowed again; each takes it HOOK_LIMIT_EVERY_S further away */
};

struct hook_limits {
    struct allowance *first; /* as many as lineages that ever ran a hook */
};

struct hook_limits *hook_limits_new(void)
{
    return calloc(1, sizeof(struct hook_limits));
}

void hook_limits_free(struct hook_limits *l)
{
    if (l == NULL)
        return;
    while (l->first != NULL) {
        struct allowance *a = l->first;

        l->first = a->next;
        free(a->lineage);
        free(a);
    }
    free(l);
}

static struct allowance *get(struct hook_limits *l, const char *lineage)
{
    struct allowance *a = l->first;

    while (a != NULL && strcmp(a->lineage, lineage) != 0)
        a = a->next;
    if (a != NULL)
        return a;
    a = calloc(1, sizeof *a);
    if (a == NULL || (a->lineage = strdup(lineage)) == NULL) {
        free(a);
        return NULL;
    }
    a->next = l->first;
    l->first = a;
    return a;
}

bool hook_limits_take(struct hook_limits *l, const char *lineage, int64_t now, int64_t *wait_s)
{
    struct allowance *a = get(l, lineage);
    int64_t full_at;

    *wait_s = 0;
    if (a == NULL)
        return false;
    full_at = (a->full_at > now ? a->full_at : now) + HOOK_LIMIT_EVERY_S;
    if (full_at - now > (int64_t)HOOK_LIMIT_BURST * HOOK_LIMIT_EVERY_S) {
        *wait_s = full_at - now - (int64_t)HOOK_LIMIT_BURST * HOOK_LIMIT_EVERY_S;
        return false;
    }
    a->full_at = full_at;
    return true;
}
