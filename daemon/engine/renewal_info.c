/* SPDX-License-Identifier: MIT */
#include "daemon/engine/renewal_info.h"

#include "daemon/engine/certificate.h"
#include "daemon/engine/clock.h"
#include "daemon/engine/fleet.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "lib/acme.h"
#include "lib/ari.h"

#include <stdlib.h>
#include <string.h>

#define DIRECTORY_LIFE (24 * 3600) /* seconds */
#define DIRECTORY_LATE 3600
#define CLOCK_PAUSE    600 /* while the clock is not believed */

/* A configured CA. */
struct source {
    struct renewal_info *info;
    const struct config_ca *ca; /* borrowed */
    struct acme_directory directory;
    int64_t fetched_at;       /* when; 0: not yet */
    int64_t not_before;       /* no request before that: it cannot be reached, or asked for a pause */
    unsigned failures;        /* in a row */
    unsigned polls;           /* in flight */
    struct client_call *call; /* the directory's */
};

struct poll {
    struct poll *next;
    struct source *source;
    struct certificate *certificate;
    char *id; /* what was asked for; owned */
    struct client_call *call;
};

struct renewal_info {
    struct engine *engine;
    struct source *sources; /* in the order of the configuration's CAs */
    struct poll *polls;
    unsigned in_flight;      /* polls and directories */
    size_t next;             /* certificate to be looked at */
    size_t left;             /* certificates to be looked at in this round */
    struct loop_delay *soon; /* nothing happens within the caller */
    struct timer timer;      /* the next round */
    bool started;
};

/* Who can say something about this certificate: the CA that issued it, or, where nobody knows, the configured
 * one. NULL: that CA is not configured for it any more. */
static struct source *source_of(const struct renewal_info *r, const struct certificate *c)
{
    const char *directory = c->journal.issued_directory;

    for (size_t i = 0; i < c->config->n_cas; i++) {
        const struct config_ca *ca = c->config->cas[i];

        if (directory == NULL || strcmp(ca->directory, directory) == 0)
            return &r->sources[ca - r->engine->config->cas];
    }
    return NULL;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When a certificate is to be polled; NULL: never. */
static struct source *poll_times(const struct renewal_info *r, const struct certificate *c, int64_t now,
                                 int64_t *earliest, int64_t *latest)
{
    struct source *s;

    /* Of one that was rolled back to, a CA would only say that it has been replaced and is due. */
    if (c->config == NULL || !c->has_facts || c->generation < c->journal.issued_generation)
        return NULL;
    s = source_of(r, c);
    if (s == NULL || !ari_poll_times(&c->journal.ari, &c->facts, now, earliest, latest))
        return NULL;
    if (s->fetched_at != 0 && s->directory.renewal_info == NULL) {
        *earliest = s->fetched_at + DIRECTORY_LIFE;
        *latest = *earliest + DIRECTORY_LATE;
    }
    if (s->not_before - now > RENEWAL_BACKOFF_MAX) /* told under another clock */
        return s;
    *earliest = later(*earliest, s->not_before);
    *latest = later(*latest, s->not_before);
    return s;
}

/* ---- the CA itself ---- */

static void source_failed(struct source *s, const struct err *cause)
{
    struct err e = *cause;
    int64_t now = engine_now();

    e.class = ERR_CLASS_NETWORK; /* its schedule, and Retry-After, are those of a CA that is away */
    s->failures++;
    s->not_before = now + renewal_backoff(&e, s->failures, NULL, random_jitter(), now);
    if (s->failures == 1)
        log_info(NULL, "CA %s cannot say now when to renew: %s; asked again in %lld min", s->ca->name, e.text,
                 (long long)(s->not_before - now + 59) / 60);
}

static void on_directory(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct source *s = arg;
    struct acme_directory fresh;
    struct err own;

    s->call = NULL;
    s->info->in_flight--;
    if (reply == NULL || !acme_reply_check(reply, engine_now(), NULL, &own) ||
        !acme_directory_parse(&fresh, s->ca->directory, reply, &own)) {
        source_failed(s, reply == NULL ? e : &own);
    } else {
        acme_directory_clear(&s->directory);
        s->directory = fresh;
        s->fetched_at = engine_now();
        s->failures = 0;
        log_debug(NULL, "CA %s: renewal information: %s", s->ca->name,
                  fresh.renewal_info != NULL ? fresh.renewal_info : "not offered");
        s->info->left = fleet_count(s->info->engine->fleet);
    }
    loop_delay_start(s->info->soon, 0);
}

static void fetch_directory(struct source *s)
{
    const struct client_request request = {
        .method = CLIENT_GET, .url = s->ca->directory, .ca_file = s->ca->ca_file};
    struct err e;

    if (s->call != NULL)
        return;
    s->call = client_start(s->info->engine->client, &request, on_directory, s, &e);
    if (s->call != NULL)
        s->info->in_flight++;
    else
        source_failed(s, &e);
}

/* ---- a certificate ---- */

static void poll_free(struct poll *p)
{
    struct renewal_info *r = p->source->info;

    for (struct poll **q = &r->polls; *q != NULL; q = &(*q)->next) {
        if (*q == p) {
            *q = p->next;
            r->in_flight--;
            p->source->polls--;
            break;
        }
    }
    client_cancel(p->call);
    free(p->id);
    free(p);
}

static void tell_window(const struct certificate *c, const struct source *s)
{
    const struct journal_ari *a = &c->journal.ari;
    char start[32], end[32], at[32];

    renewal_time_to_str(a->start, start, sizeof start);
    renewal_time_to_str(a->end, end, sizeof end);
    renewal_time_to_str(a->chosen, at, sizeof at);
    log_info(c->name, "CA %s suggests to renew between %s and %s%s%s: chosen was %s", s->ca->name, start, end,
             a->explanation != NULL ? ", for the reason told at " : "",
             a->explanation != NULL ? a->explanation : "", at);
}

static void note(struct certificate *c, struct source *s, const struct http_reply *reply, struct err *e)
{
    char text[RENEWAL_DESCRIPTION_MAX];
    enum ari_outcome outcome =
        ari_polled(&c->journal.ari, &c->facts, reply, random_choice(), engine_now(), e);

    if (outcome == ARI_OUTCOME_FAILED)
        log_debug(c->name, "CA %s does not say when to renew: %s", s->ca->name, e->text);
    (void)certificate_save(c, NULL, NULL);
    if (outcome != ARI_OUTCOME_CHANGED)
        return;
    tell_window(c, s);
    certificate_plan(c);
    if (c->plan.reason != RENEWAL_ARI_EARLY)
        return;
    renewal_describe(c->plan.reason, &c->journal, text, sizeof text);
    log_notice(c->name, "%s", text);
    feed_event(c->engine->feed, c->name, "requested", NULL, "%s", text);
}

static void on_polled(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct poll *p = arg;
    struct source *s = p->source;
    struct certificate *c = p->certificate;
    struct renewal_info *r = s->info;
    bool asked_away = reply != NULL && (reply->status == 429 || reply->status >= 500);
    struct err own;

    p->call = NULL;
    err_clear(&own);
    if (e != NULL)
        own = *e;
    if (c->facts.ari_id != NULL && strcmp(c->facts.ari_id, p->id) == 0) /* else it was replaced meanwhile */
        note(c, s, reply, &own);
    if (reply == NULL || asked_away || own.class == ERR_CLASS_INTERNAL)
        source_failed(s, &own);
    else
        s->failures = 0;
    poll_free(p);
    loop_delay_start(r->soon, 0);
}

static struct poll *poll_new(struct source *s, struct certificate *c)
{
    struct poll *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    *p = (struct poll){.next = s->info->polls, .source = s, .certificate = c};
    s->info->polls = p;
    s->info->in_flight++;
    s->polls++;
    p->id = strdup(c->facts.ari_id);
    if (p->id != NULL)
        return p;
    poll_free(p);
    return NULL;
}

static void start_poll(struct source *s, struct certificate *c)
{
    struct client_request request = {.method = CLIENT_GET, .ca_file = s->ca->ca_file};
    struct poll *p = poll_new(s, c);
    char *url = ari_url(s->directory.renewal_info, c->facts.ari_id);
    struct err e;

    request.url = url;
    if (p == NULL || url == NULL)
        err_nomem(&e, "renewal information");
    else
        p->call = client_start(s->info->engine->client, &request, on_polled, p, &e);
    free(url);
    if (p != NULL && p->call != NULL)
        return;
    source_failed(s, &e);
    if (p != NULL)
        poll_free(p);
}

/* ---- rounds ---- */

static bool is_asked(const struct renewal_info *r, const struct certificate *c)
{
    for (const struct poll *p = r->polls; p != NULL; p = p->next)
        if (p->certificate == c)
            return true;
    return false;
}

/* The certificate's turn. */
static void look_at(struct renewal_info *r, struct certificate *c, int64_t now)
{
    int64_t earliest;
    int64_t latest;
    struct source *s = poll_times(r, c, now, &earliest, &latest);

    if (s == NULL || earliest > now || is_asked(r, c))
        return;
    if (s->fetched_at == 0 || s->fetched_at + DIRECTORY_LIFE <= now || s->fetched_at > now)
        fetch_directory(s);
    else if (s->directory.renewal_info != NULL && (s->failures == 0 || s->polls == 0))
        start_poll(s, c);
}

/* Sets the timer to when somebody can wait no longer. */
static void arm(struct renewal_info *r, int64_t now)
{
    int64_t at = INT64_MAX;

    for (size_t i = 0; i < fleet_count(r->engine->fleet); i++) {
        int64_t earliest;
        int64_t latest;

        if (poll_times(r, fleet_at(r->engine->fleet, i), now, &earliest, &latest) != NULL && latest < at)
            at = latest;
    }
    timer_cancel(r->engine->timers, &r->timer);
    if (at != INT64_MAX && !timer_set(r->engine->timers, &r->timer, later(at, now + 1)))
        log_error(NULL, "out of memory: the CAs are not asked when to renew; the lifetime decides");
}

static void begin_round(void *arg)
{
    struct renewal_info *r = arg;

    r->left = fleet_count(r->engine->fleet);
    loop_delay_start(r->soon, 0);
}

static void work(void *arg)
{
    struct renewal_info *r = arg;
    struct fleet *fleet = r->engine->fleet;
    int64_t now = engine_now();

    if (r->engine->stopping)
        return;
    if (!renewal_clock_sane(now) || !clock_is_believed(r->engine)) {
        r->left = 0;
        (void)timer_set(r->engine->timers, &r->timer, now + CLOCK_PAUSE);
        return;
    }
    for (; r->left > 0 && r->in_flight < RENEWAL_INFO_POLLS_MAX; r->left--)
        look_at(r, fleet_at(fleet, r->next++ % fleet_count(fleet)), now);
    if (r->in_flight == 0)
        arm(r, now);
}

void renewal_info_start(struct renewal_info *r)
{
    r->started = true;
    begin_round(r);
}

void renewal_info_changed(struct renewal_info *r, const struct certificate *c)
{
    int64_t now = engine_now();
    int64_t earliest;
    int64_t latest;

    if (!r->started || r->left > 0 || r->in_flight > 0) /* the round's end sets the timer for all */
        return;
    if (poll_times(r, c, now, &earliest, &latest) == NULL || (r->timer.place != 0 && r->timer.at <= latest))
        return;
    if (!timer_set(r->engine->timers, &r->timer, later(latest, now + 1)))
        log_error(c->name, "out of memory: the CA is not asked when to renew; the lifetime decides");
}

struct renewal_info *renewal_info_new(struct engine *g)
{
    struct renewal_info *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->engine = g;
    r->timer = (struct timer){.on_due = begin_round, .arg = r};
    r->sources = calloc(g->config->n_cas + 1, sizeof *r->sources);
    r->soon = loop_delay_new(g->loop, work, r);
    if (r->sources == NULL || r->soon == NULL) {
        renewal_info_free(r);
        return NULL;
    }
    for (size_t i = 0; i < g->config->n_cas; i++)
        r->sources[i] = (struct source){.info = r, .ca = &g->config->cas[i]};
    return r;
}

void renewal_info_free(struct renewal_info *r)
{
    if (r == NULL)
        return;
    while (r->polls != NULL)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has been unlinked */
        poll_free(r->polls);
    for (size_t i = 0; r->sources != NULL && i < r->engine->config->n_cas; i++) {
        client_cancel(r->sources[i].call);
        acme_directory_clear(&r->sources[i].directory);
    }
    timer_cancel(r->engine->timers, &r->timer);
    loop_delay_free(r->soon);
    free(r->sources);
    free(r);
}
