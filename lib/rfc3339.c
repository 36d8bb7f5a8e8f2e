/* SPDX-License-Identifier: MIT */
#include "lib/rfc3339.h"

#include <ctype.h>
#include <stddef.h>
#include <time.h>

/* Exactly n digits, of a value from low to high; then what `after` says ('\0': anything). Moves *s. */
static bool number(const char **s, int n, int low, int high, char after, int *out)
{
    int value = 0;

    for (; n > 0; n--, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return false;
        value = value * 10 + (**s - '0');
    }
    if (value < low || value > high || (after != '\0' && **s != after))
        return false;
    *s += after != '\0' ? 1 : 0;
    *out = value;
    return true;
}

static bool day_exists(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Z, or an offset: how many seconds local time is ahead. The end of the text follows. */
static bool zone(const char *s, int64_t *ahead)
{
    char sign = *s++;
    int hours;
    int minutes;

    *ahead = 0;
    if (sign == 'Z' || sign == 'z')
        return *s == '\0';
    if ((sign != '+' && sign != '-') || !number(&s, 2, 0, 23, ':', &hours) ||
        !number(&s, 2, 0, 59, '\0', &minutes))
        return false;
    *ahead = (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return *s == '\0';
}

bool rfc3339_parse(const char *s, int64_t *t)
{
    struct tm tm = {0};
    int64_t ahead;

    if (s == NULL || !number(&s, 4, 0, 9999, '-', &tm.tm_year) || !number(&s, 2, 1, 12, '-', &tm.tm_mon) ||
        !number(&s, 2, 1, 31, '\0', &tm.tm_mday) || !day_exists(tm.tm_year, tm.tm_mon, tm.tm_mday))
        return false;
    if (*s != 'T' && *s != 't')
        return false;
    s++;
    if (!number(&s, 2, 0, 23, ':', &tm.tm_hour) || !number(&s, 2, 0, 59, ':', &tm.tm_min) ||
        !number(&s, 2, 0, 60, '\0', &tm.tm_sec))
        return false;
    if (*s == '.') {
        if (!isdigit((unsigned char)*++s))
            return false;
        while (isdigit((unsigned char)*s))
            s++;
    }
    if (!zone(s, &ahead))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *t = (int64_t)timegm(&tm) - ahead;
    return true;
}
