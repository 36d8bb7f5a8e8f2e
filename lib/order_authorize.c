/* SPDX-License-Identifier: MIT */
/* The states of the order in which its authorizations are at work. */

#include "lib/order_internal.h"

#include "lib/acme_internal.h"

#include <stdlib.h>
#include <string.h>

#define DIAGNOSES_MAX 3 /* failed authorizations that are shown */

void order_drop_authorizations(struct order *o)
{
    for (size_t i = 0; o->a != NULL && i < o->authorizations.n; i++)
        acme_authorization_clear(&o->a[i]);
    free(o->a);
    o->a = NULL;
    strv_clear(&o->authorizations);
    o->at = 0;
}

bool order_adopt_authorizations(struct order *o)
{
    if (o->a != NULL)
        return true;
    o->a = calloc(o->current.authorizations.n, sizeof *o->a);
    if (o->a == NULL || !strv_copy(&o->authorizations, &o->current.authorizations)) {
        free(o->a);
        o->a = NULL;
        return err_nomem(&o->error, "the order's authorizations");
    }
    o->at = 0;
    return true;
}

static bool failed(struct order *o, const struct acme_authorization *a)
{
    (void)strv_add(&o->failed_names, a->identifier);
    return err_set(&o->error, a->error != NULL ? a->error_class : ERR_CLASS_TRANSIENT,
                   "%s could not be validated: %s", a->identifier,
                   a->error != NULL ? a->error : "the CA does not say why");
}

/* Expired, deactivated or revoked: the order that lists it cannot succeed any more, a new one may. */
static bool is_withdrawn(const struct acme_authorization *a)
{
    return a->status != ACME_AUTHORIZATION_PENDING && a->status != ACME_AUTHORIZATION_VALID &&
           a->status != ACME_AUTHORIZATION_INVALID;
}

/* False with o->error set when the order cannot succeed with this authorization. */
static bool check_authorization(struct order *o, const struct acme_authorization *a)
{
    bool pending = a->status == ACME_AUTHORIZATION_PENDING;

    if (!strv_contains(o->names, a->identifier))
        return err_set(&o->error, ERR_CLASS_PERMANENT,
                       "the CA's authorization is for %s, which was not asked for", a->identifier);
    if (is_withdrawn(a))
        return err_set(&o->error, ERR_CLASS_TRANSIENT,
                       "the authorization for %s has expired or was withdrawn", a->identifier);
    if (a->status == ACME_AUTHORIZATION_INVALID)
        return failed(o, a);
    if (pending && !a->has_challenge)
        return err_set(&o->error, ERR_CLASS_PERMANENT, "the CA offers no %s challenge for %s, only: %s",
                       challenge_type_to_str(o->challenge), a->identifier,
                       *a->offered != '\0' ? a->offered : "none at all");
    return !(pending && a->challenge_status == ACME_CHALLENGE_INVALID) || failed(o, a);
}

/* A challenge that is being validated already may say when to ask. */
static void note_hint(struct order *o, const struct http_reply *reply)
{
    if (reply->retry_after > o->hint)
        o->hint = reply->retry_after;
}

static bool fetch_next(struct order *o, struct order_action *action)
{
    if (o->at < o->authorizations.n)
        return order_post(o, ORDER_POST_FETCH, o->authorizations.v[o->at], ORDER_RETRIES, action);
    return order_go(o, order_challenge(o, 0) != NULL ? ORDER_STATE_PRESENT : ORDER_STATE_POLL);
}

bool order_on_authorization(struct order *o, const struct order_outcome *out, int64_t now,
                            struct order_action *action)
{
    struct acme_authorization *a = &o->a[o->at];

    if (out->kind == ORDER_OUTCOME_ENTERED) {
        o->hint = -1;
        return fetch_next(o, action);
    }
    if (out->kind != ORDER_OUTCOME_REPLY)
        return order_give_up(o, out, action);
    if (!acme_authorization_parse(a, o->directory, o->challenge, out->reply, &o->error))
        return order_unusable(o, false, now, action);
    if (!check_authorization(o, a))
        return is_withdrawn(a) ? order_replace(o, action) : order_fail(o, true, action);
    if (a->challenge_status == ACME_CHALLENGE_PROCESSING)
        note_hint(o, out->reply);
    o->at++;
    return fetch_next(o, action);
}

bool order_on_present(struct order *o, const struct order_outcome *out, int64_t now,
                      struct order_action *action)
{
    (void)now;
    if (out->kind == ORDER_OUTCOME_ENTERED)
        return order_act(o, ORDER_DO_PRESENT, action);
    if (out->kind == ORDER_OUTCOME_DONE)
        return order_go(o, ORDER_STATE_ANSWER);
    return order_give_up(o, out, action);
}

static bool answer_next(struct order *o, struct order_action *action)
{
    for (; o->at < o->authorizations.n; o->at++) {
        const struct acme_authorization *a = &o->a[o->at];

        if (a->status == ACME_AUTHORIZATION_PENDING && a->challenge_status == ACME_CHALLENGE_PENDING)
            return order_post(o, ORDER_POST_ANSWER, a->challenge_url, ORDER_RETRIES, action);
    }
    return order_go(o, ORDER_STATE_POLL);
}

bool order_on_answer(struct order *o, const struct order_outcome *out, int64_t now,
                     struct order_action *action)
{
    bool final;

    if (out->kind == ORDER_OUTCOME_ENTERED) {
        o->at = 0;
        return answer_next(o, action);
    }
    if (out->kind == ORDER_OUTCOME_REPLY && acme_challenge_failed(out->reply, &final, &o->error)) {
        err_wrap(&o->error, "%s could not be validated", o->a[o->at].identifier);
        return (!final && o->error.class == ERR_CLASS_TRANSIENT && order_retry(o, now, action)) ||
               order_fail(o, final, action);
    }
    /* The reply to the first answer was lost, and the CA minds being told twice: the order's status will
     * tell. */
    if (out->kind != ORDER_OUTCOME_REPLY &&
        !(out->kind == ORDER_OUTCOME_REFUSED && out->problem == ACME_PROBLEM_MALFORMED &&
          o->request.failures > 0))
        return order_give_up(o, out, action);
    note_hint(o, out->reply);
    o->at++;
    return answer_next(o, action);
}

/* All is known that can be: the machine ends, or tries a new order in place of an old one that failed without
 * a reason. */
static bool diagnosed(struct order *o, struct order_action *action)
{
    const struct acme_order *c = &o->current;

    if (o->diagnosed > 0)
        o->error = o->diagnosis;
    else if (c->error != NULL)
        err_set(&o->error, c->error_class, "the CA made the order invalid: %s", c->error);
    else
        err_set(&o->error, ERR_CLASS_TRANSIENT, "the CA made the order invalid and does not say why");
    if (o->diagnosed == 0 && c->error == NULL && o->resumed)
        return order_replace(o, action);
    return order_fail(o, true, action);
}

static void note_diagnosis(struct order *o, const struct acme_authorization *a)
{
    const char *why = a->error != NULL ? a->error : "the CA does not say why";
    struct err before = o->diagnosis;

    if (a->status != ACME_AUTHORIZATION_INVALID)
        return;
    (void)strv_add(&o->failed_names, a->identifier);
    if (o->diagnosed++ == 0)
        err_set(&o->diagnosis, a->error != NULL ? a->error_class : ERR_CLASS_TRANSIENT,
                "%s could not be validated: %s", a->identifier, why);
    else
        err_set(&o->diagnosis, before.class, "%s; %s: %s", before.text, a->identifier, why);
}

static bool diagnose_next(struct order *o, struct order_action *action)
{
    for (; !o->validated && o->diagnosed < DIAGNOSES_MAX && o->at < o->authorizations.n; o->at++)
        if (o->a[o->at].status != ACME_AUTHORIZATION_VALID || o->a[o->at].identifier == NULL)
            return order_post(o, ORDER_POST_FETCH, o->authorizations.v[o->at], 1, action);
    return diagnosed(o, action);
}

/* What cannot be fetched is left out: the order has failed in any case. */
bool order_on_diagnose(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action)
{
    struct acme_authorization a;

    (void)now;
    if (out->kind == ORDER_OUTCOME_ENTERED) {
        if (!order_adopt_authorizations(o))
            return order_fail(o, true, action);
        o->at = 0;
        return diagnose_next(o, action);
    }
    if (out->kind == ORDER_OUTCOME_REPLY &&
        acme_authorization_parse(&a, o->directory, o->challenge, out->reply, NULL)) {
        note_diagnosis(o, &a);
        acme_authorization_clear(&a);
    }
    o->at++;
    return diagnose_next(o, action);
}
