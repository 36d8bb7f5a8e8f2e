/* SPDX-License-Identifier: MIT */
#include "lib/json.h"

#include <stdlib.h>

static void *malloc_or_abort(size_t size)
{
    void *p = malloc(size);

    if (p == NULL && size > 0)
        abort();
    return p;
}

void json_memory_guard(void)
{
    json_set_alloc_funcs(malloc_or_abort, free);
}

/* Counts brackets without parsing: jansson would recurse, and allocate, for each level. The text need
 * not be JSON for this to be right: what is miscounted is refused by the parser anyway. */
static bool nested_too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_NESTING_MAX)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

json_t *json_read_object(const char *text, size_t len, size_t max, struct err *e)
{
    json_error_t why;
    json_t *root;

    if (len > max) {
        err_set(e, ERR_CLASS_TRANSIENT, "JSON of %zu bytes, more than the %zu that are accepted", len, max);
        return NULL;
    }
    if (nested_too_deep(text, len)) {
        err_set(e, ERR_CLASS_TRANSIENT, "JSON nested deeper than %d levels", JSON_NESTING_MAX);
        return NULL;
    }
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        if (json_error_code(&why) == json_error_out_of_memory)
            err_nomem(e, "reading JSON");
        else
            err_set(e, ERR_CLASS_TRANSIENT, "not valid JSON: %s at line %d column %d", why.text, why.line,
                    why.column);
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        err_set(e, ERR_CLASS_TRANSIENT, "not a JSON object");
        return NULL;
    }
    return root;
}

static const char *type_to_str(json_type type)
{
    switch (type) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* NULL in *out for a missing member and for null. */
static bool member(const json_t *object, const char *name, json_type type, const json_t **out, struct err *e)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL || json_is_null(value)) {
        *out = NULL;
        return true;
    }
    if (json_typeof(value) != type)
        return err_set(e, ERR_CLASS_TRANSIENT, "member \"%s\" is %s, not %s", name,
                       type_to_str(json_typeof(value)), type_to_str(type));
    *out = value;
    return true;
}

bool json_member_string(const json_t *object, const char *name, const char **out, struct err *e)
{
    const json_t *value = NULL;

    if (!member(object, name, JSON_STRING, &value, e))
        return false;
    *out = json_string_value(value);
    return true;
}

bool json_member_array(const json_t *object, const char *name, const json_t **out, struct err *e)
{
    return member(object, name, JSON_ARRAY, out, e);
}

bool json_member_object(const json_t *object, const char *name, const json_t **out, struct err *e)
{
    return member(object, name, JSON_OBJECT, out, e);
}

bool json_member_bool(const json_t *object, const char *name, bool fallback, bool *out, struct err *e)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL || json_is_null(value)) {
        *out = fallback;
        return true;
    }
    if (!json_is_boolean(value))
        return err_set(e, ERR_CLASS_TRANSIENT, "member \"%s\" is %s, not a boolean", name,
                       type_to_str(json_typeof(value)));
    *out = json_is_true(value);
    return true;
}

static bool missing(const char *name, struct err *e)
{
    return err_set(e, ERR_CLASS_TRANSIENT, "member \"%s\" is missing", name);
}

bool json_need_string(const json_t *object, const char *name, const char **out, struct err *e)
{
    if (!json_member_string(object, name, out, e))
        return false;
    return *out != NULL || missing(name, e);
}

bool json_need_array(const json_t *object, const char *name, const json_t **out, struct err *e)
{
    if (!json_member_array(object, name, out, e))
        return false;
    return *out != NULL || missing(name, e);
}
