/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_DRAW_H
#define ACMED_TEST_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/random.h>

/* For crypto_init(), where there is no daemon. So few bytes come at once, and without an interruption. */
static inline bool draw(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len;
}

#endif
