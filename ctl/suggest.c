/* SPDX-License-Identifier: MIT */
#include "ctl/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 254 }; /* longer than any name that the configuration allows */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int low(char c)
{
    return tolower((unsigned char)c);
}

size_t suggest_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    size_t la = strlen(a);
    size_t lb = strlen(b);

    if (la > WORD_MAX || lb > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        last[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *oldest = before;

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (low(a[i - 1]) != low(b[j - 1])));
            if (i > 1 && j > 1 && low(a[i - 1]) == low(b[j - 2]) && low(a[i - 2]) == low(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = oldest;
    }
    return last[lb];
}

const char *suggest_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1;

    for (size_t i = 0; i < n; i++) {
        size_t d = suggest_distance(word, candidates[i]);

        /* a name typed without its domain, or a domain without its first label */
        if (d > 1 && strlen(word) >= 3 && strstr(candidates[i], word) != NULL)
            d = 1;
        if (d < best_distance || (best == NULL && d == best_distance)) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
