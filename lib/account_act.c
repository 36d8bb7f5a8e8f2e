/* SPDX-License-Identifier: MIT */
#include "lib/account_internal.h"

#include <stdlib.h>

const struct err *account_refusal(const struct account *a)
{
    return a->has_refusal ? &a->act_error : NULL;
}

struct account_action account_ready(struct account *a)
{
    a->acting = false;
    a->own = false;
    a->suspected = false;
    a->ended = false;
    a->maybe_over = false;
    return account_go(a, ACCOUNT_STATE_READY, ACCOUNT_DO_READY, a->url);
}

struct account_action account_settled(struct account *a)
{
    bool sent = a->contact_sent;

    a->contact_sent = false;
    if (!a->contact_due || a->contact_tried || a->acting)
        return account_ready(a);
    a->contact_tried = true;
    a->own = true;
    a->has_refusal = false;
    a->bad_nonces = 0;
    return sent ? account_go(a, ACCOUNT_STATE_NOTE, ACCOUNT_DO_NOTE, NULL)
                : account_go(a, ACCOUNT_STATE_UPDATE, ACCOUNT_DO_UPDATE, a->url);
}

/* It was not done, and the account is as it was. */
static void refuse(struct account *a)
{
    a->has_refusal = true;
    a->act_error = a->error;
}

static struct account_action settle(struct account *a, bool next)
{
    struct account_action action = account_go(a, ACCOUNT_STATE_SETTLE, ACCOUNT_DO_SETTLE, NULL);

    action.next = next;
    return action;
}

/* The CA does not know the new key. */
static struct account_action keep_old_key(struct account *a)
{
    if (a->has_refusal)
        (void)err_wrap(&a->act_error, "the account at the CA %s keeps the key it has", a->ca_name);
    return settle(a, false);
}

struct account_action account_find_next(struct account *a)
{
    a->bad_nonces = 0;
    return account_go(a, ACCOUNT_STATE_FIND_NEXT, ACCOUNT_DO_FIND_NEXT, a->directory.new_account);
}

struct account_action account_act(struct account *a, const struct account_event *event)
{
    a->acting = true;
    a->has_refusal = false;
    a->bad_nonces = 0;
    switch (event->kind) {
    case ACCOUNT_EV_ROLLOVER:
        if (a->directory.key_change != NULL)
            return account_go(a, ACCOUNT_STATE_NEXT, ACCOUNT_DO_NEXT, NULL);
        err_set(&a->error, ERR_CLASS_PERMANENT, "the CA %s offers no change of an account's key", a->ca_name);
        refuse(a);
        return account_ready(a);
    case ACCOUNT_EV_UPDATE:
        return account_go(a, ACCOUNT_STATE_UPDATE, ACCOUNT_DO_UPDATE, a->url);
    case ACCOUNT_EV_DEACTIVATE:
        return account_go(a, ACCOUNT_STATE_DEACTIVATE, ACCOUNT_DO_DEACTIVATE, a->url);
    default:
        a->acting = false;
        return account_fail_unexpected(a, event);
    }
}

/* A refusal that is one leaves the old key; of anything else nobody knows whether it was done. What was sent
 * twice may be refused because the first was heard: by then the old key is not the account's any more. */
static struct account_action on_change_failed(struct account *a, enum acme_problem_type problem, bool resent)
{
    if (!resent && problem == ACME_PROBLEM_BAD_NONCE && a->bad_nonces++ < BAD_NONCES_MAX)
        return account_go(a, ACCOUNT_STATE_CHANGE, ACCOUNT_DO_CHANGE, a->directory.key_change);
    refuse(a);
    if (!resent && (a->error.class == ERR_CLASS_PERMANENT || a->error.class == ERR_CLASS_RATE_LIMITED))
        return keep_old_key(a);
    return account_find_next(a);
}

static struct account_action on_next_failed(struct account *a, enum acme_problem_type problem)
{
    if (problem == ACME_PROBLEM_BAD_NONCE && a->bad_nonces++ < BAD_NONCES_MAX)
        return account_go(a, ACCOUNT_STATE_FIND_NEXT, ACCOUNT_DO_FIND_NEXT, a->directory.new_account);
    return problem == ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST ||
                   problem == ACME_PROBLEM_EXTERNAL_ACCOUNT_REQUIRED /* asked of those it does not know */
               ? keep_old_key(a)
               : account_fail(a);
}

static struct account_action on_reply_ok(struct account *a)
{
    switch (a->state) {
    case ACCOUNT_STATE_CHANGE:
        return settle(a, true);
    case ACCOUNT_STATE_FIND_NEXT:
        a->has_refusal = false; /* it was done after all */
        return settle(a, true);
    case ACCOUNT_STATE_DEACTIVATE:
        return account_close(a);
    default:
        return account_go(a, ACCOUNT_STATE_NOTE, ACCOUNT_DO_NOTE, NULL);
    }
}

/* An account that is at its end is refused whatever it asks for, its end as well: unless it is certain that
 * the CA has not heard of that, it is asked how things are. */
static struct account_action on_end_failed(struct account *a, enum acme_problem_type problem, bool heard)
{
    a->maybe_over = a->maybe_over || heard;
    if (problem == ACME_PROBLEM_BAD_NONCE && a->bad_nonces++ < BAD_NONCES_MAX)
        return account_go(a, ACCOUNT_STATE_DEACTIVATE, ACCOUNT_DO_DEACTIVATE, a->url);
    refuse(a);
    if (a->maybe_over || problem == ACME_PROBLEM_UNAUTHORIZED)
        return account_check(a);
    return account_ready(a);
}

static struct account_action on_update_failed(struct account *a, enum acme_problem_type problem)
{
    if (problem == ACME_PROBLEM_BAD_NONCE && a->bad_nonces++ < BAD_NONCES_MAX)
        return account_go(a, ACCOUNT_STATE_UPDATE, ACCOUNT_DO_UPDATE, a->url);
    refuse(a);
    return problem == ACME_PROBLEM_UNAUTHORIZED ? account_check(a) : account_ready(a);
}

static bool may_pass(const struct err *e)
{
    return e->class == ERR_CLASS_NETWORK || e->class == ERR_CLASS_TRANSIENT;
}

static struct account_action on_reply_failed(struct account *a, enum acme_problem_type problem, bool resent)
{
    switch (a->state) {
    case ACCOUNT_STATE_CHANGE:
        return on_change_failed(a, problem, resent);
    case ACCOUNT_STATE_FIND_NEXT:
        return on_next_failed(a, problem);
    case ACCOUNT_STATE_DEACTIVATE:
        return on_end_failed(a, problem,
                             resent || (problem != ACME_PROBLEM_BAD_NONCE && may_pass(&a->error)));
    default:
        return on_update_failed(a, problem);
    }
}

static struct account_action on_done(struct account *a)
{
    switch (a->state) {
    case ACCOUNT_STATE_NEXT:
        return account_go(a, ACCOUNT_STATE_CHANGE, ACCOUNT_DO_CHANGE, a->directory.key_change);
    case ACCOUNT_STATE_SETTLE:
        return account_go(a, ACCOUNT_STATE_LOAD, ACCOUNT_DO_LOAD, NULL);
    case ACCOUNT_STATE_NOTE:
        a->contact_due = false;
        return account_ready(a);
    default: /* deactivated: what was asked for is done */
        a->acting = false;
        return account_fail_deactivated(a);
    }
}

struct account_action account_act_step(struct account *a, const struct account_event *event, int64_t now)
{
    enum acme_problem_type problem;
    bool waits_for_keeper = a->state == ACCOUNT_STATE_NEXT || a->state == ACCOUNT_STATE_SETTLE ||
                            a->state == ACCOUNT_STATE_NOTE || a->state == ACCOUNT_STATE_CLOSE;

    if (event->kind == ACCOUNT_EV_ERROR) {
        a->error = *event->error;
        if (a->state == ACCOUNT_STATE_DEACTIVATE)
            return !a->error.unsent && may_pass(&a->error) ? on_end_failed(a, ACME_PROBLEM_NONE, true)
                                                           : account_fail(a);
        refuse(a);
        return account_ready(a);
    }
    if (event->kind != (waits_for_keeper ? ACCOUNT_EV_DONE : ACCOUNT_EV_REPLY))
        return account_fail_unexpected(a, event);
    if (waits_for_keeper)
        return on_done(a);
    if (acme_reply_check(event->reply, now, &problem, &a->error))
        return on_reply_ok(a);
    return on_reply_failed(a, problem, event->reply->resent);
}
