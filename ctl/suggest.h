/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_SUGGEST_H
#define ACMED_CTL_SUGGEST_H

#include <stddef.h>

/* How far two words are apart: insertions, deletions, replacements and swaps of neighbours (case is ignored).
 */
size_t suggest_distance(const char *a, const char *b);

/* The candidate that `word` was most likely meant to be, or NULL when none comes close. Borrowed. */
const char *suggest_nearest(const char *word, const char *const *candidates, size_t n);

#endif
