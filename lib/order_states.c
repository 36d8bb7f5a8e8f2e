/* SPDX-License-Identifier: MIT */
#include "lib/order_internal.h"

#include "lib/acme_internal.h"
#include "lib/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINALIZES_MAX   5
#define POLL_FIRST      15
#define POLL_SLOWEST    10000
#define POLL_LIMIT      (30 * 60 * 1000)
#define LOST_ORDER_WAIT 1000

bool order_give_up(struct order *o, const struct order_outcome *out, struct order_action *action)
{
    bool gone = out->kind == ORDER_OUTCOME_REFUSED && order_is_gone(out->reply);
    bool refused = out->kind == ORDER_OUTCOME_REFUSED && o->error.class == ERR_CLASS_PERMANENT;

    if (gone && refused)
        o->error.class = ERR_CLASS_TRANSIENT;
    return order_fail(o, gone || refused, action);
}

bool order_unusable(struct order *o, bool forget, int64_t now, struct order_action *action)
{
    if (o->error.class == ERR_CLASS_PERMANENT)
        return order_fail(o, true, action);
    if (o->error.class == ERR_CLASS_TRANSIENT && order_retry(o, now, action))
        return true;
    return order_fail(o, forget && o->error.class == ERR_CLASS_TRANSIENT, action);
}

static bool read_order(struct order *o, const struct http_reply *reply)
{
    struct acme_order new;

    if (!acme_order_parse(&new, o->directory, o->names, reply, &o->error))
        return false;
    acme_order_clear(&o->current);
    o->current = new;
    o->current_known = true;
    o->hint = reply->retry_after;
    if (new.status == ACME_ORDER_READY || new.status == ACME_ORDER_PROCESSING)
        o->validated = true;
    return true;
}

bool order_replace(struct order *o, struct order_action *action)
{
    if (!o->resumed) {
        if (o->error.class == ERR_CLASS_PERMANENT && o->state == ORDER_STATE_RESUME)
            o->error.class = ERR_CLASS_TRANSIENT;
        return order_fail(o, true, action);
    }
    o->resumed = false;
    free(o->url);
    o->url = NULL;
    o->validated = false;
    order_drop_authorizations(o);
    acme_order_clear(&o->current);
    o->current_known = false;
    return order_go(o, ORDER_STATE_INTENT);
}

/* Where an order belongs that was just placed or looked up. */
static bool route(struct order *o, struct order_action *action)
{
    switch (o->current.status) {
    case ACME_ORDER_PENDING:
        if (!order_adopt_authorizations(o))
            return order_fail(o, false, action);
        return order_go(o, ORDER_STATE_AUTHORIZATION);
    case ACME_ORDER_READY:
        return order_go(o, ORDER_STATE_FINALIZE);
    case ACME_ORDER_PROCESSING:
        o->finalize_accepted = true;
        return order_go(o, ORDER_STATE_POLL_FINAL);
    case ACME_ORDER_VALID:
        return order_go(o, ORDER_STATE_DOWNLOAD);
    case ACME_ORDER_INVALID:
        break;
    }
    return order_go(o, ORDER_STATE_DIAGNOSE);
}

bool order_on_start(struct order *o, const struct order_outcome *out, int64_t now,
                    struct order_action *action)
{
    (void)out;
    (void)now;
    (void)action;
    return order_go(o, o->url != NULL ? ORDER_STATE_RESUME : ORDER_STATE_INTENT);
}

bool order_on_intent(struct order *o, const struct order_outcome *out, int64_t now,
                     struct order_action *action)
{
    (void)now;
    if (out->kind == ORDER_OUTCOME_ENTERED)
        return order_act(o, ORDER_DO_SAVE, action);
    if (out->kind == ORDER_OUTCOME_DONE)
        return order_go(o, ORDER_STATE_NEW_ORDER);
    return order_give_up(o, out, action);
}

/* A reply that cannot be read does not undo the order: its URL is saved, and it is fetched from there. */
static bool on_placed(struct order *o, const struct http_reply *reply, struct order_action *action)
{
    if (reply->location == NULL) {
        err_set(&o->error, ERR_CLASS_TRANSIENT, "the reply does not say the order's URL (Location)");
        return order_fail(o, false, action);
    }
    if (!acme_url_copy(&o->url, o->directory, "order", reply->location, &o->error))
        return order_fail(o, o->error.class == ERR_CLASS_PERMANENT, action);
    if (!read_order(o, reply) && o->error.class != ERR_CLASS_TRANSIENT)
        return order_fail(o, o->error.class == ERR_CLASS_PERMANENT, action);
    return order_go(o, ORDER_STATE_SAVE_URL);
}

/* Nobody can order there now: the CA says so (503), or what stands in front of it does. */
static bool is_out_of_service(const struct order_outcome *out)
{
    int status = out->reply->status;

    return status == 503 || (out->problem == ACME_PROBLEM_NONE && (status == 502 || status == 504));
}

static void add_profiles(struct order *o)
{
    struct err refused = o->error;
    char offered[ERR_TEXT_MAX / 2];

    acme_directory_describe_profiles(o->directory, offered, sizeof offered);
    refused.text[utf8_cut(refused.text, ERR_TEXT_MAX / 2)] = '\0';
    err_set(&o->error, refused.class, "%s (%s)", refused.text, offered);
    o->error.retry_at = refused.retry_at;
}

/* Not every refusal is about what the order replaces, but few say so clearly (RFC 9773 section 5 asks for 409
 * alreadyReplaced; malformed, unauthorized and 404 are seen): all but those that are certain to come again
 * are. */
static bool is_about_replaces(const struct order_outcome *out)
{
    static const enum acme_problem_type others[] = {
        ACME_PROBLEM_RATE_LIMITED,         ACME_PROBLEM_INVALID_PROFILE,
        ACME_PROBLEM_REJECTED_IDENTIFIER,  ACME_PROBLEM_UNSUPPORTED_IDENTIFIER,
        ACME_PROBLEM_USER_ACTION_REQUIRED, ACME_PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
    };
    int status = out->reply->status;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (out->problem == others[i])
            return false;
    return status >= 400 && status <= 499 && status != 429;
}

/* A CA that says by a problem document that it failed within may have stumbled over what the order replaces.
 * It may have placed the order as well: another one counts as repeated. */
static bool has_stumbled(const struct order *o, const struct order_outcome *out)
{
    return o->replaces && !o->repeated && out->problem == ACME_PROBLEM_SERVER_INTERNAL &&
           out->reply->status != 503;
}

/* Never more orders than needed: a reply that was lost may have been an order, so newOrder is repeated only
 * once, and a refusal not at all. A gateway's 5xx may hide a reply, so the intent stays: the next order
 * counts as repeated. */
bool order_on_new_order(struct order *o, const struct order_outcome *out, int64_t now,
                        struct order_action *action)
{
    switch (out->kind) {
    case ORDER_OUTCOME_ENTERED:
        return order_post(o, ORDER_POST_NEW_ORDER, o->directory->new_order, 0, action);
    case ORDER_OUTCOME_REPLY:
        return on_placed(o, out->reply, action);
    case ORDER_OUTCOME_TIMER:
        return order_go(o, ORDER_STATE_INTENT);
    case ORDER_OUTCOME_REFUSED:
        if (o->replaces && is_about_replaces(out)) {
            o->replaces = false;
            o->replaces_error = o->error;
            return order_post(o, ORDER_POST_NEW_ORDER, o->directory->new_order, 0, action);
        }
        if (has_stumbled(o, out)) {
            o->replaces = false;
            o->replaces_error = o->error;
            o->repeated = true;
            return order_go(o, ORDER_STATE_INTENT);
        }
        if (out->problem == ACME_PROBLEM_INVALID_PROFILE)
            add_profiles(o);
        if (is_out_of_service(out))
            o->error.class = ERR_CLASS_RATE_LIMITED;
        if (out->problem == ACME_PROBLEM_USER_ACTION_REQUIRED)
            o->account = ORDER_ACCOUNT_HELD;
        return order_fail(o, out->reply->status < 500, action);
    case ORDER_OUTCOME_LOST:
    case ORDER_OUTCOME_DONE:
        break;
    }
    if (o->repeated || o->error.class != ERR_CLASS_NETWORK)
        return order_fail(o, false, action);
    o->repeated = true;
    o->request.url = NULL;
    return order_pause(o, now, LOST_ORDER_WAIT, action);
}

bool order_on_save_url(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action)
{
    (void)now;
    if (out->kind == ORDER_OUTCOME_ENTERED)
        return order_act(o, ORDER_DO_SAVE, action);
    if (out->kind != ORDER_OUTCOME_DONE)
        return order_give_up(o, out, action);
    return o->current_known ? route(o, action) : order_go(o, ORDER_STATE_RESUME);
}

bool order_on_resume(struct order *o, const struct order_outcome *out, int64_t now,
                     struct order_action *action)
{
    const struct acme_order *c = &o->current;

    if (out->kind == ORDER_OUTCOME_ENTERED)
        return order_post(o, ORDER_POST_FETCH, o->url, ORDER_RETRIES, action);
    if (out->kind == ORDER_OUTCOME_REFUSED &&
        (order_is_gone(out->reply) || o->error.class == ERR_CLASS_PERMANENT))
        return order_replace(o, action);
    if (out->kind != ORDER_OUTCOME_REPLY)
        return order_give_up(o, out, action);
    if (!read_order(o, out->reply)) {
        if (o->error.class == ERR_CLASS_PERMANENT && o->resumed)
            return order_replace(o, action);
        return order_unusable(o, true, now, action);
    }
    if (c->expires != 0 && c->expires <= now / 1000 && c->status != ACME_ORDER_VALID &&
        c->status != ACME_ORDER_PROCESSING) {
        err_set(&o->error, ERR_CLASS_TRANSIENT, "the order has expired");
        return order_replace(o, action);
    }
    return route(o, action);
}

/* Sets the next poll; gives up for now when it would come too late to wait for it here. */
static bool poll_later(struct order *o, int64_t now, struct order_action *action)
{
    int64_t delay = o->hint >= 0 ? o->hint * 1000 : o->poll_delay;

    if (now < o->poll_since)
        o->poll_since = now; /* the clock was put back */
    if (now + delay > o->poll_since + POLL_LIMIT) {
        if (o->hint >= 0)
            err_set(&o->error, ERR_CLASS_TRANSIENT, "the CA is not done and asks to come back in %lld s",
                    (long long)o->hint);
        else
            err_set(&o->error, ERR_CLASS_TRANSIENT, "the CA is still not done after %lld min",
                    (long long)(now - o->poll_since) / 60000);
        o->error.retry_at = o->hint >= 0 ? now / 1000 + o->hint : 0;
        return order_fail(o, false, action);
    }
    if (o->hint < 0)
        o->poll_delay = delay * 2 < POLL_SLOWEST ? delay * 2 : POLL_SLOWEST;
    o->hint = -1;
    o->request = (struct order_request){.post = ORDER_POST_FETCH, .url = o->url, .retries = ORDER_RETRIES};
    return order_pause(o, now, delay, action);
}

/* After a request to finalize that did not get through, the CA is given a second. */
static bool poll_start(struct order *o, int64_t now, struct order_action *action)
{
    o->poll_since = now;
    o->poll_delay = o->finalizes > 1 || (o->finalizes == 1 && !o->finalize_accepted) ? 1000 : POLL_FIRST;
    return poll_later(o, now, action);
}

bool order_on_poll(struct order *o, const struct order_outcome *out, int64_t now, struct order_action *action)
{
    if (out->kind == ORDER_OUTCOME_ENTERED)
        return poll_start(o, now, action);
    if (out->kind != ORDER_OUTCOME_REPLY)
        return order_give_up(o, out, action);
    if (!read_order(o, out->reply))
        return order_unusable(o, false, now, action);
    return o->current.status == ACME_ORDER_PENDING ? poll_later(o, now, action) : route(o, action);
}

/* A finalize request whose reply was lost may not have arrived: then the order is still ready. */
bool order_on_poll_final(struct order *o, const struct order_outcome *out, int64_t now,
                         struct order_action *action)
{
    enum acme_order_status status;

    if (out->kind == ORDER_OUTCOME_ENTERED)
        return poll_start(o, now, action);
    if (out->kind != ORDER_OUTCOME_REPLY)
        return order_give_up(o, out, action);
    if (!read_order(o, out->reply))
        return order_unusable(o, false, now, action);
    status = o->current.status;
    if (status == ACME_ORDER_PROCESSING ||
        (o->finalize_accepted && (status == ACME_ORDER_READY || status == ACME_ORDER_PENDING)))
        return poll_later(o, now, action);
    return status == ACME_ORDER_PENDING ? order_go(o, ORDER_STATE_POLL) : route(o, action);
}

static bool on_finalize_refused(struct order *o, const struct order_outcome *out, struct order_action *action)
{
    if (out->problem == ACME_PROBLEM_ORDER_NOT_READY) {
        o->hint = out->reply->retry_after;
        return order_go(o, ORDER_STATE_POLL);
    }
    if (o->error.class == ERR_CLASS_TRANSIENT && !order_is_gone(out->reply)) {
        o->hint = -1;
        return order_go(o, ORDER_STATE_POLL_FINAL);
    }
    o->discard_key = out->problem == ACME_PROBLEM_BAD_CSR || out->problem == ACME_PROBLEM_BAD_PUBLIC_KEY;
    return order_give_up(o, out, action);
}

static bool on_finalized(struct order *o, const struct http_reply *reply, struct order_action *action)
{
    o->finalize_accepted = true;
    if (!read_order(o, reply)) {
        if (o->error.class != ERR_CLASS_TRANSIENT)
            return order_fail(o, o->error.class == ERR_CLASS_PERMANENT, action);
        o->hint = -1;
        return order_go(o, ORDER_STATE_POLL_FINAL);
    }
    if (o->current.status == ACME_ORDER_VALID || o->current.status == ACME_ORDER_INVALID)
        return route(o, action);
    return order_go(o, ORDER_STATE_POLL_FINAL);
}

bool order_on_finalize(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action)
{
    (void)now;
    switch (out->kind) {
    case ORDER_OUTCOME_ENTERED:
        if (o->finalizes >= FINALIZES_MAX) {
            err_set(&o->error, ERR_CLASS_TRANSIENT,
                    "the CA calls the order ready, but did not take it %d times", FINALIZES_MAX);
            return order_fail(o, false, action);
        }
        o->finalizes++;
        o->finalize_accepted = false;
        return order_post(o, ORDER_POST_FINALIZE, o->current.finalize, 0, action);
    case ORDER_OUTCOME_REPLY:
        return on_finalized(o, out->reply, action);
    case ORDER_OUTCOME_REFUSED:
        return on_finalize_refused(o, out, action);
    case ORDER_OUTCOME_LOST:
    case ORDER_OUTCOME_DONE:
    case ORDER_OUTCOME_TIMER:
        break;
    }
    if (o->error.class != ERR_CLASS_NETWORK)
        return order_fail(o, false, action);
    o->hint = -1;
    return order_go(o, ORDER_STATE_POLL_FINAL);
}

/* A chain that the keeper does not accept stays unacceptable; a full disk does not. */
bool order_on_install(struct order *o, const struct order_outcome *out, int64_t now,
                      struct order_action *action)
{
    (void)now;
    if (out->kind == ORDER_OUTCOME_ENTERED)
        return order_act(o, ORDER_DO_INSTALL, action);
    if (out->kind != ORDER_OUTCOME_DONE)
        return order_fail(o, o->error.class == ERR_CLASS_TRANSIENT || o->error.class == ERR_CLASS_PERMANENT,
                          action);
    order_go(o, ORDER_STATE_DONE);
    return order_act(o, ORDER_DO_SUCCEED, action);
}
