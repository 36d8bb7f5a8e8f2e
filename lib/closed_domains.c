/* SPDX-License-Identifier: MIT */
#include "lib/closed_domains.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DOMAINS_MAX 1000
#define PASSED_MAX  64

/* It stays until as many orders as PASSED_MAX have come through. */
struct closed_domain {
    char *name; /* owned */
    int64_t until;
    unsigned in_flight; /* begun since it is closed */
    unsigned passed;    /* of those */
};

void closed_domains_clear(struct closed_domains *d)
{
    for (size_t i = 0; d->v != NULL && i < d->n; i++)
        free(d->v[i].name);
    free(d->v);
    *d = (struct closed_domains){0};
}

bool closed_domains_copy(struct closed_domains *copy, const struct closed_domains *d)
{
    *copy = (struct closed_domains){0};
    if (d->n == 0)
        return true;
    copy->v = calloc(d->n, sizeof *copy->v);
    for (size_t i = 0; copy->v != NULL && i < d->n; i++) {
        copy->v[i] = d->v[i];
        copy->v[i].name = strdup(d->v[i].name);
        if (copy->v[i].name == NULL)
            break;
        copy->n++;
    }
    if (copy->n == d->n)
        return true;
    closed_domains_clear(copy);
    return false;
}

/* name is domain or lies below it. */
static bool is_below(const char *name, const char *domain)
{
    size_t n = strlen(name);
    size_t d = strlen(domain);

    return n >= d && strcasecmp(name + n - d, domain) == 0 && (n == d || name[n - d - 1] == '.');
}

static bool concerns(const struct closed_domain *d, const struct strv *names)
{
    for (size_t k = 0; k < names->n; k++)
        if (is_below(names->v[k], d->name))
            return true;
    return false;
}

/* One at a time for the first two, then two, four ...: a domain whose limit refills slowly is asked gently.
 */
static unsigned domain_window(const struct closed_domain *d)
{
    return 1U << (d->passed / 2 < 6 ? d->passed / 2 : 6);
}

static bool is_closed(const struct closed_domain *d, int64_t now)
{
    return d->until > now && d->until - now <= CLOSED_MAX;
}

bool closed_domains_allow(const struct closed_domains *d, const struct strv *names, int64_t now,
                          int64_t *until)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct closed_domain *one = &d->v[i];

        if ((!is_closed(one, now) && one->in_flight < domain_window(one)) || !concerns(one, names))
            continue;
        *until = is_closed(one, now) ? one->until : 0;
        return false;
    }
    return true;
}

int64_t closed_domains_until(const struct closed_domains *d, const struct strv *names, int64_t now)
{
    int64_t until = 0;

    for (size_t i = 0; i < d->n; i++)
        if (is_closed(&d->v[i], now) && d->v[i].until > until && concerns(&d->v[i], names))
            until = d->v[i].until;
    return until;
}

void closed_domains_started(struct closed_domains *d, const struct strv *names)
{
    for (size_t i = 0; i < d->n; i++)
        if (concerns(&d->v[i], names))
            d->v[i].in_flight++;
}

bool closed_domains_quoted(const char *text, const struct strv *names, char out[CLOSED_DOMAIN_MAX])
{
    for (const char *p = strchr(text, '"'); p != NULL; p = strchr(p + 1, '"')) {
        const char *end = strchr(p + 1, '"');
        size_t n = end != NULL ? (size_t)(end - p - 1) : 0;

        if (n < 3 || n >= CLOSED_DOMAIN_MAX)
            continue;
        memcpy(out, p + 1, n);
        out[n] = '\0';
        for (size_t k = 0; strchr(out, '.') != NULL && k < names->n; k++)
            if (is_below(names->v[k], out))
                return true;
    }
    return false;
}

/* NULL: none is open. */
static struct closed_domain *longest_open(const struct closed_domains *d, int64_t now)
{
    struct closed_domain *found = NULL;

    for (size_t i = 0; i < d->n; i++) {
        struct closed_domain *one = &d->v[i];

        if (!is_closed(one, now) && one->in_flight == 0 && (found == NULL || one->until < found->until))
            found = one;
    }
    return found;
}

static struct closed_domain *replace(struct closed_domain *old, const char *name)
{
    char *copy = old != NULL ? strdup(name) : NULL;

    if (copy == NULL)
        return NULL;
    free(old->name);
    *old = (struct closed_domain){.name = copy};
    return old;
}

static struct closed_domain *add(struct closed_domains *d, const char *name, int64_t now)
{
    struct closed_domain *v;
    char *copy;

    for (size_t i = 0; i < d->n; i++)
        if (strcasecmp(d->v[i].name, name) == 0)
            return &d->v[i];
    if (d->n == DOMAINS_MAX)
        return replace(longest_open(d, now), name);
    v = realloc(d->v, (d->n + 1) * sizeof *v);
    if (v == NULL)
        return NULL;
    d->v = v;
    copy = strdup(name);
    if (copy == NULL)
        return NULL;
    v[d->n] = (struct closed_domain){.name = copy};
    return &v[d->n++];
}

bool closed_domains_close(struct closed_domains *d, const char *name, int64_t until, int64_t now)
{
    struct closed_domain *one = add(d, name, now);

    if (one == NULL)
        return false;
    one->until = until;
    one->passed = 0;
    return true;
}

/* When an order of it came through it opens further. */
void closed_domains_ended(struct closed_domains *d, const struct strv *names, bool passed)
{
    for (size_t i = d->n; i-- > 0;) {
        struct closed_domain *one = &d->v[i];

        if (!concerns(one, names))
            continue;
        if (one->in_flight > 0)
            one->in_flight--;
        one->passed += passed ? 1 : 0;
        if (one->passed >= PASSED_MAX) {
            free(one->name);
            *one = d->v[--d->n];
        }
    }
}
