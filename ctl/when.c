/* SPDX-License-Identifier: MIT */
#include "ctl/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* "3h 12m"; a zero after the first unit says nothing. */
static void two_units(char *out, uint64_t a, const char *unit_a, uint64_t b, const char *unit_b)
{
    if (b == 0)
        (void)snprintf(out, WHEN_MAX, "%llu%s", (unsigned long long)a, unit_a);
    else
        (void)snprintf(out, WHEN_MAX, "%llu%s %llu%s", (unsigned long long)a, unit_a, (unsigned long long)b,
                       unit_b);
}

const char *when_duration(char out[static WHEN_MAX], int64_t seconds)
{
    uint64_t s = seconds < 0 ? (uint64_t)0 - (uint64_t)seconds : (uint64_t)seconds;

    if (s < MINUTE)
        (void)snprintf(out, WHEN_MAX, "%llu s", (unsigned long long)s);
    else if (s < HOUR)
        two_units(out, s / MINUTE, "m", 0, "");
    else if (s < DAY)
        two_units(out, s / HOUR, "h", s % HOUR / MINUTE, "m");
    else if (s < 10 * (uint64_t)DAY)
        two_units(out, s / DAY, "d", s % DAY / HOUR, "h");
    else
        two_units(out, s / DAY, "d", 0, "");
    return out;
}

/* A peer's number may be anything: the distance must not overflow. */
static int64_t distance(int64_t at, int64_t now)
{
    int64_t d;

    if (__builtin_sub_overflow(at, now, &d))
        return at < now ? INT64_MIN : INT64_MAX;
    return d;
}

const char *when_relative(char out[static WHEN_MAX], int64_t at, int64_t now)
{
    char duration[WHEN_MAX];
    int64_t d = distance(at, now);

    if (d == 0)
        (void)snprintf(out, WHEN_MAX, "now");
    else if (d > 0)
        (void)snprintf(out, WHEN_MAX, "in %s", when_duration(duration, d));
    else
        (void)snprintf(out, WHEN_MAX, "%s ago", when_duration(duration, d));
    return out;
}

static bool local(int64_t at, struct tm *tm)
{
    time_t t = (time_t)at;

    return localtime_r(&t, tm) != NULL;
}

const char *when_date(char out[static WHEN_MAX], int64_t at)
{
    struct tm tm;

    if (!local(at, &tm) || strftime(out, WHEN_MAX, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
        (void)snprintf(out, WHEN_MAX, "an unknown time");
    return out;
}

const char *when_both(char out[static WHEN_MAX], int64_t at, int64_t now)
{
    char date[WHEN_MAX];
    char relative[WHEN_MAX];

    (void)snprintf(out, WHEN_MAX, "%s (%s)", when_date(date, at), when_relative(relative, at, now));
    return out;
}

const char *when_clock(char out[static WHEN_MAX], int64_t at)
{
    struct tm tm;

    if (!local(at, &tm) || strftime(out, WHEN_MAX, "%H:%M:%S", &tm) == 0)
        (void)snprintf(out, WHEN_MAX, "--:--:--");
    return out;
}

const char *when_minute(char out[static WHEN_MAX], int64_t at)
{
    struct tm tm;

    if (!local(at, &tm) || strftime(out, WHEN_MAX, "%H:%M", &tm) == 0)
        (void)snprintf(out, WHEN_MAX, "--:--");
    return out;
}

const char *when_day(char out[static WHEN_MAX], int64_t at, int64_t now)
{
    struct tm tm, today;
    const char *prefix = "";
    char day[WHEN_MAX];

    if (!local(at, &tm) || strftime(day, sizeof day, "%A %Y-%m-%d", &tm) == 0) {
        (void)snprintf(out, WHEN_MAX, "some day");
        return out;
    }
    if (local(now, &today) && tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year)
        prefix = "Today, ";
    else if (local(now, &today) && (++today.tm_mday, today.tm_hour = 12, mktime(&today) != -1) &&
             tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year)
        prefix = "Tomorrow, ";
    (void)snprintf(out, WHEN_MAX, "%s%s", prefix, day);
    return out;
}
