/* SPDX-License-Identifier: MIT */
#ifndef ACMED_RECORD_H
#define ACMED_RECORD_H

/* A struct as a JSON object, by one table of its members: the same table writes, reads and frees it. */

#include "lib/err.h"

#include <jansson.h>
#include <stddef.h>

#define RECORD_TIME_MAX 253402300799 /* Unix seconds: the end of the year 9999 */

enum record_kind {
    RECORD_TIME,           /* int64_t, Unix seconds, 0..RECORD_TIME_MAX (written clamped) */
    RECORD_TIMES,          /* int64_t[max], written up to the first 0 */
    RECORD_COUNT,          /* unsigned */
    RECORD_BOOL,           /* bool */
    RECORD_STRING,         /* char *, owned, at most max bytes (written cut) */
    RECORD_STRING_OR_NULL, /* the same; NULL is null */
    RECORD_STRINGS,        /* struct strv, at most max elements */
    RECORD_NAME,           /* an enum, written as its name */
    RECORD_OBJECT,         /* an embedded struct */
    RECORD_OBJECT_OR_NULL, /* an embedded struct; null when type->present says that there is none */
    RECORD_OBJECTS         /* struct record_list, at most max elements; null when it is empty */
};

struct record_names {
    const char *(*to_str)(unsigned value);
    bool (*from_str)(const char *s, unsigned *value);
};

struct record_type;

/* Structs of one type side by side; owned. */
struct record_list {
    void *v;
    size_t n;
};

struct record_field {
    const char *name;
    enum record_kind kind;
    size_t offset;
    size_t max;
    const struct record_names *names; /* RECORD_NAME */
    const struct record_type *type;   /* RECORD_OBJECT, RECORD_OBJECT_OR_NULL, RECORD_OBJECTS */
    size_t size;                      /* RECORD_OBJECTS: of one struct */
    bool newer;                       /* older versions did not write it: stays 0 when it is missing */
};

struct record_type {
    const struct record_field *fields;
    size_t n;
    size_t present; /* offset of an int64_t which is 0 when there is no such object */
};

/* New reference; NULL: out of memory. Strings are written as utf8_make_printable() leaves them: JSON cannot
 * carry broken UTF-8, and whoever shows them must not be fooled. */
json_t *record_to_json(const struct record_type *type, const void *record);

/* Fills the zeroed record. Strict about types and ranges; every member must be there, but for those that may
 * be null or are newer than the first version; members not in the table are ignored. On failure (class
 * internal) the record is zeroed again. */
bool record_from_json(const struct record_type *type, void *record, const json_t *j, struct err *e);

/* Frees what the members own and zeroes them; other members of the struct are not touched. */
void record_clear(const struct record_type *type, void *record);

#endif
