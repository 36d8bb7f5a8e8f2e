/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_WHEN_H
#define ACMED_CTL_WHEN_H

/* Times as people say them. All times are Unix seconds; every function fills and returns `out`. */

#include <stddef.h>
#include <stdint.h>

#define WHEN_MAX 64 /* bytes that any of these texts fits in */

/* "40 s", "12m", "3h 12m", "6d 4h", "59d": rounded down, negative ones by their size. */
const char *when_duration(char out[static WHEN_MAX], int64_t seconds);

/* "in 59d", "now" (within the second), "3h 12m ago". */
const char *when_relative(char out[static WHEN_MAX], int64_t at, int64_t now);

/* "2026-12-23 14:32:07 CET", local time; "an unknown time" for what no calendar has. */
const char *when_date(char out[static WHEN_MAX], int64_t at);

/* The date and how far it is away: "2026-12-23 14:32:07 CET (in 59d)". */
const char *when_both(char out[static WHEN_MAX], int64_t at, int64_t now);

/* "Today, Wednesday 2026-12-23", "Tomorrow, ...", "Friday 2026-12-25", local time. */
const char *when_day(char out[static WHEN_MAX], int64_t at, int64_t now);

/* "14:32", local time. */
const char *when_minute(char out[static WHEN_MAX], int64_t at);

/* "14:32:07", local time, for lines of progress. */
const char *when_clock(char out[static WHEN_MAX], int64_t at);

#endif
