/* SPDX-License-Identifier: MIT */
#include "lib/pace.h"

#define MINUTE           INT64_C(60000)
#define DAY              (24 * 60 * MINUTE)
#define GAP              (60 * MINUTE) /* without an order: a measure that nothing followed begins anew */
#define BURST            1000          /* what lies closer together than this may go together */
#define INTERVAL_MIN     100           /* what is faster is no limit */
#define RAISE_FIRST      4             /* orders, then a tenth faster, after the first measure */
#define RAISE_LATER      16 /* orders, then a hundredth faster, and more when long nothing is refused */
#define RAISE_DOUBLE     64
#define RAISE_DOUBLE_MAX 4

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* Nobody has ordered for long, or the clock was set back: what was measured says nothing any more. */
static bool is_stale(const struct pace *p, int64_t now)
{
    return p->last != 0 && (now < p->last - MINUTE || now - p->last > (p->interval > 0 ? DAY : GAP)) &&
           !p->refused;
}

void pace_started(struct pace *p, int64_t now)
{
    if (is_stale(p, now))
        *p = (struct pace){0};
    if (p->last == 0)
        p->since = now;
    else if (p->interval > 0 && !p->refused && now - p->next > MINUTE)
        p->since += now - p->next;
    p->last = now;
    p->next = (p->next > now ? p->next : now) + p->interval;
}

static void raise(struct pace *p)
{
    bool first = p->measures < 2;
    unsigned doubled = p->in_a_row / RAISE_DOUBLE;

    if (p->interval == 0 || ++p->in_a_row % (first ? RAISE_FIRST : RAISE_LATER) != 0)
        return;
    if (first)
        p->interval -= p->interval / 10;
    else
        p->interval -= p->interval * (1 << (doubled < RAISE_DOUBLE_MAX ? doubled : RAISE_DOUBLE_MAX)) / 100;
    if (p->interval < INTERVAL_MIN)
        *p = (struct pace){.last = p->last, .since = p->last};
}

void pace_taken(struct pace *p)
{
    p->taken++;
    if (!p->refused)
        raise(p);
}

void pace_refused(struct pace *p)
{
    p->refused = true;
}

void pace_reopened(struct pace *p)
{
    int64_t took = clamp(p->last - p->since, 0, 30 * DAY);

    if (!p->refused)
        return;
    took /= p->taken > 0 ? p->taken : 1;
    p->interval = clamp(took + took / 10, INTERVAL_MIN, DAY);
    p->measures++;
    p->since = p->last;
    p->next = p->last + p->interval;
    p->taken = 0;
    p->in_a_row = 0;
    p->refused = false;
}

void pace_recall(struct pace *p, int64_t interval, int64_t last)
{
    interval = clamp(interval, INTERVAL_MIN, DAY);
    *p = (struct pace){
        .interval = interval, .next = last + interval, .last = last, .since = last, .measures = 2};
}

int64_t pace_next(const struct pace *p, int64_t now)
{
    if (p->interval == 0 || p->refused || is_stale(p, now))
        return now;
    return p->next - (p->interval < BURST ? BURST : 0);
}
