/* SPDX-License-Identifier: MIT */
#include "lib/record.h"

#include "lib/strv.h"
#include "lib/utf8.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENT_MAX 1024 /* bytes of one string of a list */

static const void *at(const struct record_field *f, const void *record)
{
    return (const char *)record + f->offset;
}

static void *at_mut(const struct record_field *f, void *record)
{
    return (char *)record + f->offset;
}

static bool present(const struct record_type *type, const void *embedded)
{
    return *(const int64_t *)(const void *)((const char *)embedded + type->present) != 0;
}

/* Writing. */

static json_t *time_to_json(int64_t t)
{
    return json_integer(t < 0 ? 0 : t > RECORD_TIME_MAX ? RECORD_TIME_MAX : t);
}

/* At most max bytes of s; a NULL s counts as "". */
static json_t *string_to_json(const char *s, size_t max)
{
    char *copy;
    json_t *j;

    if (s == NULL)
        s = "";
    copy = strndup(s, utf8_cut(s, max));
    if (copy == NULL)
        return NULL;
    utf8_make_printable(copy);
    j = json_string(copy);
    free(copy);
    return j;
}

static json_t *append(json_t *array, json_t *element)
{
    if (element == NULL || json_array_append_new(array, element) != 0) {
        json_decref(array);
        return NULL;
    }
    return array;
}

static json_t *times_to_json(const int64_t *times, size_t max)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < max && times[i] > 0; i++)
        array = append(array, time_to_json(times[i]));
    return array;
}

static json_t *strings_to_json(const struct strv *l, size_t max)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < l->n && i < max; i++)
        array = append(array, string_to_json(l->v[i], ELEMENT_MAX));
    return array;
}

static json_t *objects_to_json(const struct record_field *f, const struct record_list *l)
{
    json_t *array = l->n > 0 ? json_array() : json_null();

    for (size_t i = 0; array != NULL && i < l->n && i < f->max; i++)
        array = append(array, record_to_json(f->type, (const char *)l->v + i * f->size));
    return array;
}

static json_t *field_to_json(const struct record_field *f, const void *p)
{
    switch (f->kind) {
    case RECORD_TIME:
        return time_to_json(*(const int64_t *)p);
    case RECORD_TIMES:
        return times_to_json(p, f->max);
    case RECORD_COUNT:
        return json_integer(*(const unsigned *)p);
    case RECORD_BOOL:
        return json_boolean(*(const bool *)p);
    case RECORD_STRING:
        return string_to_json(*(char *const *)p, f->max);
    case RECORD_STRING_OR_NULL:
        return *(char *const *)p == NULL ? json_null() : string_to_json(*(char *const *)p, f->max);
    case RECORD_STRINGS:
        return strings_to_json(p, f->max);
    case RECORD_NAME:
        return json_string(f->names->to_str(*(const unsigned *)p));
    case RECORD_OBJECT:
        return record_to_json(f->type, p);
    case RECORD_OBJECT_OR_NULL:
        return present(f->type, p) ? record_to_json(f->type, p) : json_null();
    case RECORD_OBJECTS:
        return objects_to_json(f, p);
    }
    return NULL;
}

json_t *record_to_json(const struct record_type *type, const void *record)
{
    json_t *o = json_object();

    for (size_t i = 0; o != NULL && i < type->n; i++) {
        const struct record_field *f = &type->fields[i];

        if (json_object_set_new(o, f->name, field_to_json(f, at(f, record))) != 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

/* Reading. Each returns NULL, or what is wrong. */

static const char *time_from_json(int64_t *t, const json_t *j)
{
    if (!json_is_integer(j) || json_integer_value(j) < 0 || json_integer_value(j) > RECORD_TIME_MAX)
        return "is not a time";
    *t = json_integer_value(j);
    return NULL;
}

static const char *times_from_json(int64_t *times, size_t max, const json_t *j)
{
    if (!json_is_array(j) || json_array_size(j) > max)
        return "is not a list of times, or too long";
    for (size_t i = 0; i < json_array_size(j); i++)
        if (time_from_json(&times[i], json_array_get(j, i)) != NULL || times[i] == 0)
            return "holds something that is not a time";
    return NULL;
}

static const char *count_from_json(unsigned *n, const json_t *j)
{
    if (!json_is_integer(j) || json_integer_value(j) < 0 || json_integer_value(j) > UINT_MAX)
        return "is not a count";
    *n = (unsigned)json_integer_value(j);
    return NULL;
}

static const char *bool_from_json(bool *b, const json_t *j)
{
    if (!json_is_boolean(j))
        return "is neither true nor false";
    *b = json_is_true(j);
    return NULL;
}

static const char *string_from_json(char **s, size_t max, const json_t *j)
{
    if (!json_is_string(j))
        return "is not a string";
    if (json_string_length(j) > max)
        return "is too long";
    *s = strdup(json_string_value(j));
    return *s == NULL ? "does not fit into memory" : NULL;
}

static const char *strings_from_json(struct strv *l, size_t max, const json_t *j)
{
    if (!json_is_array(j) || json_array_size(j) > max)
        return "is not a list of strings, or too long";
    for (size_t i = 0; i < json_array_size(j); i++) {
        const json_t *s = json_array_get(j, i);

        if (!json_is_string(s) || json_string_length(s) > ELEMENT_MAX)
            return "holds something that is not a string, or too long";
        if (!strv_add(l, json_string_value(s)))
            return "does not fit into memory";
    }
    return NULL;
}

static const char *name_from_json(const struct record_names *names, unsigned *value, const json_t *j)
{
    if (!json_is_string(j) || !names->from_str(json_string_value(j), value))
        return "is none of the names known here";
    return NULL;
}

static const char *field_from_json(const struct record_field *f, void *p, const json_t *j)
{
    switch (f->kind) {
    case RECORD_TIME:
        return time_from_json(p, j);
    case RECORD_TIMES:
        return times_from_json(p, f->max, j);
    case RECORD_COUNT:
        return count_from_json(p, j);
    case RECORD_BOOL:
        return bool_from_json(p, j);
    case RECORD_STRING:
    case RECORD_STRING_OR_NULL:
        return string_from_json(p, f->max, j);
    case RECORD_STRINGS:
        return strings_from_json(p, f->max, j);
    case RECORD_NAME:
        return name_from_json(f->names, p, j);
    case RECORD_OBJECT:
    case RECORD_OBJECT_OR_NULL:
    case RECORD_OBJECTS:
        break; /* the caller's: they carry their own error */
    }
    return "is of an unknown kind";
}

static bool nullable(const struct record_field *f)
{
    return f->kind == RECORD_STRING_OR_NULL || f->kind == RECORD_OBJECT_OR_NULL || f->kind == RECORD_OBJECTS;
}

/* After a failure the caller clears what was read so far. */
static bool objects_from_json(const struct record_field *f, struct record_list *l, const json_t *j,
                              struct err *e)
{
    size_t n = json_array_size(j);

    if (!json_is_array(j) || n > f->max)
        return err_set(e, ERR_CLASS_INTERNAL, "is not a list, or too long");
    if (n == 0)
        return true;
    l->v = calloc(n, f->size);
    if (l->v == NULL)
        return err_nomem(e, "a list");
    for (; l->n < n; l->n++)
        if (!record_from_json(f->type, (char *)l->v + l->n * f->size, json_array_get(j, l->n), e))
            return false;
    return true;
}

static bool object_from_json(const struct record_field *f, void *record, const json_t *j, struct err *e)
{
    if (f->kind == RECORD_OBJECTS)
        return objects_from_json(f, at_mut(f, record), j, e);
    if (!record_from_json(f->type, at_mut(f, record), j, e))
        return false;
    return f->kind != RECORD_OBJECT_OR_NULL || present(f->type, at(f, record)) ||
           err_set(e, ERR_CLASS_INTERNAL, "has no time");
}

static bool member_from_json(const struct record_field *f, void *record, const json_t *j, struct err *e)
{
    const char *wrong;

    if ((nullable(f) && (j == NULL || json_is_null(j))) || (f->newer && j == NULL))
        return true;
    if (j == NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "member \"%s\" is missing", f->name);
    if (f->type != NULL)
        return object_from_json(f, record, j, e) || err_wrap(e, "member \"%s\"", f->name);
    wrong = field_from_json(f, at_mut(f, record), j);
    if (wrong != NULL)
        return err_set(e, ERR_CLASS_INTERNAL, "member \"%s\" %s", f->name, wrong);
    return true;
}

bool record_from_json(const struct record_type *type, void *record, const json_t *j, struct err *e)
{
    if (!json_is_object(j))
        return err_set(e, ERR_CLASS_INTERNAL, "not a JSON object");
    for (size_t i = 0; i < type->n; i++) {
        const struct record_field *f = &type->fields[i];

        if (!member_from_json(f, record, json_object_get(j, f->name), e)) {
            record_clear(type, record);
            return false;
        }
    }
    return true;
}

/* Freeing. */

static void list_clear(const struct record_field *f, struct record_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        record_clear(f->type, (char *)l->v + i * f->size);
    free(l->v);
    *l = (struct record_list){0};
}

static void field_clear(const struct record_field *f, void *p)
{
    switch (f->kind) {
    case RECORD_TIME:
        *(int64_t *)p = 0;
        break;
    case RECORD_TIMES:
        memset(p, 0, f->max * sizeof(int64_t));
        break;
    case RECORD_COUNT:
    case RECORD_NAME:
        *(unsigned *)p = 0;
        break;
    case RECORD_BOOL:
        *(bool *)p = false;
        break;
    case RECORD_STRING:
    case RECORD_STRING_OR_NULL:
        free(*(char **)p);
        *(char **)p = NULL;
        break;
    case RECORD_STRINGS:
        strv_clear(p);
        break;
    case RECORD_OBJECT:
    case RECORD_OBJECT_OR_NULL:
        record_clear(f->type, p);
        break;
    case RECORD_OBJECTS:
        list_clear(f, p);
        break;
    }
}

void record_clear(const struct record_type *type, void *record)
{
    for (size_t i = 0; i < type->n; i++)
        field_clear(&type->fields[i], at_mut(&type->fields[i], record));
}
