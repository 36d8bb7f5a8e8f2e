/* SPDX-License-Identifier: MIT */
#include "lib/gate.h"

#include "lib/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAUSE_DEFAULT    900   /* seconds, after a 429 or 503 without Retry-After */
#define PAUSE_MAX        86400 /* whatever the CA says */
#define DOMAIN_PAUSE     3600
#define DOMAINS_MAX      1000
#define NAME_MAX_LENGTH  253
#define WINDOW_UNLIMITED UINT32_MAX

struct closed_domain {
    char *name; /* owned */
    int64_t until;
};

struct gate {
    int64_t interval_ms; /* between orders at the steady rate; 0: no limit */
    int64_t window_ms;
    int64_t
        arrival_ms; /* when the next order would be due at the steady rate: GCRA's theoretical arrival time */
    enum gate_cause cause; /* why it is closed */
    int64_t until;
    struct err error; /* what closed it */
    unsigned failures;
    unsigned in_flight;
    unsigned window; /* orders that may run while the CA comes back; WINDOW_UNLIMITED in normal times */
    struct closed_domain *domains;
    size_t n_domains;
};

struct gate *gate_new(unsigned limit, int64_t window_s)
{
    struct gate *g = calloc(1, sizeof *g);

    if (g == NULL)
        return NULL;
    if (limit > 0) {
        g->window_ms = window_s * 1000;
        g->interval_ms = g->window_ms / limit;
    }
    g->window = WINDOW_UNLIMITED;
    return g;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->n_domains; i++)
        free(g->domains[i].name);
    free(g->domains);
    free(g);
}

unsigned gate_limit(const char *directory_url, int64_t *window_s)
{
    *window_s = 3 * 3600;
    return http_same_origin(directory_url, "https://acme-v02.api.letsencrypt.org/") ? 280 : 0;
}

static void count(struct gate *g, int64_t now_ms)
{
    if (g->interval_ms > 0)
        g->arrival_ms = (g->arrival_ms > now_ms ? g->arrival_ms : now_ms) + g->interval_ms;
}

void gate_remember(struct gate *g, int64_t at, int64_t now)
{
    /* Orders of the past come in no order of time; as if all were placed when the window began is too lax, as
     * if now too strict: each takes its place of the bucket and what has refilled since is given back. */
    if (g->interval_ms == 0 || at > now || at * 1000 <= now * 1000 - g->window_ms)
        return;
    if (g->arrival_ms < now * 1000 - g->window_ms)
        g->arrival_ms = now * 1000 - g->window_ms;
    g->arrival_ms += g->interval_ms;
}

/* name is domain or lies below it. */
static bool is_below(const char *name, const char *domain)
{
    size_t n = strlen(name);
    size_t d = strlen(domain);

    return n >= d && strcasecmp(name + n - d, domain) == 0 && (n == d || name[n - d - 1] == '.');
}

static const struct closed_domain *closed_among(const struct gate *g, const struct strv *names, int64_t now)
{
    for (size_t i = 0; i < g->n_domains; i++)
        for (size_t k = 0; g->domains[i].until > now && k < names->n; k++)
            if (is_below(names->v[k], g->domains[i].name))
                return &g->domains[i];
    return NULL;
}

struct gate_answer gate_ask(struct gate *g, const struct strv *names, bool exempt, int64_t now)
{
    const struct closed_domain *domain;
    int64_t early_ms = g->arrival_ms - (g->window_ms - g->interval_ms) - now * 1000;

    if (g->cause != GATE_CAUSE_NONE && g->until > now)
        return (struct gate_answer){.cause = g->cause, .until = g->until};
    if (g->in_flight >= g->window)
        return (struct gate_answer){.cause = GATE_CAUSE_PROBE};
    domain = closed_among(g, names, now);
    if (domain != NULL)
        return (struct gate_answer){.cause = GATE_CAUSE_DOMAIN, .until = domain->until};
    if (g->interval_ms > 0 && !exempt && early_ms > 0)
        return (struct gate_answer){.cause = GATE_CAUSE_LIMIT, .until = now + (early_ms + 999) / 1000};
    return (struct gate_answer){.go = true};
}

void gate_started(struct gate *g, bool exempt, int64_t now)
{
    g->in_flight++;
    if (!exempt)
        count(g, now * 1000);
}

/* The first domain that the CA's text quotes and that one of the names belongs to: Let's Encrypt writes
 * `already issued for "example.com"`. Written to out. */
static bool quoted_domain(const char *text, const struct strv *names, char out[NAME_MAX_LENGTH + 1])
{
    for (const char *p = strchr(text, '"'); p != NULL; p = strchr(p + 1, '"')) {
        const char *end = strchr(p + 1, '"');
        size_t n = end != NULL ? (size_t)(end - p - 1) : 0;

        if (n < 3 || n > NAME_MAX_LENGTH)
            continue;
        memcpy(out, p + 1, n);
        out[n] = '\0';
        for (size_t k = 0; strchr(out, '.') != NULL && k < names->n; k++)
            if (is_below(names->v[k], out))
                return true;
    }
    return false;
}

static void close_domain(struct gate *g, const char *name, int64_t until, int64_t now)
{
    struct closed_domain *v;
    size_t place = g->n_domains;

    for (size_t i = 0; i < g->n_domains; i++)
        if (strcasecmp(g->domains[i].name, name) == 0 || g->domains[i].until <= now)
            place = i;
    if (place == g->n_domains) {
        if (g->n_domains == DOMAINS_MAX)
            return;
        v = realloc(g->domains, (g->n_domains + 1) * sizeof *v);
        if (v == NULL)
            return;
        g->domains = v;
        g->domains[g->n_domains++].name = NULL;
    }
    free(g->domains[place].name);
    g->domains[place].name = strdup(name);
    g->domains[place].until = until;
    if (g->domains[place].name == NULL)
        g->domains[place] = g->domains[--g->n_domains];
}

static void close_gate(struct gate *g, enum gate_cause cause, const struct err *e, int64_t until)
{
    g->cause = cause;
    g->until = until;
    g->error = *e;
    g->window = 1;
}

static int64_t pause_until(const struct err *e, int64_t pause, int64_t now)
{
    if (e->retry_at > now + PAUSE_MAX)
        return now + PAUSE_MAX;
    return e->retry_at > now ? e->retry_at : now + pause;
}

/* The CA answered: what was in the way is gone, and more may follow. A pause it asked for stays one, even if
 * orders begun before it still come to an end. */
static void reached(struct gate *g, int64_t now)
{
    if (g->cause == GATE_CAUSE_ASKED && g->until > now)
        return;
    g->cause = GATE_CAUSE_NONE;
    g->failures = 0;
    if (g->window != WINDOW_UNLIMITED)
        g->window = g->window >= 64 ? WINDOW_UNLIMITED : g->window * 2;
}

static bool is_about_this_set(const struct err *e)
{
    return strstr(e->text, "exact set of") != NULL || strstr(e->text, "failed authorizations") != NULL;
}

bool gate_ended(struct gate *g, const struct strv *names, const struct err *e, bool at_new_order,
                int64_t probe_after, int64_t now)
{
    char domain[NAME_MAX_LENGTH + 1];

    if (g->in_flight > 0)
        g->in_flight--;
    if (e != NULL && e->class == ERR_CLASS_NETWORK) {
        if (g->cause != GATE_CAUSE_UNREACHABLE || g->until <= now) {
            g->failures++;
            close_gate(g, GATE_CAUSE_UNREACHABLE, e, now + probe_after);
        }
        return true;
    }
    if (e == NULL || e->class != ERR_CLASS_RATE_LIMITED || !at_new_order) {
        reached(g, now);
        return false;
    }
    if (is_about_this_set(e)) {
        reached(g, now);
        return false;
    }
    if (quoted_domain(e->text, names, domain)) {
        reached(g, now);
        close_domain(g, domain, pause_until(e, DOMAIN_PAUSE, now), now);
        return true;
    }
    close_gate(g, GATE_CAUSE_ASKED, e, pause_until(e, PAUSE_DEFAULT, now));
    return true;
}

unsigned gate_failures(const struct gate *g)
{
    return g->failures;
}

enum gate_cause gate_describe(const struct gate *g, int64_t now, char *text, size_t size, int64_t *until)
{
    *until = 0;
    text[0] = '\0';
    if (g->cause == GATE_CAUSE_NONE)
        return GATE_CAUSE_NONE;
    *until = g->until > now ? g->until : 0;
    (void)snprintf(text, size, "%s: %s",
                   g->cause == GATE_CAUSE_UNREACHABLE ? "the CA cannot be reached"
                                                      : "the CA asked for a pause",
                   g->error.text);
    return g->cause;
}
