/* SPDX-License-Identifier: MIT */
#include "daemon/engine/methods.h"

#include "daemon/engine/fleet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void invalid_parameter(struct peer *p, const char *name)
{
    peer_error(p, VARLINK_INVALID_PARAMETER, json_pack("{ss}", "parameter", name));
}

bool method_bool(struct peer *p, const json_t *parameters, const char *name, bool *value)
{
    const json_t *j = json_object_get(parameters, name);

    if (j == NULL || json_is_null(j))
        return true;
    if (!json_is_boolean(j)) {
        invalid_parameter(p, name);
        return false;
    }
    *value = json_is_true(j);
    return true;
}

bool method_int(struct peer *p, const json_t *parameters, const char *name, int64_t least, int64_t most,
                int64_t *value)
{
    const json_t *j = json_object_get(parameters, name);

    if (j == NULL || json_is_null(j))
        return true;
    if (!json_is_integer(j) || json_integer_value(j) < least || json_integer_value(j) > most) {
        invalid_parameter(p, name);
        return false;
    }
    *value = json_integer_value(j);
    return true;
}

bool method_string(struct peer *p, const json_t *parameters, const char *name, const char **value)
{
    const json_t *j = json_object_get(parameters, name);

    if (j == NULL || json_is_null(j))
        return true;
    if (!json_is_string(j)) {
        invalid_parameter(p, name);
        return false;
    }
    *value = json_string_value(j);
    return true;
}

void method_unknown_certificate(struct peer *p, const char *name)
{
    const struct fleet *f = peer_engine(p)->fleet;
    json_t *known = json_array();

    for (size_t i = 0; i < fleet_count(f); i++)
        (void)json_array_append_new(known, json_string(fleet_at(f, i)->name));
    peer_error(p, VARLINK_CONTROL_INTERFACE ".NoSuchCertificate",
               json_pack("{ss so}", "name", name, "known", known));
}

static bool select_all(const struct fleet *f, struct certificate **v, size_t *n)
{
    for (size_t i = 0; i < fleet_count(f); i++)
        v[(*n)++] = fleet_at(f, i);
    return true;
}

static void select_one(struct certificate *c, struct certificate **v, size_t *n)
{
    for (size_t k = 0; k < *n; k++)
        if (v[k] == c)
            return;
    v[(*n)++] = c;
}

static bool select_if(struct certificate *c, const char *name, struct certificate **v, size_t *n)
{
    if (c == NULL || !(c->config != NULL ? config_answers_to(c->config, name) : strcmp(c->name, name) == 0))
        return false;
    select_one(c, v, n);
    return true;
}

/* Every lineage that answers to the name (config_answers_to()): it is called so, or it is called as one of
 * the section's types of key, or the name is the plain lineage's with its type of key. False: there is none.
 */
static bool select_by_name(const struct fleet *f, const char *name, struct certificate **v, size_t *n)
{
    char lineage[CONFIG_NAME_MAX + 1];
    const char *dot = strrchr(name, '.');
    bool found = select_if(fleet_find(f, name), name, v, n);

    for (unsigned type = 0; type < KEY_TYPE_COUNT; type++)
        if (snprintf(lineage, sizeof lineage, "%s.%s", name, key_type_to_str((enum key_type)type)) <
            (int)sizeof lineage)
            found |= select_if(fleet_find(f, lineage), name, v, n);
    if (dot != NULL &&
        snprintf(lineage, sizeof lineage, "%.*s", (int)(dot - name), name) < (int)sizeof lineage)
        found |= select_if(fleet_find(f, lineage), name, v, n);
    return found;
}

static bool select_named(struct peer *p, const json_t *names, struct certificate **v, size_t *n)
{
    const struct fleet *f = peer_engine(p)->fleet;
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        if (!json_is_string(name)) {
            invalid_parameter(p, "names");
            return false;
        }
        if (!select_by_name(f, json_string_value(name), v, n)) {
            method_unknown_certificate(p, json_string_value(name));
            return false;
        }
    }
    return true;
}

bool method_selection(struct peer *p, const json_t *parameters, struct certificate ***v, size_t *n,
                      bool *named)
{
    const struct fleet *f = peer_engine(p)->fleet;
    const json_t *names = json_object_get(parameters, "names");
    bool ok;

    *n = 0;
    *named = json_array_size(names) > 0;
    if (names != NULL && !json_is_null(names) && !json_is_array(names)) {
        invalid_parameter(p, "names");
        return false;
    }
    *v = calloc(fleet_count(f) + 1, sizeof **v);
    if (*v == NULL) {
        invalid_parameter(p, "names");
        return false;
    }
    ok = *named ? select_named(p, names, *v, n) : select_all(f, *v, n);
    if (!ok) {
        free(*v);
        *v = NULL;
    }
    return ok;
}

bool method_named(struct peer *p, const char *name, struct certificate ***v, size_t *n)
{
    struct certificate **found = calloc(KEY_TYPE_COUNT + 2, sizeof(struct certificate *));

    *n = 0;
    if (found != NULL && name != NULL && select_by_name(peer_engine(p)->fleet, name, found, n)) {
        *v = found;
        return true;
    }
    free(found);
    method_unknown_certificate(p, name != NULL ? name : "");
    return false;
}

static void get_info(struct peer *p, const json_t *parameters)
{
    (void)parameters;
    peer_reply(p,
               json_pack("{ss ss ss ss s[ss]}", "vendor", "The acmed authors", "product", "acmed", "version",
                         ACMED_VERSION, "url", "https://varlink.org", "interfaces", VARLINK_SERVICE,
                         VARLINK_CONTROL_INTERFACE),
               false);
}

static void get_interface_description(struct peer *p, const json_t *parameters)
{
    const char *name = NULL;
    const char *text;

    if (!method_string(p, parameters, "interface", &name))
        return;
    if (name == NULL) {
        invalid_parameter(p, "interface");
        return;
    }
    text = varlink_description(name);
    if (text == NULL)
        peer_error(p, VARLINK_INTERFACE_NOT_FOUND, json_pack("{ss}", "interface", name));
    else
        peer_reply(p, json_pack("{ss}", "description", text), false);
}

void method_call(struct peer *p, enum varlink_method_id id, const json_t *parameters)
{
    static void (*const methods[])(struct peer * p, const json_t *parameters) = {
        [VARLINK_GET_INFO] = get_info,
        [VARLINK_GET_INTERFACE_DESCRIPTION] = get_interface_description,
        [VARLINK_STATUS] = method_status,
        [VARLINK_WATCH] = method_watch,
        [VARLINK_HISTORY] = method_history,
        [VARLINK_PLAN] = method_plan,
        [VARLINK_CHECK] = method_check,
        [VARLINK_RENEW] = method_renew,
        [VARLINK_TEST] = method_test,
        [VARLINK_DEPLOY] = method_deploy,
        [VARLINK_RELOAD] = method_reload,
        [VARLINK_REVOKE] = method_revoke,
        [VARLINK_ROLLBACK] = method_rollback,
        [VARLINK_ACCOUNTS] = method_accounts,
        [VARLINK_ACCOUNT_UPDATE] = method_account_update,
        [VARLINK_ACCOUNT_ROLLOVER] = method_account_rollover,
        [VARLINK_ACCOUNT_DEACTIVATE] = method_account_deactivate,
    };

    static_assert(sizeof methods / sizeof methods[0] == VARLINK_METHOD_COUNT,
                  "every method has its function");
    methods[id](p, parameters);
}
