/* SPDX-License-Identifier: MIT */
#include "lib/revoked.h"

#include "lib/act.h"
#include "lib/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void revoked_clear(struct revoked *r)
{
    strv_clear(&r->keys);
    *r = (struct revoked){0};
}

const struct revoked_entry *revoked_find(const struct revoked *r, uint64_t generation)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].generation == generation)
            return &r->v[i];
    return NULL;
}

void revoked_set(struct revoked *r, uint64_t generation, uint64_t reason, int64_t at)
{
    const struct revoked_entry entry = {generation, reason, at};

    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].generation == generation) {
            r->v[i] = entry;
            return;
        }
    }
    if (r->n == REVOKED_MAX)
        memmove(r->v, r->v + 1, --r->n * sizeof r->v[0]);
    r->v[r->n++] = entry;
}

bool revoked_has_key(const struct revoked *r, const char *thumbprint)
{
    return strv_contains(&r->keys, thumbprint);
}

bool revoked_add_key(struct revoked *r, const char *thumbprint)
{
    if (revoked_has_key(r, thumbprint))
        return true;
    if (r->keys.n == REVOKED_MAX) {
        free(r->keys.v[0]);
        memmove(r->keys.v, r->keys.v + 1, --r->keys.n * sizeof r->keys.v[0]);
    }
    return strv_add(&r->keys, thumbprint);
}

static bool read_entry(struct revoked *r, const json_t *j, struct err *e)
{
    const json_t *generation = json_object_get(j, "generation");
    const json_t *at = json_object_get(j, "at");
    const char *name;
    uint64_t reason;

    if (!json_need_string(j, "reason", &name, e))
        return false;
    if (!act_reason_from_str(name, &reason))
        return err_set(e, ERR_CLASS_INTERNAL, "there is no reason \"%.40s\"", name);
    if (!json_is_integer(generation) || json_integer_value(generation) < 1 ||
        json_integer_value(generation) > ACT_GENERATION_MAX || !json_is_integer(at) ||
        json_integer_value(at) < 0)
        return err_set(e, ERR_CLASS_INTERNAL, "\"generation\" or \"at\" is no number that it can be");
    revoked_set(r, (uint64_t)json_integer_value(generation), reason, (int64_t)json_integer_value(at));
    return true;
}

static bool read_all(struct revoked *r, const json_t *root, struct err *e)
{
    const json_t *generations;
    const json_t *keys;
    const json_t *item;
    size_t i;

    if (!json_need_array(root, "generations", &generations, e) || !json_need_array(root, "keys", &keys, e))
        return false;
    json_array_foreach(generations, i, item)
    {
        if (!read_entry(r, item, e))
            return false;
    }
    json_array_foreach(keys, i, item)
    {
        if (!json_is_string(item))
            return err_set(e, ERR_CLASS_INTERNAL, "a key is not a string");
        if (!revoked_add_key(r, json_string_value(item)))
            return err_nomem(e, "the list of revoked certificates");
    }
    return true;
}

bool revoked_from_json(struct revoked *r, const char *text, size_t len, struct err *e)
{
    json_t *root = json_read_object(text, len, REVOKED_FILE_MAX, e);
    struct revoked new = {0};
    bool ok = root != NULL && read_all(&new, root, e);

    json_decref(root);
    if (!ok) {
        revoked_clear(&new);
        if (e != NULL)
            e->class = ERR_CLASS_INTERNAL;
        return false;
    }
    *r = new;
    return true;
}

char *revoked_to_json(const struct revoked *r)
{
    json_t *generations = json_array();
    json_t *keys = json_array();
    json_t *root;
    char *text;

    for (size_t i = 0; i < r->n; i++)
        (void)json_array_append_new(
            generations, json_pack("{s:I, s:s, s:I}", "generation", (json_int_t)r->v[i].generation, "reason",
                                   act_reason_to_str(r->v[i].reason), "at", (json_int_t)r->v[i].at));
    for (size_t i = 0; i < r->keys.n; i++)
        (void)json_array_append_new(keys, json_string(r->keys.v[i]));
    root = json_array_size(generations) == r->n && json_array_size(keys) == r->keys.n
               ? json_pack("{s:O, s:O}", "generations", generations, "keys", keys)
               : NULL;
    json_decref(generations);
    json_decref(keys);
    text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return text;
}
