/* SPDX-License-Identifier: MIT */
#ifndef ACMED_JSON_H
#define ACMED_JSON_H

/* Strict reading of JSON that comes from outside, over jansson: size and depth are bounded before anything is
 * allocated, duplicate members are refused (two readers could disagree about which one counts), and a
 * member of the wrong type is an error that names it. Errors have the class transient: the usual
 * speaker is a CA. Other callers set e->class themselves. */

#include "lib/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define JSON_NESTING_MAX 32

/* The object that the text consists of; the caller releases it with json_decref(). NULL with e set when the
 * text is longer than max bytes, nested deeper than JSON_NESTING_MAX, not JSON, or not an object. */
json_t *json_read_object(const char *text, size_t len, size_t max, struct err *e);

/* For main(), before anything else: when memory runs out within jansson, the program ends (abort). Up to 2.14
 * jansson's lexer goes on after its buffer could not grow, and writes behind it: with input from outside that
 * is worse than a restart. */
void json_memory_guard(void);

/* Members. A missing one, and one that is null, gives NULL (or the fallback) and true; another type than the
 * asked one is an error. The result is borrowed from the object. */
bool json_member_string(const json_t *object, const char *name, const char **out, struct err *e);
bool json_member_array(const json_t *object, const char *name, const json_t **out, struct err *e);
bool json_member_object(const json_t *object, const char *name, const json_t **out, struct err *e);
bool json_member_bool(const json_t *object, const char *name, bool fallback, bool *out, struct err *e);

/* The same, but the member must be there. */
bool json_need_string(const json_t *object, const char *name, const char **out, struct err *e);
bool json_need_array(const json_t *object, const char *name, const json_t **out, struct err *e);

#endif
