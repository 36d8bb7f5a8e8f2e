/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_HOOK_LIMIT_H
#define ACMED_SUPERVISOR_HOOK_LIMIT_H

/* How often the hook of a lineage runs. The engine decides when, and may have been taken over. What it does
 * when it is sound stays far below: a hook that always fails is tried again 50 times a day, and people who
 * try one out have HOOK_LIMIT_BURST runs in a row. */

#include <stdbool.h>
#include <stdint.h>

#define HOOK_LIMIT_BURST   100
#define HOOK_LIMIT_EVERY_S (15 * 60) /* one more run each */

struct hook_limits;

struct hook_limits *hook_limits_new(void); /* NULL: out of memory */
void hook_limits_free(struct hook_limits *l);

/* A run at `now` (seconds of a clock that never goes back). False: not before *wait_s seconds have passed, or
 * out of memory (then 0). */
bool hook_limits_take(struct hook_limits *l, const char *lineage, int64_t now, int64_t *wait_s);

#endif
