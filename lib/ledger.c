/* SPDX-License-Identifier: MIT */
#include "lib/ledger.h"

#include "lib/registered_domain.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN  64    /* a power of two */
#define MARGIN_MAX 60000 /* milliseconds */

/* The bucket of one domain, set or name. Two keys of one hash are taken for one: with 64 bits, and no key but
 * those of the configuration, that does not happen. */
struct bucket {
    uint64_t hash;
    int64_t full_ms; /* when all of it is left again: GCRA's theoretical arrival time */
    char *label;     /* owned; NULL: the slot is free */
    enum ledger_limit limit;
    bool spent; /* the last one took what was left */
};

struct ledger {
    struct ledger_rates rates;
    struct bucket *v; /* a hash table with linear probing, at most half full */
    size_t slots;
    size_t used;
};

/* ---- the table ---- */

struct ledger *ledger_new(const struct ledger_rates *rates)
{
    struct ledger *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->rates = *rates;
    l->slots = SLOTS_MIN;
    l->v = calloc(l->slots, sizeof *l->v);
    if (l->v == NULL) {
        free(l);
        return NULL;
    }
    return l;
}

void ledger_free(struct ledger *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->slots; i++)
        free(l->v[i].label);
    free(l->v);
    free(l);
}

const struct ledger_rate *ledger_rate(const struct ledger *l, enum ledger_limit limit)
{
    return &l->rates.v[limit];
}

static struct bucket *slot_of(const struct ledger *l, enum ledger_limit limit, uint64_t hash)
{
    size_t i = (hash ^ (uint64_t)limit) & (l->slots - 1);

    while (l->v[i].label != NULL && (l->v[i].hash != hash || l->v[i].limit != limit))
        i = (i + 1) & (l->slots - 1);
    return &l->v[i];
}

/* Room for twice as many; what is full again is forgotten. */
static bool grow(struct ledger *l, int64_t now_ms)
{
    struct ledger old = *l;
    size_t live = 0;

    assert(old.slots >= SLOTS_MIN);
    for (size_t i = 0; i < old.slots; i++)
        live += old.v[i].label != NULL && old.v[i].full_ms > now_ms ? 1 : 0;
    l->slots = live * 4 >= old.slots ? old.slots * 2 : old.slots;
    l->v = calloc(l->slots, sizeof *l->v);
    if (l->v == NULL) {
        *l = old;
        return false;
    }
    l->used = live;
    for (size_t i = 0; i < old.slots; i++) {
        if (old.v[i].label == NULL || old.v[i].full_ms <= now_ms)
            free(old.v[i].label);
        else
            *slot_of(l, old.v[i].limit, old.v[i].hash) = old.v[i];
    }
    free(old.v);
    return true;
}

struct ledger *ledger_copy(const struct ledger *l)
{
    struct ledger *copy = ledger_new(&l->rates);
    bool ok = copy != NULL;

    if (!ok)
        return NULL;
    assert(l->slots >= SLOTS_MIN);
    free(copy->v);
    copy->slots = l->slots;
    copy->used = l->used;
    copy->v = malloc(l->slots * sizeof *l->v);
    ok = copy->v != NULL;
    for (size_t i = 0; ok && i < l->slots; i++) {
        copy->v[i] = l->v[i];
        copy->v[i].label = l->v[i].label != NULL ? strdup(l->v[i].label) : NULL;
        ok = l->v[i].label == NULL || copy->v[i].label != NULL;
        copy->slots = ok ? copy->slots : i;
    }
    if (ok)
        return copy;
    if (copy->v == NULL)
        copy->slots = 0;
    ledger_free(copy);
    return NULL;
}

/* ---- buckets ---- */

static int64_t window_ms(const struct ledger *l, enum ledger_limit limit)
{
    return l->rates.v[limit].window_s * 1000;
}

static int64_t interval_ms(const struct ledger *l, enum ledger_limit limit)
{
    return window_ms(l, limit) / l->rates.v[limit].n;
}

/* When there is room for one more, in milliseconds; <= now: there is. The CA counts what it issues, acmed
 * what it orders, some seconds earlier: once all is spent it waits for a little more than its own clock says.
 */
static int64_t room_ms(const struct ledger *l, const struct bucket *b)
{
    int64_t interval = interval_ms(l, b->limit);
    int64_t margin = interval / 4 < MARGIN_MAX ? interval / 4 : MARGIN_MAX;

    return b->full_ms + interval - window_ms(l, b->limit) + (b->spent ? margin : 0);
}

static uint64_t hash_add(uint64_t h, const char *s)
{
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3;
    return (h ^ 0xff) * 0x100000001b3; /* no name holds this byte: where one ends */
}

static uint64_t hash_end(uint64_t h)
{
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
    return h ^ (h >> 31);
}

struct key {
    enum ledger_limit limit;
    uint64_t hash;
    char label[REGISTERED_DOMAIN_MAX + 32];
};

static void key_of_name(struct key *k, enum ledger_limit limit, const char *name)
{
    k->limit = limit;
    k->hash = hash_end(hash_add(0xcbf29ce484222325, name));
    (void)snprintf(k->label, sizeof k->label, "%s", name);
}

/* The same whatever the order of the names: the sum of their hashes. */
static void key_of_set(struct key *k, const struct strv *names)
{
    uint64_t sum = names->n;

    for (size_t i = 0; i < names->n; i++)
        sum += hash_end(hash_add(0xcbf29ce484222325, names->v[i]));
    k->limit = LEDGER_SET;
    k->hash = hash_end(sum);
    (void)snprintf(k->label, sizeof k->label, "%.253s", names->n > 0 ? names->v[0] : "");
    if (names->n > 1)
        (void)snprintf(k->label + strlen(k->label), 32, " and %zu more", names->n - 1);
}

/* False: an earlier one of the names is of the same registered domain. */
static bool key_of_domain(struct key *k, const struct strv *names, size_t i)
{
    char domain[REGISTERED_DOMAIN_MAX];
    char earlier[REGISTERED_DOMAIN_MAX];

    registered_domain(names->v[i], domain);
    for (size_t j = 0; j < i; j++) {
        registered_domain(names->v[j], earlier);
        if (strcmp(domain, earlier) == 0)
            return false;
    }
    key_of_name(k, LEDGER_DOMAIN, domain);
    return true;
}

static void take(struct ledger *l, const struct key *k, int64_t now_ms)
{
    int64_t window = window_ms(l, k->limit);
    struct bucket *b;

    if (2 * (l->used + 1) > l->slots && !grow(l, now_ms))
        return;
    b = slot_of(l, k->limit, k->hash);
    if (b->label == NULL) {
        char *label = strdup(k->label);

        if (label == NULL)
            return;
        *b = (struct bucket){.hash = k->hash, .label = label, .limit = k->limit};
        l->used++;
    }
    b->full_ms = (b->full_ms > now_ms ? b->full_ms : now_ms) + interval_ms(l, k->limit);
    if (b->full_ms > now_ms + window) /* never more than an empty bucket */
        b->full_ms = now_ms + window;
    b->spent = b->full_ms + interval_ms(l, k->limit) > now_ms + window;
}

static void give_back(struct ledger *l, const struct key *k)
{
    struct bucket *b = slot_of(l, k->limit, k->hash);

    if (b->label == NULL)
        return;
    b->full_ms -= interval_ms(l, k->limit);
    b->spent = false;
}

static bool has_limit(const struct ledger *l, enum ledger_limit limit)
{
    return l->rates.v[limit].n > 0;
}

/* ---- orders ---- */

/* Waits for the one that takes longest. */
static void check(const struct ledger *l, const struct key *k, int64_t now, struct ledger_lack *lack)
{
    const struct bucket *b = slot_of(l, k->limit, k->hash);
    int64_t until;

    if (b->label == NULL || room_ms(l, b) <= now * 1000)
        return;
    until = (room_ms(l, b) + 999) / 1000;
    if (until > lack->until)
        *lack = (struct ledger_lack){.limit = k->limit, .label = b->label, .until = until};
}

/* lack->until stays 0 when there is room in all. */
static void check_all(const struct ledger *l, const struct strv *names, enum ledger_exemption exemption,
                      int64_t now, struct ledger_lack *lack)
{
    struct key k;

    *lack = (struct ledger_lack){.until = 0};
    if (exemption >= LEDGER_ARI || l->used == 0)
        return;
    for (size_t i = 0; exemption == LEDGER_COUNTED && has_limit(l, LEDGER_DOMAIN) && i < names->n; i++)
        if (key_of_domain(&k, names, i))
            check(l, &k, now, lack);
    if (has_limit(l, LEDGER_SET)) {
        key_of_set(&k, names);
        check(l, &k, now, lack);
    }
    for (size_t i = 0; has_limit(l, LEDGER_FAILURES) && i < names->n; i++) {
        key_of_name(&k, LEDGER_FAILURES, names->v[i]);
        check(l, &k, now, lack);
    }
}

bool ledger_has_room(const struct ledger *l, const struct strv *names, enum ledger_exemption exemption,
                     int64_t now, struct ledger_lack *lack)
{
    check_all(l, names, exemption, now, lack);
    /* Counted further ahead than a bucket can be: the clock was set back. The next order puts it right. */
    return lack->until == 0 || lack->until > now + l->rates.v[lack->limit].window_s + MARGIN_MAX / 1000;
}

int64_t ledger_room_at(const struct ledger *l, const struct strv *names, enum ledger_exemption exemption,
                       int64_t at)
{
    struct ledger_lack lack;

    check_all(l, names, exemption, at, &lack);
    return lack.until != 0 ? lack.until : at;
}

const char *ledger_lack_to_str(const struct ledger *l, const struct ledger_lack *lack, char *text,
                               size_t size)
{
    const struct ledger_rate *rate = &l->rates.v[lack->limit];
    char window[32];

    ledger_window_to_str(rate->window_s, window, sizeof window);
    if (lack->limit == LEDGER_DOMAIN)
        (void)snprintf(text, size, "issues at most %u new certificates in %s for %s, which are used up",
                       rate->n, window, lack->label);
    else if (lack->limit == LEDGER_SET)
        (void)snprintf(text, size,
                       "issues at most %u certificates in %s for the same names (%s), which are used up",
                       rate->n, window, lack->label);
    else
        (void)snprintf(text, size, "lets validation of %s fail at most %u times in %s, and it has",
                       lack->label, rate->n, window);
    return text;
}

void ledger_take(struct ledger *l, const struct strv *names, enum ledger_exemption exemption, int64_t now)
{
    struct key k;

    for (size_t i = 0; exemption == LEDGER_COUNTED && has_limit(l, LEDGER_DOMAIN) && i < names->n; i++)
        if (key_of_domain(&k, names, i))
            take(l, &k, now * 1000);
    if (exemption != LEDGER_RESUMED && has_limit(l, LEDGER_SET)) {
        key_of_set(&k, names);
        take(l, &k, now * 1000);
    }
}

void ledger_give_back(struct ledger *l, const struct strv *names, enum ledger_exemption exemption)
{
    struct key k;

    for (size_t i = 0; exemption == LEDGER_COUNTED && has_limit(l, LEDGER_DOMAIN) && i < names->n; i++)
        if (key_of_domain(&k, names, i))
            give_back(l, &k);
    if (exemption != LEDGER_RESUMED && has_limit(l, LEDGER_SET)) {
        key_of_set(&k, names);
        give_back(l, &k);
    }
}

void ledger_failed(struct ledger *l, const char *name, int64_t now)
{
    struct key k;

    if (!has_limit(l, LEDGER_FAILURES))
        return;
    key_of_name(&k, LEDGER_FAILURES, name);
    take(l, &k, now * 1000);
}

/* ---- what is left ---- */

static struct ledger_line line_of(const struct ledger *l, const struct bucket *b, int64_t now)
{
    int64_t interval = interval_ms(l, b->limit);
    int64_t used = (b->full_ms - now * 1000 + interval - 1) / interval;
    unsigned n = l->rates.v[b->limit].n;
    unsigned left = used < (int64_t)n ? n - (unsigned)used : 0;

    return (struct ledger_line){
        .limit = b->limit,
        .label = b->label,
        .left = left,
        .room_at = left == 0 ? (room_ms(l, b) + 999) / 1000 : 0,
        .full_at = (b->full_ms + 999) / 1000,
    };
}

/* Least left, then the longest to wait, then by limit and name. */
static bool is_tighter(const struct ledger_line *a, const struct ledger_line *b)
{
    if (a->left != b->left)
        return a->left < b->left;
    if (a->room_at != b->room_at)
        return a->room_at > b->room_at;
    if (a->limit != b->limit)
        return a->limit < b->limit;
    return strcmp(a->label, b->label) < 0;
}

size_t ledger_list(const struct ledger *l, int64_t now, struct ledger_line *v, size_t max, size_t *total)
{
    size_t n = 0;

    *total = 0;
    for (size_t i = 0; i < l->slots; i++) {
        struct ledger_line line;
        size_t at;

        if (l->v[i].label == NULL || l->v[i].full_ms <= now * 1000)
            continue;
        ++*total;
        line = line_of(l, &l->v[i], now);
        for (at = n; at > 0 && is_tighter(&line, &v[at - 1]); at--)
            if (at < max)
                v[at] = v[at - 1];
        if (at < max)
            v[at] = line;
        n += n < max ? 1 : 0;
    }
    return n;
}
