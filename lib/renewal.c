/* SPDX-License-Identifier: MIT */
#include "lib/renewal.h"

#include "lib/ari.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define YEAR_1       (-62135596800) /* Unix seconds */
#define YEAR_9999    RECORD_TIME_MAX
#define YEAR_2025    1735689600
#define SHORT_LIVED  (10 * DAY)
#define NO_LIVE_MAX  (6 * HOUR)
#define SPREAD_PARTS 15
#define LAST_PARTS   20 /* whatever the CA suggests, it is renewed before less than that part is left */
#define EARLY_MAX    (2 * DAY)

static const char *const reasons[] = {
    [RENEWAL_NOT_DUE] = "nothing is planned",
    [RENEWAL_MISSING] = "there is no certificate yet",
    [RENEWAL_LIFETIME] = "its time of renewal, well before it expires",
    [RENEWAL_NAMES] = "the configured names are not those of the certificate",
    [RENEWAL_KEY_TYPE] = "the configured key type is not that of the certificate",
    [RENEWAL_PROFILE] = "the configured profile is not that of the certificate",
    [RENEWAL_ARI] = "the time of renewal that the CA suggests",
    [RENEWAL_ARI_EARLY] = "the CA asks for an early renewal",
    [RENEWAL_EXPIRED] = "the certificate has expired",
    [RENEWAL_DAMAGED] = "the files of the live certificate are damaged",
    [RENEWAL_REVOKED] = "the certificate was revoked",
    [RENEWAL_REQUESTED] = "renewal was requested",
};
static_assert(sizeof reasons / sizeof reasons[0] == RENEWAL_REQUESTED + 1, "every reason has a text");

const char *renewal_reason_to_str(enum renewal_reason reason)
{
    return (unsigned)reason <= RENEWAL_REQUESTED ? reasons[reason] : "unknown";
}

void renewal_describe(enum renewal_reason reason, const struct journal *j, char *text, size_t size)
{
    bool explained = (reason == RENEWAL_ARI || reason == RENEWAL_ARI_EARLY) && j->ari.explanation != NULL;

    (void)snprintf(text, size, "%s%s%s", renewal_reason_to_str(reason), explained ? "; why, says " : "",
                   explained ? j->ari.explanation : "");
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* Differences and sums of two of these are far from the ends of int64_t. */
static int64_t date(int64_t t)
{
    return clamp(t, YEAR_1, YEAR_9999);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* FNV-1a over lineage and certificate, then mixed: neighbouring serials are not to give neighbouring moments.
 */
uint64_t renewal_seed(const char *lineage, const struct cert_facts *facts)
{
    uint64_t h = 0xcbf29ce484222325;

    for (const char *p = lineage; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 0x100000001b3;
    for (size_t i = 0; facts != NULL && i < sizeof facts->sha256; i++)
        h = (h ^ facts->sha256[i]) * 0x100000001b3;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
    return h ^ (h >> 31);
}

/* Planning. */

struct span {
    int64_t start;
    int64_t end;
    int64_t length; /* >= 0 */
};

static struct span lifetime_of(const struct cert_facts *facts, const struct journal *j, int64_t now)
{
    struct span s = {.start = date(facts->not_before), .end = date(facts->not_after)};
    int64_t issued = date(j->issued[0]);

    if (j->issued[0] != 0 && issued > s.start && issued <= now && issued < s.end)
        s.start = issued;
    s.length = later(s.end - s.start, 0);
    return s;
}

static int64_t usual_before(int64_t lifetime)
{
    return lifetime < SHORT_LIVED ? lifetime / 2 : lifetime / 3;
}

/* How long before its end a certificate of this lifetime is renewed, at the latest. */
static int64_t renew_before(const struct config_certificate *c, int64_t lifetime, bool *capped)
{
    int64_t before = usual_before(lifetime);

    if (c->renew_before > 0)
        before = c->renew_before;
    else if (c->renew_before_percent > 0)
        before = lifetime * (c->renew_before_percent < 100 ? c->renew_before_percent : 100) / 100;
    *capped = before > lifetime / 2;
    return *capped ? lifetime / 2 : before;
}

static bool same_names(const struct strv *a, const struct strv *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (!strv_contains(b, a->v[i]))
            return false;
    for (size_t i = 0; i < b->n; i++)
        if (!strv_contains(a, b->v[i]))
            return false;
    return true;
}

/* Only where it is known of which profile the certificate is. */
static bool same_profile(const struct config_certificate *c, const struct journal *j)
{
    if (j->issued_directory == NULL)
        return true;
    if (c->profile == NULL || j->issued_profile == NULL)
        return c->profile == j->issued_profile;
    return strcmp(c->profile, j->issued_profile) == 0;
}

/* The window ends before the lifetime rule would begin to think of renewing. */
static bool is_early(const struct span *life, const struct journal_ari *a)
{
    return date(a->end) <= life->end - usual_before(life->length) - life->length / SPREAD_PARTS;
}

/* What the CA suggests, where that is earlier than what the administrator wrote, and early enough. */
static void plan_ari(struct renewal_plan *p, const struct config_certificate *c, const struct span *life,
                     const struct journal_ari *a, uint64_t seed)
{
    int64_t last = life->end - life->length / LAST_PARTS;
    int64_t at = date(a->chosen);

    last -= (int64_t)(seed % ((uint64_t)(life->length / 100) + 1));
    if ((c->renew_before > 0 || c->renew_before_percent > 0) && p->renew_at <= at)
        return;
    p->capped = false;
    p->renew_at = at < last ? at : last;
    if (at <= last)
        p->reason = is_early(life, a) ? RENEWAL_ARI_EARLY : RENEWAL_ARI;
}

/* Reason and moment, whatever holds them back. */
static void plan_reason(struct renewal_plan *p, const struct config_certificate *c,
                        const struct cert_facts *facts, const struct journal *j, int64_t now)
{
    if (!same_names(&c->domains, &facts->names)) {
        p->reason = RENEWAL_NAMES;
    } else if (!facts->key_type_known || facts->key_type != c->key) {
        p->reason = RENEWAL_KEY_TYPE;
    } else if (!same_profile(c, j)) {
        p->reason = RENEWAL_PROFILE;
    } else if (date(facts->not_after) <= now) {
        p->reason = RENEWAL_EXPIRED;
    } else if (j->damaged_generation != 0) {
        p->reason = RENEWAL_DAMAGED;
    } else if (facts->revoked) {
        p->reason = RENEWAL_REVOKED;
    } else {
        p->at = p->renew_at;
        return;
    }
    p->at = now;
}

/* A CA that asks for one early renewal after the other is not to be obeyed in a loop. */
static int64_t early_wait(const struct span *life, const struct journal *j)
{
    int64_t most = later(clamp(life->length / 4, 0, EARLY_MAX), RENEWAL_ISSUANCE_FLOOR);
    int64_t wait = RENEWAL_ISSUANCE_FLOOR;

    for (size_t i = 1; i < JOURNAL_ISSUED_MAX && j->issued[i] != 0; i++) {
        if (date(j->issued[i - 1]) - date(j->issued[i]) > most + most / 2)
            break; /* that one had not been early */
        wait *= 2;
    }
    return wait < most ? wait : most;
}

int64_t renewal_deadline(const struct cert_facts *facts, const struct journal *j)
{
    struct span life = lifetime_of(facts, j, YEAR_9999);
    int64_t deadline = life.end - life.length / LAST_PARTS;

    if (ari_applies(&j->ari, facts) && is_early(&life, &j->ari) && date(j->ari.end) < deadline)
        return date(j->ari.end);
    return deadline;
}

/* The floors under an automatic issuance. */
static int64_t plan_floor(const struct renewal_plan *p, const struct span *life, const struct journal *j,
                          int64_t now)
{
    int64_t floor = YEAR_1;
    int64_t issued = date(j->issued[0]);
    int64_t not_before = date(j->not_before);

    if (not_before - now <= RENEWAL_BACKOFF_MAX)
        floor = not_before;
    if (j->issued[0] != 0 && issued <= now && p->reason != RENEWAL_REVOKED)
        floor = later(floor, issued + (p->reason == RENEWAL_ARI || p->reason == RENEWAL_ARI_EARLY
                                           ? early_wait(life, j)
                                           : RENEWAL_ISSUANCE_FLOOR));
    if (p->reason == RENEWAL_LIFETIME)
        floor = later(floor, life->start + life->length / 4);
    return floor;
}

struct renewal_plan renewal_plan(const struct config_certificate *c, const struct cert_facts *facts,
                                 const struct journal *j, bool requested, uint64_t seed, int64_t now)
{
    struct renewal_plan p = {.reason = RENEWAL_MISSING};
    struct span life = {0};
    int64_t floor;

    now = date(now);
    p.at = p.renew_at = now;
    if (facts != NULL) {
        life = lifetime_of(facts, j, now);
        p.renew_at = life.end - renew_before(c, life.length, &p.capped);
        p.renew_at -= (int64_t)(seed % ((uint64_t)(life.length / SPREAD_PARTS) + 1));
        p.reason = RENEWAL_LIFETIME;
        if (ari_applies(&j->ari, facts))
            plan_ari(&p, c, &life, &j->ari, seed);
        plan_reason(&p, c, facts, j, now);
    }
    if (requested) {
        p.reason = RENEWAL_REQUESTED;
        p.at = now;
        return p;
    }
    floor = plan_floor(&p, &life, j, now);
    if (floor > later(p.at, now)) {
        p.held = true;
        p.at = floor;
    }
    return p;
}

/* Back-off. */

struct schedule {
    int64_t steps[5];
    unsigned n;
};

static const struct schedule network = {{MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE}, 5};
static const struct schedule transient = {{MINUTE, 10 * MINUTE, 100 * MINUTE, DAY}, 4};
static const struct schedule internal = {{MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR}, 4};
static const struct schedule daily = {{DAY}, 1};

static const struct schedule *const schedules[] = {
    [ERR_CLASS_NONE] = &transient,         [ERR_CLASS_NETWORK] = &network, [ERR_CLASS_TRANSIENT] = &transient,
    [ERR_CLASS_RATE_LIMITED] = &transient, [ERR_CLASS_PERMANENT] = &daily, [ERR_CLASS_CONFIG] = &daily,
    [ERR_CLASS_INTERNAL] = &internal,
};
static_assert(sizeof schedules / sizeof schedules[0] == ERR_CLASS_COUNT, "every class has a schedule");

static int64_t schedule_at(const struct schedule *s, unsigned attempts)
{
    unsigned i = attempts > 0 ? attempts - 1 : 0;

    return s->steps[i < s->n ? i : s->n - 1];
}

/* +-10 % of at most two days: far from overflow. */
static int64_t spread(int64_t delay, uint32_t jitter)
{
    return delay - delay / 10 + (int64_t)((uint64_t)(delay / 5) * jitter / UINT32_MAX);
}

int64_t renewal_backoff(const struct err *e, unsigned attempts, const struct cert_facts *facts,
                        uint32_t jitter, int64_t now)
{
    enum err_class class = (unsigned)e->class < ERR_CLASS_COUNT ? e->class : ERR_CLASS_NONE;
    int64_t left;
    int64_t base;
    int64_t told;

    now = date(now);
    left = facts != NULL ? date(facts->not_after) - now : 0;
    told = clamp(date(e->retry_at) - now, 0, RENEWAL_RETRY_AFTER_MAX);
    /* A rate limit with a date is over then; the schedule only keeps a CA that always says "in a second" at
     * bay. */
    base = schedule_at(class == ERR_CLASS_RATE_LIMITED && told > 0 ? &network : schedules[class], attempts);
    /* The bounds hold with the jitter on top, so that what is bounded is spread, too. */
    if (left <= 0 && schedules[class] == &transient && base > NO_LIVE_MAX * 10 / 11)
        base = NO_LIVE_MAX * 10 / 11;
    if (left > 0 && base > left / 8 * 10 / 11)
        base = left / 8 * 10 / 11;
    base = spread(base, jitter);
    if (told > 0)
        base = later(base, told + (int64_t)((uint64_t)(told / 10) * jitter / UINT32_MAX));
    return clamp(base, RENEWAL_BACKOFF_MIN, RENEWAL_BACKOFF_MAX);
}

int64_t renewal_deploy_backoff(unsigned attempts, uint32_t jitter)
{
    return later(spread(schedule_at(&network, attempts), jitter), RENEWAL_BACKOFF_MIN);
}

/* Requests. */

void renewal_time_to_str(int64_t t, char *text, size_t size)
{
    time_t seconds = (time_t)date(t);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        (void)snprintf(text, size, "?");
}

/* Issuances at most `span` seconds away: also those that a clock which was set back has left in the future.
 */
static unsigned issued_within(const struct journal *j, int64_t span, int64_t now, int64_t *oldest)
{
    unsigned n = 0;

    for (size_t i = 0; i < JOURNAL_ISSUED_MAX && j->issued[i] != 0; i++) {
        int64_t ago = now - date(j->issued[i]);

        if (ago < span && ago > -span) {
            if (n++ == 0 || date(j->issued[i]) < *oldest)
                *oldest = date(j->issued[i]);
        }
    }
    return n;
}

enum renewal_refusal renewal_request_check(const struct journal *j, bool named, bool force, int64_t now,
                                           char *text, size_t size)
{
    int64_t oldest = 0;
    char when[32];
    unsigned n;

    if (size > 0)
        text[0] = '\0';
    now = date(now);
    if (force)
        return RENEWAL_ALLOWED;
    if (!named && issued_within(j, DAY, now, &oldest) > 0) {
        renewal_time_to_str(j->issued[0], when, sizeof when);
        (void)snprintf(text, size, "left out: issued less than 24 hours ago (%s); name it, or use --force",
                       when);
        return RENEWAL_LEFT_OUT;
    }
    n = issued_within(j, 7 * DAY, now, &oldest);
    if (n < 2)
        return RENEWAL_ALLOWED;
    renewal_time_to_str(oldest + 7 * DAY, when, sizeof when);
    (void)snprintf(text, size,
                   "refused: %u certificates for it were issued in the last 7 days, and CAs limit that "
                   "(Let's Encrypt: 5 "
                   "for the same names); use --force, or wait until %s",
                   n, when);
    return RENEWAL_REFUSED;
}

/* The clock. */

bool renewal_clock_sane(int64_t now)
{
    return now >= YEAR_2025;
}

bool renewal_clock_tick(struct renewal_clock *c, int64_t wall, int64_t boot)
{
    int64_t jump = 0;

    wall = date(wall);
    boot = date(boot);
    if (c->wall != 0)
        jump = (wall - c->wall) - (boot - c->boot);
    c->wall = wall;
    c->boot = boot;
    if (jump <= RENEWAL_CLOCK_STEP && jump >= -RENEWAL_CLOCK_STEP)
        return false;
    c->jumped = date(c->jumped + jump);
    c->doubted = true;
    /* Back where it was: the mistake has been put right. */
    if (c->jumped <= RENEWAL_CLOCK_STEP && c->jumped >= -RENEWAL_CLOCK_STEP) {
        c->doubted = false;
        c->jumped = 0;
    }
    return true;
}

bool renewal_clock_confirm(struct renewal_clock *c, int64_t ca_date, int64_t wall)
{
    int64_t off = date(wall) - date(ca_date);

    if (ca_date != 0 && (off > DAY || off < -DAY)) {
        c->doubted = true;
        c->jumped = off;
        return false;
    }
    c->doubted = false;
    c->jumped = 0;
    return true;
}

void renewal_clock_describe(const struct renewal_clock *c, char *text, size_t size)
{
    int64_t by = c->jumped < 0 ? -c->jumped : c->jumped;

    if (!c->doubted)
        (void)snprintf(text, size, "%s", "");
    else
        (void)snprintf(
            text, size,
            "the clock is in doubt (%lld %s %s): no automatic orders until a CA has been reached and "
            "confirms it; check the time of this machine",
            (long long)(by >= 2 * DAY ? by / DAY : by / HOUR), by >= 2 * DAY ? "days" : "hours",
            c->jumped < 0 ? "back" : "ahead");
}
