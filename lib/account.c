/* SPDX-License-Identifier: MIT */
#include "lib/account_internal.h"

#include "lib/ca.h"

#include <stdlib.h>
#include <string.h>

static const char *const doing[] = {
    [ACCOUNT_STATE_START] = "starting",
    [ACCOUNT_STATE_DIRECTORY] = "fetching its directory",
    [ACCOUNT_STATE_LOAD] = "looking up the account",
    [ACCOUNT_STATE_FIND] = "asking whether it knows the account's key",
    [ACCOUNT_STATE_REGISTER] = "registering the account",
    [ACCOUNT_STATE_SAVE] = "storing the account",
    [ACCOUNT_STATE_CHECK] = "asking about the account",
    [ACCOUNT_STATE_NEXT] = "making the account's next key",
    [ACCOUNT_STATE_CHANGE] = "changing the account's key",
    [ACCOUNT_STATE_FIND_NEXT] = "asking which of two keys is the account's",
    [ACCOUNT_STATE_SETTLE] = "keeping the account's key",
    [ACCOUNT_STATE_UPDATE] = "sending the account's contact",
    [ACCOUNT_STATE_NOTE] = "noting the account's contact",
    [ACCOUNT_STATE_DEACTIVATE] = "deactivating the account",
    [ACCOUNT_STATE_CLOSE] = "noting that the account is deactivated",
    [ACCOUNT_STATE_READY] = "using the account",
    [ACCOUNT_STATE_FAILED] = "after a failure",
};

struct account *account_new(const char *ca_name, const char *directory_url, bool agree_terms,
                            const char *eab_kid)
{
    struct account *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->ca_name = strdup(ca_name);
    a->directory_url = strdup(directory_url);
    a->agree_terms = agree_terms;
    a->eab_kid = eab_kid != NULL ? strdup(eab_kid) : NULL;
    if (a->ca_name == NULL || a->directory_url == NULL || (eab_kid != NULL && a->eab_kid == NULL)) {
        account_free(a);
        return NULL;
    }
    return a;
}

void account_free(struct account *a)
{
    if (a == NULL)
        return;
    acme_directory_clear(&a->directory);
    free(a->ca_name);
    free(a->directory_url);
    free(a->eab_kid);
    free(a->url);
    free(a);
}

struct account_action account_go(struct account *a, enum account_state state, enum account_action_kind kind,
                                 const char *url)
{
    a->state = state;
    return (struct account_action){.kind = kind, .url = url};
}

/* Ends, for now, with a->error. */
struct account_action account_fail(struct account *a)
{
    err_wrap(&a->error, "%s", doing[a->state]);
    a->state = ACCOUNT_STATE_FAILED;
    a->own = false;
    if (a->acting && !a->has_refusal) {
        a->has_refusal = true;
        a->act_error = a->error;
    }
    a->acting = false;
    return (struct account_action){.kind = ACCOUNT_DO_FAIL, .error = &a->error};
}

struct account_action account_fail_unexpected(struct account *a, const struct account_event *event)
{
    err_set(&a->error, ERR_CLASS_INTERNAL, "event %d was not expected", (int)event->kind);
    return account_fail(a);
}

static struct account_action start(struct account *a)
{
    if (a->have_directory)
        return account_go(a, ACCOUNT_STATE_LOAD, ACCOUNT_DO_LOAD, NULL);
    return account_go(a, ACCOUNT_STATE_DIRECTORY, ACCOUNT_DO_GET_DIRECTORY, a->directory_url);
}

/* What this version, or this configuration, cannot do at this CA. */
static bool is_usable(const struct acme_directory *d, bool agree_terms, struct err *e)
{
    if (d->terms != NULL && !agree_terms)
        return err_set(
            e, ERR_CLASS_PERMANENT,
            "the CA wants its terms agreed to: read %.500s, then set \"agree_terms = yes\" and reload",
            d->terms);
    return true;
}

static struct account_action on_directory(struct account *a, const struct account_event *event, int64_t now)
{
    struct acme_directory d;

    if (event->kind != ACCOUNT_EV_REPLY)
        return account_fail_unexpected(a, event);
    if (!acme_reply_check(event->reply, now, NULL, &a->error) ||
        !acme_directory_parse(&d, a->directory_url, event->reply, &a->error))
        return account_fail(a);
    if (!is_usable(&d, a->agree_terms, &a->error)) {
        acme_directory_clear(&d);
        return account_fail(a);
    }
    a->directory = d;
    a->have_directory = true;
    return account_go(a, ACCOUNT_STATE_LOAD, ACCOUNT_DO_LOAD, NULL);
}

/* Where the keys of a binding are to be had, as far as that is known. */
static const char *keys_from(const struct account *a)
{
    const struct ca_info *ca = ca_by_directory(a->directory_url);

    return ca != NULL && ca->keys_from != NULL ? ca->keys_from : "the CA";
}

static struct account_action fail_no_binding(struct account *a)
{
    err_set(
        &a->error, ERR_CLASS_CONFIG,
        "the CA registers accounts only with an external account binding: put `eab_kid` and "
        "`eab_hmac_file` into [ca %s], the key identifier and a file with the HMAC key (from %s), and reload",
        a->ca_name, keys_from(a));
    return account_fail(a);
}

static struct account_action post(struct account *a, enum account_state state)
{
    return account_go(a, state, state == ACCOUNT_STATE_FIND ? ACCOUNT_DO_FIND : ACCOUNT_DO_POST,
                      a->directory.new_account);
}

struct account_action account_register(struct account *a)
{
    const struct ca_info *ca = ca_by_directory(a->directory_url);

    a->bad_nonces = 0;
    a->refused = false;
    if (a->eab_kid != NULL)
        return post(a, ACCOUNT_STATE_FIND);
    if (a->directory.eab_required || (ca != NULL && ca->keys_from != NULL))
        return fail_no_binding(a);
    return post(a, ACCOUNT_STATE_REGISTER);
}

static struct account_action on_loaded(struct account *a, const struct account_event *event)
{
    if (event->kind != ACCOUNT_EV_LOADED)
        return account_fail_unexpected(a, event);
    a->contact_due = event->contact_due;
    if (event->deactivated)
        return account_fail_deactivated(a);
    if (event->has_next)
        return account_find_next(a);
    if (event->url == NULL || !http_same_origin(event->url, a->directory.url))
        return account_register(a);
    free(a->url);
    a->url = strdup(event->url);
    if (a->url == NULL) {
        err_nomem(&a->error, "the account's URL");
        return account_fail(a);
    }
    return a->suspected ? account_check(a) : account_settled(a);
}

/* A binding that is wrong, unknown or used up has no problem type of its own: whatever says nothing else may
 * mean it. */
static bool may_mean_binding(const struct account *a, enum acme_problem_type problem)
{
    switch (problem) {
    case ACME_PROBLEM_BAD_PUBLIC_KEY:
    case ACME_PROBLEM_BAD_SIGNATURE_ALGORITHM:
    case ACME_PROBLEM_INVALID_CONTACT:
    case ACME_PROBLEM_UNSUPPORTED_CONTACT:
    case ACME_PROBLEM_USER_ACTION_REQUIRED:
        return false;
    default:
        return a->eab_kid != NULL && a->error.class == ERR_CLASS_PERMANENT;
    }
}

/* A CA may want a binding even to be asked: any refusal for good is as good as "no". */
static struct account_action on_not_found(struct account *a, enum acme_problem_type problem)
{
    if (problem != ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST && a->error.class != ERR_CLASS_PERMANENT)
        return account_fail(a);
    if (!a->refused) {
        a->bad_nonces = 0;
        return post(a, ACCOUNT_STATE_REGISTER);
    }
    a->state = ACCOUNT_STATE_REGISTER; /* what failed */
    a->error = a->refusal;
    return account_fail(a);
}

/* A refusal of newAccount. */
static struct account_action on_refused(struct account *a, enum acme_problem_type problem)
{
    const struct ca_info *ca = ca_by_directory(a->directory_url);

    if (problem == ACME_PROBLEM_BAD_NONCE && a->bad_nonces++ < BAD_NONCES_MAX)
        return post(a, a->state);
    if (a->state == ACCOUNT_STATE_FIND)
        return on_not_found(a, problem);
    if (a->eab_kid == NULL && problem == ACME_PROBLEM_EXTERNAL_ACCOUNT_REQUIRED)
        return fail_no_binding(a);
    if (may_mean_binding(a, problem)) {
        err_wrap(&a->error,
                 "the CA refused to register the account with the external account binding \"%s\"; check "
                 "eab_kid and eab_hmac_file of [ca %s]%s, then reload",
                 a->eab_kid, a->ca_name,
                 ca != NULL && ca->keys_once ? " (each pair serves once only: if it was used, get a new one)"
                                             : "");
        a->refused = true;
        a->refusal = a->error;
        return post(a, ACCOUNT_STATE_FIND);
    }
    return account_fail(a);
}

static struct account_action on_registered(struct account *a, const struct account_event *event, int64_t now)
{
    enum acme_problem_type problem;
    enum acme_account_status status;
    char *url;

    if (event->kind != ACCOUNT_EV_REPLY)
        return account_fail_unexpected(a, event);
    if (!acme_reply_check(event->reply, now, &problem, &a->error))
        return on_refused(a, problem);
    if (!acme_account_parse(&a->directory, event->reply, &status, &url, &a->error))
        return account_fail(a);
    free(a->url);
    a->url = url;
    a->contact_sent = event->reply->status == 201; /* else it was there before (RFC 8555 section 7.3.1) */
    if (status != ACME_ACCOUNT_VALID)
        return account_fail_ended(a, status == ACME_ACCOUNT_DEACTIVATED ? "is deactivated at the CA"
                                                                        : "is revoked at the CA");
    return account_go(a, ACCOUNT_STATE_SAVE, ACCOUNT_DO_SAVE, a->url);
}

static struct account_action on_saved(struct account *a, const struct account_event *event)
{
    if (event->kind != ACCOUNT_EV_DONE)
        return account_fail_unexpected(a, event);
    return account_settled(a);
}

static struct account_action on_ready(struct account *a, const struct account_event *event)
{
    switch (event->kind) {
    case ACCOUNT_EV_LOST:
        return account_register(a);
    case ACCOUNT_EV_DOUBT:
        return account_check(a);
    default:
        return account_act(a, event);
    }
}

struct account_action account_step(struct account *a, const struct account_event *event, int64_t now_ms)
{
    const int64_t now = now_ms / 1000;

    if (event->kind == ACCOUNT_EV_ERROR && a->state != ACCOUNT_STATE_CHECK &&
        a->state != ACCOUNT_STATE_DEACTIVATE && !a->own) {
        a->error = *event->error;
        return account_fail(a);
    }
    switch (a->state) {
    case ACCOUNT_STATE_START:
    case ACCOUNT_STATE_FAILED:
        return event->kind == ACCOUNT_EV_START ? start(a) : account_fail_unexpected(a, event);
    case ACCOUNT_STATE_DIRECTORY:
        return on_directory(a, event, now);
    case ACCOUNT_STATE_LOAD:
        return on_loaded(a, event);
    case ACCOUNT_STATE_FIND:
    case ACCOUNT_STATE_REGISTER:
        return on_registered(a, event, now);
    case ACCOUNT_STATE_SAVE:
        return on_saved(a, event);
    case ACCOUNT_STATE_CHECK:
        return account_on_checked(a, event, now);
    case ACCOUNT_STATE_READY:
        return on_ready(a, event);
    default:
        break;
    }
    return account_act_step(a, event, now);
}

const char *account_state_to_str(enum account_state s)
{
    static const char *const names[] = {
        [ACCOUNT_STATE_START] = "start",         [ACCOUNT_STATE_DIRECTORY] = "directory",
        [ACCOUNT_STATE_LOAD] = "load",           [ACCOUNT_STATE_FIND] = "find",
        [ACCOUNT_STATE_REGISTER] = "register",   [ACCOUNT_STATE_SAVE] = "save",
        [ACCOUNT_STATE_NEXT] = "next-key",       [ACCOUNT_STATE_CHANGE] = "key-change",
        [ACCOUNT_STATE_FIND_NEXT] = "find-next", [ACCOUNT_STATE_SETTLE] = "settle",
        [ACCOUNT_STATE_UPDATE] = "update",       [ACCOUNT_STATE_DEACTIVATE] = "deactivate",
        [ACCOUNT_STATE_CLOSE] = "close",         [ACCOUNT_STATE_CHECK] = "check",
        [ACCOUNT_STATE_NOTE] = "note-contact",   [ACCOUNT_STATE_READY] = "ready",
        [ACCOUNT_STATE_FAILED] = "failed",
    };

    return names[s];
}

enum account_state account_state(const struct account *a)
{
    return a->state;
}

const char *account_url(const struct account *a)
{
    return a->url;
}

const struct acme_directory *account_directory(const struct account *a)
{
    return a->have_directory ? &a->directory : NULL;
}
