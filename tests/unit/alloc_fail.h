/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_ALLOC_FAIL_H
#define ACMED_TEST_ALLOC_FAIL_H

/* Makes each memory allocation of the code under test fail in turn. A test program named test_*_alloc.c is
 * linked with this, and its calls of malloc, calloc, realloc, reallocarray, strdup, strndup, asprintf and
 * vasprintf go through it (ld --wrap; allocations inside of shared libraries do not). Typical use:
 *
 *     for (size_t n = 1;; n++) {
 *         alloc_fail_at(n);
 *         result = function_under_test(...);
 *         if (!alloc_fail_end())
 *             break;                      // it needs fewer than n: all were tried
 *         assert that result is a clean failure
 *     }
 */

#include <stdbool.h>
#include <stddef.h>

/* From now on the nth allocation (1: the next) fails, once. */
void alloc_fail_at(size_t nth);

/* Likewise, and all after it. */
void alloc_fail_from(size_t nth);

/* Ends the failing; true when an allocation was made to fail. */
bool alloc_fail_end(void);

#endif
