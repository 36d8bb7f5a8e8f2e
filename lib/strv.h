/* SPDX-License-Identifier: MIT */
#ifndef ACMED_STRV_H
#define ACMED_STRV_H

/* A list of strings that owns them. */

#include <stdbool.h>
#include <stddef.h>

struct strv {
    char **v; /* owned, each owned */
    size_t n;
};

/* Appends a copy; false: out of memory, the list as before. */
bool strv_add(struct strv *l, const char *s);
bool strv_addn(struct strv *l, const char *s, size_t len);
/* Removes the last one of a list that is not empty. */
void strv_pop(struct strv *l);
void strv_clear(struct strv *l);
bool strv_contains(const struct strv *l, const char *s);
/* dst must be empty; false: out of memory, dst empty. */
bool strv_copy(struct strv *dst, const struct strv *src);
bool strv_equal(const struct strv *a, const struct strv *b);
/* The elements with sep between them; the caller frees. NULL: out of memory. */
char *strv_join(const struct strv *l, const char *sep);

#endif
