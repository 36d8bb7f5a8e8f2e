/* SPDX-License-Identifier: MIT */
/* Accounts that are of no use any more, and how that is found out. */

#include "lib/account_internal.h"

#include <stdio.h>
#include <stdlib.h>

void account_suspect(struct account *a)
{
    a->suspected = true;
}

const struct err *account_ended(const struct account *a)
{
    return a->ended ? &a->end : NULL;
}

/* a->error says why. */
static struct account_action fail_for_good(struct account *a)
{
    a->ended = true;
    a->suspected = true;
    a->maybe_over = false;
    a->end = a->error;
    a->has_refusal = a->has_refusal && !a->acting; /* whoever waits hears this */
    return account_fail(a);
}

struct account_action account_fail_deactivated(struct account *a)
{
    err_set(&a->error, ERR_CLASS_PERMANENT,
            "the account was deactivated here, as somebody asked; acmed makes no new one by itself: move "
            "accounts/%s in the state directory out of the way and reload for that",
            a->ca_name);
    return fail_for_good(a);
}

struct account_action account_fail_ended(struct account *a, const char *how)
{
    err_set(&a->error, ERR_CLASS_PERMANENT,
            "the account %.300s %s; acmed makes no new one by itself: for that move accounts/%s in the state "
            "directory out of the way and reload, or name another CA in `ca`",
            a->url, how, a->ca_name);
    return fail_for_good(a);
}

struct account_action account_close(struct account *a)
{
    a->has_refusal = false;
    return account_go(a, ACCOUNT_STATE_CLOSE, ACCOUNT_DO_CLOSE, NULL);
}

struct account_action account_check(struct account *a)
{
    a->bad_nonces = 0;
    return account_go(a, ACCOUNT_STATE_CHECK, ACCOUNT_DO_FIND, a->directory.new_account);
}

/* The CA did not say: nothing has changed. */
static struct account_action inconclusive(struct account *a)
{
    if (a->maybe_over)
        (void)err_wrap(&a->act_error,
                       "whether the CA %s has deactivated the account is not known; ask for it again",
                       a->ca_name);
    if (!a->suspected)
        return account_ready(a);
    if (a->ended)
        a->error = a->end;
    return account_fail(a);
}

static struct account_action on_refused(struct account *a, enum acme_problem_type problem)
{
    char how[800];

    if (a->maybe_over &&
        (problem == ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST || problem == ACME_PROBLEM_UNAUTHORIZED))
        return account_close(a);
    switch (problem) {
    case ACME_PROBLEM_BAD_NONCE:
        if (a->bad_nonces++ < BAD_NONCES_MAX)
            return account_go(a, ACCOUNT_STATE_CHECK, ACCOUNT_DO_FIND, a->directory.new_account);
        return inconclusive(a);
    case ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST:
        return account_register(a);
    case ACME_PROBLEM_UNAUTHORIZED:
        (void)snprintf(how, sizeof how, "was ended by the CA (%.700s)", a->error.text);
        return account_fail_ended(a, how);
    default:
        return inconclusive(a);
    }
}

struct account_action account_on_checked(struct account *a, const struct account_event *event, int64_t now)
{
    enum acme_problem_type problem;
    enum acme_account_status status;
    char *url;

    if (event->kind == ACCOUNT_EV_ERROR) {
        a->error = *event->error;
        return inconclusive(a);
    }
    if (event->kind != ACCOUNT_EV_REPLY)
        return account_fail_unexpected(a, event);
    if (!acme_reply_check(event->reply, now, &problem, &a->error))
        return on_refused(a, problem);
    if (!acme_account_parse(&a->directory, event->reply, &status, &url, &a->error))
        return inconclusive(a);
    free(url);
    if (status == ACME_ACCOUNT_VALID)
        return account_settled(a);
    if (status == ACME_ACCOUNT_DEACTIVATED && a->maybe_over)
        return account_close(a);
    return account_fail_ended(a, status == ACME_ACCOUNT_DEACTIVATED ? "is deactivated at the CA"
                                                                    : "is revoked at the CA");
}
