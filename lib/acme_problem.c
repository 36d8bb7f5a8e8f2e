/* SPDX-License-Identifier: MIT */
#include "lib/acme_internal.h"

#include "lib/json.h"
#include "lib/unpause.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URN             "urn:ietf:params:acme:error:"
#define TEXT_MAX        1500 /* leaves room in an err for the context that callers prepend */
#define DETAIL_MAX      600
#define LINK_DETAIL_MAX 1400 /* of a detail with a link that is of no use when it is cut */
#define IDENTIFIER_MAX  253
#define SUBPROBLEMS_MAX 8

/* What a problem means for the attempt (RFC 8555 section 6.7, RFC 9773 section 7, the profiles draft). */
static const struct {
    const char *name;
    enum err_class class;
    enum err_class validation; /* when it is why a validation failed; NONE: the same */
} problems[] = {
    [ACME_PROBLEM_NONE] = {"", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_UNKNOWN] = {"", ERR_CLASS_PERMANENT, ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST] = {"accountDoesNotExist", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_ALREADY_REVOKED] = {"alreadyRevoked", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_BAD_CSR] = {"badCSR", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_BAD_NONCE] = {"badNonce", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_BAD_PUBLIC_KEY] = {"badPublicKey", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_BAD_REVOCATION_REASON] = {"badRevocationReason", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_BAD_SIGNATURE_ALGORITHM] = {"badSignatureAlgorithm", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_CAA] = {"caa", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_COMPOUND] = {"compound", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_CONNECTION] = {"connection", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_DNS] = {"dns", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_EXTERNAL_ACCOUNT_REQUIRED] = {"externalAccountRequired", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_INCORRECT_RESPONSE] = {"incorrectResponse", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_INVALID_CONTACT] = {"invalidContact", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_INVALID_PROFILE] = {"invalidProfile", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_MALFORMED] = {"malformed", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_ORDER_NOT_READY] = {"orderNotReady", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_RATE_LIMITED] = {"rateLimited", ERR_CLASS_RATE_LIMITED},
    /* For a validation it is step-ca's word for a server that gave something else. */
    [ACME_PROBLEM_REJECTED_IDENTIFIER] = {"rejectedIdentifier", ERR_CLASS_PERMANENT, ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_SERVER_INTERNAL] = {"serverInternal", ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_TLS] = {"tls", ERR_CLASS_TRANSIENT},
    /* For a request it says that the account may not; for a validation that the web server gave something
       else. */
    [ACME_PROBLEM_UNAUTHORIZED] = {"unauthorized", ERR_CLASS_PERMANENT, ERR_CLASS_TRANSIENT},
    [ACME_PROBLEM_UNSUPPORTED_CONTACT] = {"unsupportedContact", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_UNSUPPORTED_IDENTIFIER] = {"unsupportedIdentifier", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_USER_ACTION_REQUIRED] = {"userActionRequired", ERR_CLASS_PERMANENT},
    [ACME_PROBLEM_ALREADY_REPLACED] = {"alreadyReplaced", ERR_CLASS_PERMANENT},
};
static_assert(sizeof problems / sizeof problems[0] == ACME_PROBLEM_COUNT, "every problem has a policy");

/* One line of bounded length; what does not fit is cut. */
struct line {
    char text[TEXT_MAX];
    size_t len;
};

static void line_add(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line_add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->len = l->len + (size_t)n < sizeof l->text ? l->len + (size_t)n : sizeof l->text - 1;
}

/* How many bytes of s to show, at most max, without cutting a UTF-8 character in two. */
static int shown(const char *s, size_t max)
{
    size_t len = strnlen(s, max + 1);

    if (len <= max)
        return (int)len;
    for (len = max; len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80;)
        len--;
    return (int)len;
}

/* CAs' details are for display only: a member of another type is as good as a missing one. */
static const char *text_of(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));

    return s != NULL ? s : "";
}

static enum acme_problem_type type_of(const json_t *problem)
{
    const char *uri = text_of(problem, "type");

    if (strncmp(uri, URN, sizeof URN - 1) != 0)
        return ACME_PROBLEM_UNKNOWN;
    uri += sizeof URN - 1;
    for (unsigned i = ACME_PROBLEM_UNKNOWN + 1; i < ACME_PROBLEM_COUNT; i++)
        if (strcmp(uri, problems[i].name) == 0)
            return (enum acme_problem_type)i;
    return ACME_PROBLEM_UNKNOWN;
}

static enum err_class class_of(enum acme_problem_type type, bool validation)
{
    if (validation && problems[type].validation != ERR_CLASS_NONE)
        return problems[type].validation;
    return problems[type].class;
}

/* "unauthorized: the detail"; an unknown type in full, the standard ones without their URN. */
static void add_problem(struct line *l, const json_t *problem)
{
    const char *uri = text_of(problem, "type");
    const char *detail = text_of(problem, "detail");
    size_t max;

    if (strncmp(uri, URN, sizeof URN - 1) == 0)
        uri += sizeof URN - 1;
    if (*detail == '\0')
        detail = text_of(problem, "title");
    max = unpause_link(detail, NULL) ? LINK_DETAIL_MAX : DETAIL_MAX;
    if (*uri == '\0')
        uri = "problem without a type";
    line_add(l, "%.*s", shown(uri, 100), uri);
    if (*detail != '\0')
        line_add(l, ": %.*s%s", shown(detail, max), detail, strlen(detail) > max ? "..." : "");
}

static void add_subproblems(struct line *l, const json_t *list)
{
    size_t n = json_array_size(list);

    for (size_t i = 0; i < n && i < SUBPROBLEMS_MAX; i++) {
        const json_t *sub = json_array_get(list, i);
        const char *name = text_of(json_object_get(sub, "identifier"), "value");

        line_add(l, i == 0 ? " (" : "; ");
        if (*name != '\0')
            line_add(l, "for %.*s: ", shown(name, IDENTIFIER_MAX), name);
        add_problem(l, sub);
    }
    if (n > SUBPROBLEMS_MAX)
        line_add(l, "; and %zu more", n - SUBPROBLEMS_MAX);
    if (n > 0)
        line_add(l, ")");
}

/* The document as text, and its class: a compound or unknown problem is as bad as the worst thing in it. */
static enum acme_problem_type read_problem(const json_t *problem, bool validation, struct line *l,
                                           enum err_class *class)
{
    enum acme_problem_type type = type_of(problem);
    const json_t *subs = json_object_get(problem, "subproblems");
    const char *instance = text_of(problem, "instance");

    *class = class_of(type, validation);
    add_problem(l, problem);
    add_subproblems(l, subs);
    if (type == ACME_PROBLEM_USER_ACTION_REQUIRED && *instance != '\0')
        line_add(l, " (see %.*s)", shown(instance, 300), instance);
    if (type == ACME_PROBLEM_COMPOUND)
        for (size_t i = 0; i < json_array_size(subs); i++)
            if (class_of(type_of(json_array_get(subs, i)), validation) > *class)
                *class = class_of(type_of(json_array_get(subs, i)), validation);
    return type;
}

/* Without a problem document it is not the CA's ACME server that speaks, but something in front of it. */
static enum err_class class_of_status(const struct http_reply *reply, enum err_class class)
{
    if (reply->status == 429 || (reply->status == 503 && reply->retry_after >= 0))
        return ERR_CLASS_RATE_LIMITED;
    return reply->status >= 500 && class == ERR_CLASS_PERMANENT ? ERR_CLASS_TRANSIENT : class;
}

bool acme_reply_check(const struct http_reply *reply, int64_t now, enum acme_problem_type *type,
                      struct err *e)
{
    struct line l = {.len = 0};
    enum acme_problem_type found = ACME_PROBLEM_NONE;
    enum err_class class = ERR_CLASS_TRANSIENT;
    json_t *problem;

    if (reply->status >= 200 && reply->status <= 299) {
        if (type != NULL)
            *type = ACME_PROBLEM_NONE;
        return true;
    }
    line_add(&l, "HTTP %d ", reply->status);
    problem = json_read_object(reply->body, reply->body_len, HTTP_REPLY_BODY_MAX, NULL);
    if (problem != NULL && json_is_string(json_object_get(problem, "type")))
        found = read_problem(problem, false, &l, &class);
    else if (reply->status >= 300 && reply->status <= 399)
        line_add(&l, "is a redirect, which acmed does not follow");
    else
        line_add(&l, "without a problem document");
    json_decref(problem);
    err_set(e, class_of_status(reply, class), "%s", l.text);
    if (e != NULL && reply->retry_after >= 0)
        e->retry_at = now + reply->retry_after;
    if (type != NULL)
        *type = found;
    return false;
}

bool acme_problem_describe(const json_t *problem, const char *suffix, char **text,
                           enum acme_problem_type *type, enum err_class *class, struct err *e)
{
    struct line l = {.len = 0};
    struct err cleaned;

    *type = read_problem(problem, true, &l, class);
    line_add(&l, "%s", suffix);
    err_set(&cleaned, *class, "%s", l.text); /* for its disarming of control characters */
    *text = strdup(cleaned.text);
    return *text != NULL || err_nomem(e, "a problem's text");
}
