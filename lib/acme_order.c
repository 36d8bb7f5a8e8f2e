/* SPDX-License-Identifier: MIT */
#include "lib/acme_internal.h"

#include "lib/ident.h"
#include "lib/json.h"
#include "lib/rfc3339.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
    [ACME_ORDER_PENDING] = "pending",       [ACME_ORDER_READY] = "ready",
    [ACME_ORDER_PROCESSING] = "processing", [ACME_ORDER_VALID] = "valid",
    [ACME_ORDER_INVALID] = "invalid",
};

static bool names_listed(const json_t *list, const char *name)
{
    char ident[IDENT_MAX + 1];

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *listed = json_array_get(list, i);
        const char *type = json_string_value(json_object_get(listed, "type"));
        const char *value = json_string_value(json_object_get(listed, "value"));

        if (type != NULL && value != NULL && ident_read(type, value, ident) && strcmp(ident, name) == 0)
            return true;
    }
    return false;
}

/* The order must be for all of our names and for none but them, in any order and any notation. */
static bool check_names(const json_t *root, const struct strv *names, struct err *e)
{
    const json_t *list;

    if (!json_need_array(root, "identifiers", &list, e))
        return false;
    if (json_array_size(list) != names->n)
        return err_set(e, ERR_CLASS_PERMANENT, "it is for %zu names, not for the %zu that were asked for",
                       json_array_size(list), names->n);
    for (size_t i = 0; i < names->n; i++)
        if (!names_listed(list, names->v[i]))
            return err_set(e, ERR_CLASS_PERMANENT, "it is for other names: %s is not among them",
                           names->v[i]);
    return true;
}

static bool read_authorizations(struct acme_order *o, const struct acme_directory *d, const json_t *root,
                                struct err *e)
{
    const json_t *list;
    size_t n;

    if (!json_need_array(root, "authorizations", &list, e))
        return false;
    n = json_array_size(list);
    if (n == 0 || n > ACME_AUTHORIZATIONS_MAX)
        return err_set(e, ERR_CLASS_PERMANENT, "it lists %zu authorizations, and 1 to %d are accepted", n,
                       ACME_AUTHORIZATIONS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *value = json_string_value(json_array_get(list, i));
        char *url = NULL;
        bool added;

        if (value == NULL)
            return err_set(e, ERR_CLASS_TRANSIENT, "an authorization is not a string");
        if (!acme_url_copy(&url, d, "authorization", value, e))
            return false;
        added = strv_contains(&o->authorizations, url) || strv_add(&o->authorizations, url);
        free(url);
        if (!added)
            return err_nomem(e, "an order");
    }
    return true;
}

static bool read_urls(struct acme_order *o, const struct acme_directory *d, const json_t *root, struct err *e)
{
    const char *finalize;
    const char *certificate;

    if (!json_need_string(root, "finalize", &finalize, e) ||
        !acme_url_copy(&o->finalize, d, "finalize", finalize, e) ||
        !json_member_string(root, "certificate", &certificate, e))
        return false;
    if (certificate != NULL)
        return acme_url_copy(&o->certificate, d, "certificate", certificate, e);
    if (o->status == ACME_ORDER_VALID)
        return err_set(e, ERR_CLASS_TRANSIENT, "it is valid but names no certificate");
    return true;
}

static bool read_order(struct acme_order *o, const struct acme_directory *d, const struct strv *names,
                       const json_t *root, struct err *e)
{
    const char *status;
    const char *expires;
    const json_t *problem;
    int found;

    if (!json_need_string(root, "status", &status, e) || !json_member_string(root, "expires", &expires, e) ||
        !json_member_object(root, "error", &problem, e))
        return false;
    found = acme_name_find(status_names, sizeof status_names / sizeof status_names[0], status);
    if (found < 0)
        return err_set(e, ERR_CLASS_TRANSIENT, "status \"%.40s\" is unknown", status);
    o->status = (enum acme_order_status)found;
    /* Only looked at to see whether it has expired: an unreadable one is as good as none. */
    if (expires != NULL)
        (void)rfc3339_parse(expires, &o->expires);
    if (problem != NULL && !acme_problem_describe(problem, "", &o->error, &o->error_type, &o->error_class, e))
        return false;
    return check_names(root, names, e) && read_authorizations(o, d, root, e) && read_urls(o, d, root, e);
}

bool acme_order_parse(struct acme_order *o, const struct acme_directory *d, const struct strv *names,
                      const struct http_reply *reply, struct err *e)
{
    struct acme_order new = {0};
    json_t *root = acme_body(reply, "order", e);
    bool ok;

    if (root == NULL)
        return false;
    ok = read_order(&new, d, names, root, e);
    json_decref(root);
    if (!ok) {
        acme_order_clear(&new);
        return err_wrap(e, "the CA's order cannot be used");
    }
    *o = new;
    return true;
}

void acme_order_clear(struct acme_order *o)
{
    strv_clear(&o->authorizations);
    free(o->finalize);
    free(o->certificate);
    free(o->error);
    *o = (struct acme_order){0};
}
