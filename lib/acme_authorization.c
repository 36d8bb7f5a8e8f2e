/* SPDX-License-Identifier: MIT */
#include "lib/acme_internal.h"

#include "lib/b64.h"
#include "lib/dns_reply.h"
#include "lib/buf.h"
#include "lib/ident.h"
#include "lib/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHALLENGES_MAX 32
#define OFFERED_MAX    200

static const char *const status_names[] = {
    [ACME_AUTHORIZATION_PENDING] = "pending", [ACME_AUTHORIZATION_VALID] = "valid",
    [ACME_AUTHORIZATION_INVALID] = "invalid", [ACME_AUTHORIZATION_DEACTIVATED] = "deactivated",
    [ACME_AUTHORIZATION_EXPIRED] = "expired", [ACME_AUTHORIZATION_REVOKED] = "revoked",
};

static const char *const challenge_names[] = {
    [ACME_CHALLENGE_PENDING] = "pending",
    [ACME_CHALLENGE_PROCESSING] = "processing",
    [ACME_CHALLENGE_VALID] = "valid",
    [ACME_CHALLENGE_INVALID] = "invalid",
};

static bool read_status(const json_t *object, const char *const *names, size_t n, int *out, struct err *e)
{
    const char *status;

    if (!json_need_string(object, "status", &status, e))
        return false;
    *out = acme_name_find(names, n, status);
    return *out >= 0 || err_set(e, ERR_CLASS_TRANSIENT, "status \"%.40s\" is unknown", status);
}

/* The authorization of a wildcard has the name below it as its identifier, and says that it is one (RFC 8555
 * section 7.1.4). It is another authorization than that of the name itself. */
static bool read_identifier(struct acme_authorization *a, const json_t *root, struct err *e)
{
    const bool wildcard = json_is_true(json_object_get(root, "wildcard"));
    const json_t *identifier;
    const char *type;
    const char *value;
    char ident[IDENT_MAX + 1];

    if (!json_member_object(root, "identifier", &identifier, e) ||
        !json_need_string(identifier, "type", &type, e) || !json_need_string(identifier, "value", &value, e))
        return err_wrap(e, "in \"identifier\"");
    if (!ident_read(type, value, ident) || (wildcard && ident_type(ident) == IDENT_IP))
        return err_set(e, ERR_CLASS_PERMANENT, "its identifier \"%.80s\" of type \"%.20s\" is none of ours",
                       value, type);
    if (asprintf(&a->identifier, "%s%s", wildcard ? "*." : "", ident_base(ident)) < 0) {
        a->identifier = NULL;
        return err_nomem(e, "an authorization");
    }
    return true;
}

/* Which of our addresses the CA reached says more about a wrong DNS record than anything else does. Some
 * CAs put it into the detail, the others only here. */
static void validation_address(const json_t *challenge, const char *detail, char *out, size_t size)
{
    const json_t *records = json_object_get(challenge, "validationRecord");
    const json_t *last = json_array_get(records, json_array_size(records) - 1);
    const char *address = json_string_value(json_object_get(last, "addressUsed"));

    out[0] = '\0';
    if (address != NULL && *address != '\0' && (detail == NULL || strstr(detail, address) == NULL))
        (void)snprintf(out, size, " [the CA connected to %.60s]", address);
}

static bool read_failure(struct acme_authorization *a, const json_t *challenge, struct err *e)
{
    const json_t *problem;
    char address[100];

    if (!json_member_object(challenge, "error", &problem, e))
        return false;
    if (problem == NULL || a->error != NULL)
        return true;
    validation_address(challenge, json_string_value(json_object_get(problem, "detail")), address,
                       sizeof address);
    return acme_problem_describe(problem, address, &a->error, &a->error_type, &a->error_class, e);
}

/* They become part of what a person is asked to publish. */
static bool read_issuers(struct acme_authorization *a, const json_t *challenge, struct err *e)
{
    const json_t *list;

    if (!json_need_array(challenge, "issuer-domain-names", &list, e))
        return false;
    if (json_array_size(list) == 0 || json_array_size(list) > ACME_ISSUERS_MAX)
        return err_set(e, ERR_CLASS_PERMANENT, "it has %zu issuer-domain-names, not 1 to %d",
                       json_array_size(list), ACME_ISSUERS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));

        if (name == NULL || !dns_name_valid(name))
            return err_set(e, ERR_CLASS_PERMANENT, "one of its issuer-domain-names is no DNS name");
        if (!strv_add(&a->issuers, name))
            return err_nomem(e, "an authorization");
    }
    return true;
}

static bool read_token(struct acme_authorization *a, const json_t *challenge, struct err *e)
{
    const char *token;

    if (!json_need_string(challenge, "token", &token, e))
        return false;
    if (!b64url_valid(token, ACME_TOKEN_MAX))
        return err_set(e, ERR_CLASS_PERMANENT, "its token is refused: it is not 1 to %d base64url characters",
                       ACME_TOKEN_MAX);
    a->token = strdup(token);
    return a->token != NULL || err_nomem(e, "an authorization");
}

/* The token becomes part of a path, the URL is posted to: nothing of a challenge that is still to be answered
 * is taken over unless both are harmless. */
static bool read_challenge(struct acme_authorization *a, const struct acme_directory *d,
                           enum challenge_type type, const json_t *challenge, struct err *e)
{
    const char *url;
    int status;

    if (!read_status(challenge, challenge_names, sizeof challenge_names / sizeof challenge_names[0], &status,
                     e))
        return false;
    a->has_challenge = true;
    a->challenge_status = (enum acme_challenge_status)status;
    if (a->status != ACME_AUTHORIZATION_PENDING)
        return true;
    if (!json_need_string(challenge, "url", &url, e) ||
        !acme_url_copy(&a->challenge_url, d, "challenge", url, e))
        return false;
    if (type != CHALLENGE_TYPE_DNS_PERSIST_01)
        return read_token(a, challenge, e);
    a->token = strdup("");
    return a->token != NULL ? read_issuers(a, challenge, e) : err_nomem(e, "an authorization");
}

/* Only known shapes are repeated to the administrator: the list is the CA's text. */
static void offer(struct buf *offered, const char *type)
{
    size_t before = offered->len;

    if (!b64url_valid(type, 40))
        return;
    if (!(before == 0 || buf_addch(offered, ' ')) || !buf_addstr(offered, type))
        offered->failed = false; /* a long list is shown as far as it fits */
}

static bool read_challenges(struct acme_authorization *a, const struct acme_directory *d,
                            enum challenge_type wanted, const json_t *root, struct buf *offered,
                            struct err *e)
{
    const char *name = challenge_type_to_str(wanted);
    const json_t *list;

    if (!json_need_array(root, "challenges", &list, e))
        return false;
    if (json_array_size(list) > CHALLENGES_MAX)
        return err_set(e, ERR_CLASS_PERMANENT, "it offers %zu challenges", json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *challenge = json_array_get(list, i);
        const char *type;

        if (!json_is_object(challenge))
            return err_set(e, ERR_CLASS_TRANSIENT, "a challenge is not an object");
        if (!json_need_string(challenge, "type", &type, e) || !read_failure(a, challenge, e))
            return err_wrap(e, "in a challenge");
        offer(offered, type);
        if (strcmp(type, name) == 0 && !a->has_challenge && !read_challenge(a, d, wanted, challenge, e))
            return err_wrap(e, "in its %s challenge", name);
    }
    return true;
}

static bool read_authorization(struct acme_authorization *a, const struct acme_directory *d,
                               enum challenge_type type, const json_t *root, struct err *e)
{
    struct buf offered;
    int status;
    bool ok;

    if (!read_status(root, status_names, sizeof status_names / sizeof status_names[0], &status, e) ||
        !read_identifier(a, root, e))
        return false;
    a->status = (enum acme_authorization_status)status;
    buf_init(&offered, OFFERED_MAX);
    ok = read_challenges(a, d, type, root, &offered, e);
    a->offered = ok ? buf_take(&offered, NULL) : NULL;
    buf_clear(&offered);
    return ok && (a->offered != NULL || err_nomem(e, "an authorization"));
}

bool acme_authorization_parse(struct acme_authorization *a, const struct acme_directory *d,
                              enum challenge_type type, const struct http_reply *reply, struct err *e)
{
    struct acme_authorization new = {0};
    json_t *root = acme_body(reply, "authorization", e);
    bool ok;

    if (root == NULL)
        return false;
    ok = read_authorization(&new, d, type, root, e);
    json_decref(root);
    if (!ok) {
        err_wrap(e, "the CA's authorization%s%s cannot be used", new.identifier != NULL ? " for " : "",
                 new.identifier != NULL ? new.identifier : "");
        acme_authorization_clear(&new);
        return false;
    }
    *a = new;
    return true;
}

bool acme_challenge_failed(const struct http_reply *reply, bool *final, struct err *e)
{
    json_t *root = json_read_object(reply->body, reply->body_len, HTTP_REPLY_BODY_MAX, NULL);
    const char *status = json_string_value(json_object_get(root, "status"));
    const json_t *problem = json_object_get(root, "error");
    bool invalid = status != NULL && strcmp(status, "invalid") == 0;
    bool pending = status != NULL && strcmp(status, "pending") == 0;
    bool failed = json_is_object(problem) && (invalid || pending);
    enum acme_problem_type type;
    enum err_class class;
    char *text = NULL;

    if (failed && acme_problem_describe(problem, "", &text, &type, &class, e))
        err_set(e, class, "%s", text);
    *final = invalid;
    free(text);
    json_decref(root);
    return failed;
}

void acme_authorization_clear(struct acme_authorization *a)
{
    free(a->identifier);
    free(a->challenge_url);
    free(a->token);
    strv_clear(&a->issuers);
    free(a->offered);
    free(a->error);
    *a = (struct acme_authorization){0};
}
