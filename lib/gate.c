/* SPDX-License-Identifier: MIT */
#include "lib/gate.h"

#include "lib/ca.h"
#include "lib/closed_domains.h"
#include "lib/pace.h"
#include "lib/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_DEFAULT    900        /* seconds, after a 429 or 503 without Retry-After */
#define PAUSE_BLIND_MAX  (4 * 3600) /* and after many of them in a row */
#define PAUSE_MAX        86400      /* whatever the CA says */
#define DOMAIN_PAUSE     3600
#define WINDOW_MAX       64 /* from here on there is no bound but max_orders */
#define WINDOW_UNLIMITED UINT32_MAX

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
    unsigned resting; /* of these */
    unsigned window;  /* orders that may run while the CA comes back; WINDOW_UNLIMITED in normal times */
    struct closed_domains domains;
    struct ledger *ledger; /* owned; NULL: no such limits are known */
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
    closed_domains_clear(&g->domains);
    ledger_free(g->ledger);
    free(g);
}

bool gate_keep_ledger(struct gate *g, const struct ledger_rates *rates)
{
    ledger_free(g->ledger);
    g->ledger = ledger_new(rates);
    return g->ledger != NULL;
}

const struct ledger *gate_ledger(const struct gate *g)
{
    return g->ledger;
}

unsigned gate_limit(const char *directory_url, int64_t *window_s)
{
    const struct ca_info *ca = ca_by_directory(directory_url);

    *window_s = ca != NULL ? ca->limit_window : 0;
    return ca != NULL ? ca->limit : 0;
}

/* Does the CA count such an order among the new ones? Renewals are exempt where limits are known: of another
 * CA's nobody can say. */
static bool counts(const struct gate *g, enum ledger_exemption exemption)
{
    return exemption == LEDGER_COUNTED || (exemption != LEDGER_RESUMED && g->interval_ms == 0);
}

static void count(struct gate *g, int64_t at_ms)
{
    if (g->interval_ms > 0)
        g->arrival_ms = (g->arrival_ms > at_ms ? g->arrival_ms : at_ms) + g->interval_ms;
    /* Never more than an empty bucket, whatever journals say and clocks do. */
    if (g->arrival_ms > at_ms + g->window_ms)
        g->arrival_ms = at_ms + g->window_ms;
}

static int compare_times(const void *a, const void *b)
{
    const struct gate_past *x = a;
    const struct gate_past *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static void remember(struct gate *g, const struct gate_past *p)
{
    if (p->failed) {
        for (size_t i = 0; i < p->names->n; i++)
            gate_validation_failed(g, p->names->v[i], p->at);
        return;
    }
    if (counts(g, p->exemption))
        count(g, p->at * 1000);
    if (g->ledger != NULL)
        ledger_take(g->ledger, p->names, p->exemption, p->at);
}

void gate_remember(struct gate *g, struct gate_past *v, size_t n, int64_t now)
{
    if (n > 1)
        qsort(v, n, sizeof *v, compare_times);
    for (size_t i = 0; i < n; i++)
        if (v[i].at > 0 && v[i].at <= now)
            remember(g, &v[i]);
}

void gate_recall_pace(struct gate *g, int64_t pace_ms, int64_t last)
{
    pace_recall(&g->pace, pace_ms, last * 1000);
}

void gate_suspect(struct gate *g)
{
    g->window = 1;
}

/* How much too early an order would be now. */
static int64_t early_ms(const struct gate *g, int64_t now)
{
    if (g->interval_ms == 0)
        return pace_next(&g->pace, now * 1000) - now * 1000;
    return g->arrival_ms - (g->window_ms - g->interval_ms) - now * 1000;
}

/* When it opens; 0: it is not closed. */
static int64_t opens_at(const struct gate *g, int64_t now)
{
    return g->cause != GATE_CAUSE_NONE && g->until > now && g->until - now <= CLOSED_MAX ? g->until : 0;
}

struct gate_answer gate_ask(const struct gate *g, const struct strv *names, enum ledger_exemption exemption,
                            int64_t now)
{
    /* Counted further ahead than a bucket can be: the clock was set back. The next order puts it right. */
    bool other_time = g->arrival_ms > now * 1000 + g->window_ms;
    int64_t early = counts(g, exemption) && !other_time ? early_ms(g, now) : 0;
    struct gate_answer answer = {.go = false};

    if (opens_at(g, now) != 0)
        return (struct gate_answer){.cause = g->cause, .until = g->until};
    if (g->in_flight - g->resting >= g->window)
        return (struct gate_answer){.cause = GATE_CAUSE_PROBE};
    if (early > 0)
        return (struct gate_answer){.cause = g->interval_ms > 0 ? GATE_CAUSE_LIMIT : GATE_CAUSE_PACE,
                                    .until = now + (early + 999) / 1000};
    if (!closed_domains_allow(&g->domains, names, now, &answer.until)) {
        answer.cause = GATE_CAUSE_DOMAIN;
        return answer;
    }
    if (g->ledger != NULL && !ledger_has_room(g->ledger, names, exemption, now, &answer.lack)) {
        answer.cause = GATE_CAUSE_LEDGER;
        answer.until = answer.lack.until;
        return answer;
    }
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

void gate_rest(struct gate *g, bool resting)
{
    if (resting)
        g->resting++;
    else
        g->resting--;
}

unsigned gate_resting(const struct gate *g)
{
    return g->resting;
}

/* Counted, wherever such orders are counted. */
static void take(struct gate *g, const struct strv *names, enum ledger_exemption exemption, int64_t now)
{
    if (g->ledger != NULL)
        ledger_take(g->ledger, names, exemption, now);
    if (!counts(g, exemption))
        return;
    count(g, now * 1000);
    pace_started(&g->pace, now * 1000);
}

void gate_started(struct gate *g, const struct strv *names, enum ledger_exemption exemption, int64_t now)
{
    g->in_flight++;
    closed_domains_started(&g->domains, names);
    take(g, names, exemption, now);
}

void gate_placed_anew(struct gate *g, const struct strv *names, enum ledger_exemption exemption, int64_t now)
{
    take(g, names, exemption, now);
}

void gate_give_back(struct gate *g, const struct strv *names, enum ledger_exemption exemption)
{
    if (g->ledger != NULL)
        ledger_give_back(g->ledger, names, exemption);
}

void gate_validation_failed(struct gate *g, const char *name, int64_t now)
{
    if (g->ledger != NULL)
        ledger_failed(g->ledger, name, now);
}

/* Closings in a row before this failure. That of an order which began before the gate closed is not the next
 * one in a row. */
static unsigned failures_before(const struct gate *g, int64_t now)
{
    return g->failures - (g->failures > 0 && opens_at(g, now) != 0 ? 1 : 0);
}

static void close_gate(struct gate *g, enum gate_cause cause, const struct err *e, int64_t until, int64_t now)
{
    g->failures = failures_before(g, now) + 1;
    if (until < opens_at(g, now))
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
    if (g->cause == GATE_CAUSE_ASKED && opens_at(g, now) != 0)
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
    char domain[CLOSED_DOMAIN_MAX];

    if (scope == GATE_SCOPE_NEW_ORDER && is_about_these_names(e)) {
        reached(g, now);
        return false;
    }
    if (scope == GATE_SCOPE_NEW_ORDER && closed_domains_quoted(e->text, names, domain)) {
        reached(g, now);
        return closed_domains_close(&g->domains, domain, asked_until(g, e, DOMAIN_PAUSE, jitter, now), now);
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
    closed_domains_ended(&g->domains, names, e == NULL);
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
    *until = opens_at(g, now);
    (void)snprintf(text, size, "%s: %s", causes[g->cause], g->error.text);
    return g->cause;
}

/* ---- what will be ---- */

struct gate *gate_copy(const struct gate *g)
{
    struct gate *copy = malloc(sizeof *copy);

    if (copy == NULL)
        return NULL;
    *copy = *g;
    copy->ledger = g->ledger != NULL ? ledger_copy(g->ledger) : NULL;
    if (closed_domains_copy(&copy->domains, &g->domains) && (copy->ledger != NULL) == (g->ledger != NULL))
        return copy;
    gate_free(copy);
    return NULL;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t gate_forecast(struct gate *copy, const struct strv *names, enum ledger_exemption exemption,
                      int64_t at)
{
    int64_t closed = closed_domains_until(&copy->domains, names, at);

    at = later(at, opens_at(copy, at));
    at = later(at, closed);
    if (copy->ledger != NULL)
        at = ledger_room_at(copy->ledger, names, exemption, at);
    if (counts(copy, exemption) && early_ms(copy, at) > 0)
        at += (early_ms(copy, at) + 999) / 1000;
    take(copy, names, exemption, at);
    return at;
}

bool gate_account_left(const struct gate *g, int64_t now, struct ledger_rate *rate, struct ledger_line *line)
{
    int64_t used;
    unsigned n;

    if (g->interval_ms == 0)
        return false;
    n = (unsigned)(g->window_ms / g->interval_ms);
    used =
        g->arrival_ms > now * 1000 ? (g->arrival_ms - now * 1000 + g->interval_ms - 1) / g->interval_ms : 0;
    *rate = (struct ledger_rate){n, g->window_ms / 1000};
    *line = (struct ledger_line){.label = "", .left = used < (int64_t)n ? n - (unsigned)used : 0};
    line->room_at = early_ms(g, now) > 0 ? now + (early_ms(g, now) + 999) / 1000 : 0;
    line->full_at = used > 0 ? (g->arrival_ms + 999) / 1000 : 0;
    return true;
}
