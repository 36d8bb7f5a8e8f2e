/* SPDX-License-Identifier: MIT */
#include "lib/gate.h"

#include "lib/ca.h"
#include "lib/pace.h"
#include "lib/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAUSE_DEFAULT    900        /* seconds, after a 429 or 503 without Retry-After */
#define PAUSE_BLIND_MAX  (4 * 3600) /* and after many of them in a row */
#define PAUSE_MAX        86400      /* whatever the CA says */
#define DOMAIN_PAUSE     3600
#define DOMAINS_MAX      1000
#define NAME_MAX_LENGTH  253
#define WINDOW_MAX       64 /* from here on there is no bound but max_orders */
#define WINDOW_UNLIMITED UINT32_MAX

/* It stays until as many orders as WINDOW_MAX have come through. */
struct closed_domain {
    char *name; /* owned */
    int64_t until;
    unsigned in_flight; /* begun since it is closed */
    unsigned passed;    /* of those */
};

struct gate {
    int64_t interval_ms; /* between orders at the steady rate; 0: no limit */
    int64_t window_ms;
    int64_t arrival_ms;    /* when the bucket will be full again: GCRA's theoretical arrival time */
    struct pace pace;      /* where no limit is known */
    enum gate_cause cause; /* why it is closed */
    int64_t until;
    struct err error;  /* what closed it */
    unsigned failures; /* closings in a row */
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
    const struct ca_info *ca = ca_by_directory(directory_url);

    *window_s = ca != NULL ? ca->limit_window : 0;
    return ca != NULL ? ca->limit : 0;
}

/* Orders that are exempt from the CA's limits are so where these are known: of another CA's nobody can say.
 */
static bool counts(const struct gate *g, bool exempt)
{
    return g->interval_ms == 0 || !exempt;
}

static void count(struct gate *g, int64_t at_ms)
{
    if (g->interval_ms > 0)
        g->arrival_ms = (g->arrival_ms > at_ms ? g->arrival_ms : at_ms) + g->interval_ms;
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

void gate_remember(struct gate *g, int64_t *times, size_t n, int64_t now)
{
    if (n > 1)
        qsort(times, n, sizeof *times, compare_times);
    for (size_t i = 0; i < n; i++)
        if (times[i] <= now && times[i] > now - g->window_ms / 1000)
            count(g, times[i] * 1000);
    /* Never more than an empty bucket, whatever the journals say. */
    if (g->arrival_ms > now * 1000 + g->window_ms)
        g->arrival_ms = now * 1000 + g->window_ms;
}

void gate_suspect(struct gate *g)
{
    g->window = 1;
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

static bool domains_allow(const struct gate *g, const struct strv *names, int64_t now,
                          struct gate_answer *answer)
{
    for (size_t i = 0; i < g->n_domains; i++) {
        const struct closed_domain *d = &g->domains[i];

        if ((d->until <= now && d->in_flight < domain_window(d)) || !concerns(d, names))
            continue;
        *answer = (struct gate_answer){.cause = GATE_CAUSE_DOMAIN, .until = d->until > now ? d->until : 0};
        return false;
    }
    return true;
}

/* How much too early an order would be now. */
static int64_t early_ms(const struct gate *g, int64_t now)
{
    if (g->interval_ms == 0)
        return pace_next(&g->pace, now * 1000) - now * 1000;
    return g->arrival_ms - (g->window_ms - g->interval_ms) - now * 1000;
}

struct gate_answer gate_ask(const struct gate *g, const struct strv *names, bool exempt, int64_t now)
{
    int64_t early = early_ms(g, now);
    struct gate_answer answer;

    if (g->cause != GATE_CAUSE_NONE && g->until > now)
        return (struct gate_answer){.cause = g->cause, .until = g->until};
    if (g->in_flight >= g->window)
        return (struct gate_answer){.cause = GATE_CAUSE_PROBE};
    if (!domains_allow(g, names, now, &answer))
        return answer;
    if (counts(g, exempt) && early > 0)
        return (struct gate_answer){.cause = g->interval_ms > 0 ? GATE_CAUSE_LIMIT : GATE_CAUSE_PACE,
                                    .until = now + (early + 999) / 1000};
    return (struct gate_answer){.go = true};
}

int64_t gate_pace_ms(const struct gate *g)
{
    return g->pace.interval;
}

bool gate_holds_all(enum gate_cause cause)
{
    return cause != GATE_CAUSE_NONE && cause <= GATE_CAUSE_PROBE;
}

unsigned gate_in_flight(const struct gate *g)
{
    return g->in_flight;
}

void gate_started(struct gate *g, const struct strv *names, bool exempt, int64_t now)
{
    g->in_flight++;
    for (size_t i = 0; i < g->n_domains; i++)
        if (concerns(&g->domains[i], names))
            g->domains[i].in_flight++;
    if (!counts(g, exempt))
        return;
    count(g, now * 1000);
    pace_started(&g->pace, now * 1000);
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

static struct closed_domain *add_domain(struct gate *g, const char *name)
{
    struct closed_domain *v;
    char *copy;

    for (size_t i = 0; i < g->n_domains; i++)
        if (strcasecmp(g->domains[i].name, name) == 0)
            return &g->domains[i];
    if (g->n_domains == DOMAINS_MAX)
        return NULL;
    v = realloc(g->domains, (g->n_domains + 1) * sizeof *v);
    if (v == NULL)
        return NULL;
    g->domains = v;
    copy = strdup(name);
    if (copy == NULL)
        return NULL;
    v[g->n_domains] = (struct closed_domain){.name = copy};
    return &v[g->n_domains++];
}

static void close_domain(struct gate *g, const char *name, int64_t until)
{
    struct closed_domain *d = add_domain(g, name);

    if (d == NULL)
        return; /* its orders are then asked for one by one */
    d->until = until;
    d->passed = 0;
}

/* An order ended: it is no longer in flight for its domains; when it came through, they open. */
static void leave_domains(struct gate *g, const struct strv *names, bool passed)
{
    for (size_t i = g->n_domains; i-- > 0;) {
        struct closed_domain *d = &g->domains[i];

        if (!concerns(d, names))
            continue;
        if (d->in_flight > 0)
            d->in_flight--;
        d->passed += passed ? 1 : 0;
        if (d->passed >= WINDOW_MAX) {
            free(d->name);
            *d = g->domains[--g->n_domains];
        }
    }
}

/* Closings in a row before this failure. That of an order which began before the gate closed is not the next
 * one in a row. */
static unsigned failures_before(const struct gate *g, int64_t now)
{
    return g->failures - (g->failures > 0 && g->cause != GATE_CAUSE_NONE && g->until > now ? 1 : 0);
}

static void close_gate(struct gate *g, enum gate_cause cause, const struct err *e, int64_t until, int64_t now)
{
    g->failures = failures_before(g, now) + 1;
    if (g->cause != GATE_CAUSE_NONE && until < g->until)
        until = g->until;
    g->cause = cause;
    g->until = until;
    g->error = *e;
    g->window = 1;
}

/* One request for all certificates may come as often as when the network is away. */
static int64_t probe_pause(unsigned failures, uint32_t jitter, int64_t now)
{
    const struct err away = {.class = ERR_CLASS_NETWORK};

    return renewal_backoff(&away, failures, NULL, jitter, now);
}

/* The CA's own word counts alone the first time; spread a little, other hosts wait for the same moment. */
static int64_t asked_until(const struct gate *g, const struct err *e, int64_t pause, uint32_t jitter,
                           int64_t now)
{
    unsigned failures = failures_before(g, now);
    unsigned doubled = failures < 4 ? failures : 4;
    int64_t blind = pause << doubled < PAUSE_BLIND_MAX ? pause << doubled : PAUSE_BLIND_MAX;
    int64_t told = e->retry_at > now ? e->retry_at - now : e->retry_at > 0 ? 0 : blind;
    int64_t least = failures > 0 ? probe_pause(failures, jitter, now) : 1;

    told = told > PAUSE_MAX ? PAUSE_MAX : told;
    /* now is cut to whole seconds: another one, so as not to come too early. */
    told += 1 + (int64_t)((uint64_t)(told / 10) * jitter / UINT32_MAX);
    return now + (told > least ? told : least);
}

/* The CA answered: what was in the way is gone, and more may follow. A pause it asked for stays one, even if
 * orders begun before it still come to an end. */
static void reached(struct gate *g, int64_t now)
{
    if (g->cause == GATE_CAUSE_ASKED && g->until > now)
        return;
    g->cause = GATE_CAUSE_NONE;
    g->failures = 0;
    pace_reopened(&g->pace);
    if (g->window != WINDOW_UNLIMITED)
        g->window = g->window >= WINDOW_MAX ? WINDOW_UNLIMITED : g->window * 2;
}

/* Limits of these very names: Let's Encrypt's on the same set, on failed authorizations, and its pause of
 * names that never could be validated. */
static bool is_about_these_names(const struct err *e)
{
    return strstr(e->text, "exact set of") != NULL || strstr(e->text, "failed authorizations") != NULL ||
           strstr(e->text, "temporarily prevented from requesting") != NULL;
}

static bool refused(struct gate *g, const struct strv *names, const struct err *e, enum gate_scope scope,
                    uint32_t jitter, int64_t now)
{
    char domain[NAME_MAX_LENGTH + 1];

    if (scope == GATE_SCOPE_NEW_ORDER && is_about_these_names(e)) {
        reached(g, now);
        return false;
    }
    if (scope == GATE_SCOPE_NEW_ORDER && quoted_domain(e->text, names, domain)) {
        reached(g, now);
        close_domain(g, domain, asked_until(g, e, DOMAIN_PAUSE, jitter, now));
        return true;
    }
    /* Whoever else uses the account, the CA's bucket is empty: no other burst. */
    if (g->interval_ms > 0)
        g->arrival_ms = now * 1000 + g->window_ms;
    pace_refused(&g->pace);
    close_gate(g, GATE_CAUSE_ASKED, e, asked_until(g, e, PAUSE_DEFAULT, jitter, now), now);
    return true;
}

bool gate_ended(struct gate *g, const struct strv *names, const struct err *e, enum gate_scope scope,
                uint32_t jitter, int64_t now)
{
    bool account = scope == GATE_SCOPE_ACCOUNT;

    if (g->in_flight > 0)
        g->in_flight--;
    leave_domains(g, names, e == NULL);
    if (e != NULL && e->class == ERR_CLASS_RATE_LIMITED && scope != GATE_SCOPE_ORDER)
        return refused(g, names, e, scope, jitter, now);
    if (e != NULL && (account || e->class == ERR_CLASS_NETWORK)) {
        bool waits = e->class == ERR_CLASS_NETWORK || e->class == ERR_CLASS_TRANSIENT;

        close_gate(g, e->class == ERR_CLASS_NETWORK ? GATE_CAUSE_UNREACHABLE : GATE_CAUSE_REFUSED, e,
                   now + (waits ? probe_pause(failures_before(g, now) + 1, jitter, now)
                                : renewal_backoff(e, failures_before(g, now) + 1, NULL, jitter, now)),
                   now);
        return true;
    }
    if (e == NULL || e->class != ERR_CLASS_INTERNAL)
        reached(g, now);
    if (e == NULL || (scope == GATE_SCOPE_ORDER && e->class != ERR_CLASS_INTERNAL))
        pace_taken(&g->pace);
    return false;
}

enum err_class gate_class(const struct gate *g)
{
    return g->error.class;
}

void gate_nudge(struct gate *g, int64_t now)
{
    if ((g->cause == GATE_CAUSE_UNREACHABLE || g->cause == GATE_CAUSE_REFUSED) && g->until > now)
        g->until = now;
}

enum gate_cause gate_describe(const struct gate *g, int64_t now, char *text, size_t size, int64_t *until)
{
    static const char *const causes[] = {
        [GATE_CAUSE_UNREACHABLE] = "cannot be reached",
        [GATE_CAUSE_REFUSED] = "does not serve us",
        [GATE_CAUSE_ASKED] = "takes no new orders for now",
    };

    *until = 0;
    text[0] = '\0';
    if (g->cause == GATE_CAUSE_NONE)
        return GATE_CAUSE_NONE;
    *until = g->until > now ? g->until : 0;
    (void)snprintf(text, size, "%s: %s", causes[g->cause], g->error.text);
    return g->cause;
}
