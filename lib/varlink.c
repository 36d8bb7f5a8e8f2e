/* SPDX-License-Identifier: MIT */
#include "lib/varlink.h"

#include "lib/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

extern const char varlink_control_description[];

static const char service_description[] =
    "# What every Varlink service offers: who it is, and which interfaces it has.\n"
    "interface org.varlink.service\n"
    "\n"
    "# The implementation and the names of its interfaces.\n"
    "method GetInfo() -> (\n"
    "  vendor: string,\n"
    "  product: string,\n"
    "  version: string,\n"
    "  url: string,\n"
    "  interfaces: []string\n"
    ")\n"
    "\n"
    "# The text of one interface, as this one is.\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n"
    "\n"
    "# There is no interface of that name here.\n"
    "error InterfaceNotFound (interface: string)\n"
    "\n"
    "# The interface has no method of that name.\n"
    "error MethodNotFound (method: string)\n"
    "\n"
    "# The interface has the method, this service does not.\n"
    "error MethodNotImplemented (method: string)\n"
    "\n"
    "# A parameter is missing, unknown, or has an unfit value.\n"
    "error InvalidParameter (parameter: string)\n"
    "\n"
    "# The caller's user may not do this.\n"
    "error PermissionDenied ()\n"
    "\n"
    "# The method answers in more than one reply and must be called with \"more\".\n"
    "error ExpectedMore ()\n";

static const struct varlink_method methods[] = {
    [VARLINK_GET_INFO] = {VARLINK_SERVICE ".GetInfo", VARLINK_GET_INFO, VARLINK_READ, false},
    [VARLINK_GET_INTERFACE_DESCRIPTION] = {VARLINK_SERVICE ".GetInterfaceDescription",
                                           VARLINK_GET_INTERFACE_DESCRIPTION, VARLINK_READ, false},
    [VARLINK_STATUS] = {VARLINK_CONTROL_INTERFACE ".Status", VARLINK_STATUS, VARLINK_READ, false},
    [VARLINK_WATCH] = {VARLINK_CONTROL_INTERFACE ".Watch", VARLINK_WATCH, VARLINK_READ, true},
    [VARLINK_HISTORY] = {VARLINK_CONTROL_INTERFACE ".History", VARLINK_HISTORY, VARLINK_READ, false},
    [VARLINK_PLAN] = {VARLINK_CONTROL_INTERFACE ".Plan", VARLINK_PLAN, VARLINK_READ, false},
    [VARLINK_CHECK] = {VARLINK_CONTROL_INTERFACE ".Check", VARLINK_CHECK, VARLINK_READ, false},
    [VARLINK_RENEW] = {VARLINK_CONTROL_INTERFACE ".Renew", VARLINK_RENEW, VARLINK_CONTROL, false},
    [VARLINK_TEST] = {VARLINK_CONTROL_INTERFACE ".Test", VARLINK_TEST, VARLINK_CONTROL, false},
    [VARLINK_DEPLOY] = {VARLINK_CONTROL_INTERFACE ".Deploy", VARLINK_DEPLOY, VARLINK_CONTROL, false},
    [VARLINK_RELOAD] = {VARLINK_CONTROL_INTERFACE ".Reload", VARLINK_RELOAD, VARLINK_CONTROL, false},
    [VARLINK_REVOKE] = {VARLINK_CONTROL_INTERFACE ".Revoke", VARLINK_REVOKE, VARLINK_GRANT, false},
    [VARLINK_ROLLBACK] = {VARLINK_CONTROL_INTERFACE ".Rollback", VARLINK_ROLLBACK, VARLINK_GRANT, false},
    [VARLINK_ACCOUNTS] = {VARLINK_CONTROL_INTERFACE ".Accounts", VARLINK_ACCOUNTS, VARLINK_READ, false},
    [VARLINK_ACCOUNT_UPDATE] = {VARLINK_CONTROL_INTERFACE ".AccountUpdate", VARLINK_ACCOUNT_UPDATE,
                                VARLINK_CONTROL, false},
    [VARLINK_ACCOUNT_ROLLOVER] = {VARLINK_CONTROL_INTERFACE ".AccountRollover", VARLINK_ACCOUNT_ROLLOVER,
                                  VARLINK_GRANT, false},
    [VARLINK_ACCOUNT_DEACTIVATE] = {VARLINK_CONTROL_INTERFACE ".AccountDeactivate",
                                    VARLINK_ACCOUNT_DEACTIVATE, VARLINK_GRANT, false},
};
static_assert(sizeof methods / sizeof methods[0] == VARLINK_METHOD_COUNT, "every method has a row");

const struct varlink_method *varlink_find_method(const char *name)
{
    for (size_t i = 0; i < VARLINK_METHOD_COUNT; i++)
        if (strcmp(name, methods[i].name) == 0)
            return &methods[i];
    return NULL;
}

bool varlink_has_interface(const char *method)
{
    static const char *const interfaces[] = {VARLINK_SERVICE, VARLINK_CONTROL_INTERFACE};
    const char *dot = strrchr(method, '.');

    for (size_t i = 0; dot != NULL && i < sizeof interfaces / sizeof interfaces[0]; i++)
        if (strlen(interfaces[i]) == (size_t)(dot - method) &&
            strncmp(method, interfaces[i], strlen(interfaces[i])) == 0)
            return true;
    return false;
}

const char *varlink_description(const char *interface)
{
    if (strcmp(interface, VARLINK_SERVICE) == 0)
        return service_description;
    if (strcmp(interface, VARLINK_CONTROL_INTERFACE) == 0)
        return varlink_control_description;
    return NULL;
}

/* Member "parameters" as a new reference; absent or null: an empty object. NULL on failure. */
static json_t *get_parameters(const json_t *message, struct err *e)
{
    const json_t *parameters;
    json_t *empty;

    if (!json_member_object(message, "parameters", &parameters, e))
        return NULL;
    if (parameters != NULL)
        return json_incref((json_t *)parameters);
    empty = json_object();
    if (empty == NULL)
        err_nomem(e, "Varlink parameters");
    return empty;
}

/* Member `name` as the full name of a method or an error; the caller frees. NULL on failure. */
static char *get_name(const json_t *message, const char *name, struct err *e)
{
    const json_t *j = json_object_get(message, name);
    char *copy;

    if (!json_is_string(j) || json_string_length(j) == 0 || json_string_length(j) > VARLINK_METHOD_MAX) {
        err_set(e, ERR_CLASS_PERMANENT, "\"%s\" is no name of 1 to %d bytes", name, VARLINK_METHOD_MAX);
        return NULL;
    }
    copy = strdup(json_string_value(j));
    if (copy == NULL)
        err_nomem(e, "Varlink message");
    return copy;
}

static bool call_fill(struct varlink_call *c, const json_t *message, struct err *e)
{
    if (!json_member_bool(message, "more", false, &c->more, e) ||
        !json_member_bool(message, "oneway", false, &c->oneway, e) ||
        !json_member_bool(message, "upgrade", false, &c->upgrade, e))
        return false;
    if (c->more && c->oneway)
        return err_set(e, ERR_CLASS_PERMANENT, "\"more\" and \"oneway\" exclude each other");
    c->method = get_name(message, "method", e);
    if (c->method == NULL)
        return false;
    c->parameters = get_parameters(message, e);
    return c->parameters != NULL;
}

/* What a peer said is refused for good, whatever the class lib/json.h gave it. Always returns false. */
static bool refuse(struct err *e, const char *what)
{
    if (e != NULL && e->class != ERR_CLASS_INTERNAL)
        e->class = ERR_CLASS_PERMANENT;
    return err_wrap(e, "%s", what);
}

bool varlink_call_parse(struct varlink_call *c, const char *text, size_t len, struct err *e)
{
    struct varlink_call fresh = {0};
    json_t *message = json_read_object(text, len, VARLINK_REQUEST_MAX, e);
    bool ok = message != NULL && call_fill(&fresh, message, e);

    json_decref(message);
    if (!ok) {
        varlink_call_clear(&fresh);
        return refuse(e, "Varlink call");
    }
    *c = fresh;
    return true;
}

void varlink_call_clear(struct varlink_call *c)
{
    free(c->method);
    json_decref(c->parameters);
    *c = (struct varlink_call){0};
}

/* {key: name, "parameters": ..., flag: true}; key and flag may be NULL. Steals parameters. */
static char *message_dump(const char *key, const char *name, json_t *parameters, const char *flag)
{
    json_t *message = json_object();
    char *text = NULL;
    bool ok;

    if (parameters == NULL)
        parameters = json_object();
    ok = message != NULL && (key == NULL || json_object_set_new(message, key, json_string(name)) == 0) &&
         json_object_set(message, "parameters", parameters) == 0 &&
         (flag == NULL || json_object_set_new(message, flag, json_true()) == 0);
    if (ok)
        text = json_dumps(message, JSON_COMPACT);
    json_decref(parameters);
    json_decref(message);
    return text;
}

char *varlink_reply(json_t *parameters, bool continues)
{
    return message_dump(NULL, NULL, parameters, continues ? "continues" : NULL);
}

char *varlink_error(const char *error, json_t *parameters)
{
    return message_dump("error", error, parameters, NULL);
}

char *varlink_request(const char *method, json_t *parameters, bool more)
{
    return message_dump("method", method, parameters, more ? "more" : NULL);
}

static bool reply_fill(struct varlink_reply *r, const json_t *message, struct err *e)
{
    if (!json_member_bool(message, "continues", false, &r->continues, e))
        return false;
    if (json_object_get(message, "error") != NULL) {
        r->error = get_name(message, "error", e);
        if (r->error == NULL)
            return false;
    }
    r->parameters = get_parameters(message, e);
    return r->parameters != NULL;
}

bool varlink_reply_parse(struct varlink_reply *r, const char *text, size_t len, struct err *e)
{
    struct varlink_reply fresh = {0};
    json_t *message = json_read_object(text, len, VARLINK_REPLY_MAX, e);
    bool ok = message != NULL && reply_fill(&fresh, message, e);

    json_decref(message);
    if (!ok) {
        varlink_reply_clear(&fresh);
        return refuse(e, "Varlink reply");
    }
    *r = fresh;
    return true;
}

void varlink_reply_clear(struct varlink_reply *r)
{
    free(r->error);
    json_decref(r->parameters);
    *r = (struct varlink_reply){0};
}
