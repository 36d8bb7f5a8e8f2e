/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ACCOUNT_H
#define ACMED_ACCOUNT_H

/* Getting ready to order at a CA, as a state machine like lib/order.h: fetch the directory, find or
 * create the account (RFC 8555 sections 7.1.1 and 7.3). Shared by all orders at that CA. A refused nonce is
 * repeated at once; every other failure ends in ACCOUNT_DO_FAIL, and the caller's back-off comes back with
 * ACCOUNT_EV_START. A deactivated account is a permanent error, never a reason for a new one.
 *
 * Where an external account binding is configured (RFC 8555 section 7.3.4), the CA is asked first whether it
 * knows the account's key: the reply to an earlier newAccount may have been lost, and a binding that serves
 * once only is used up by then. For the same reason it is asked again after a refusal: HTTP libraries repeat
 * requests whose connection died. A CA that wants a binding where none is configured is an error of the
 * configuration; it is not even asked, if that can be known before. */

#include "lib/acme.h"

enum account_state {
    ACCOUNT_STATE_START,
    ACCOUNT_STATE_DIRECTORY, /* the directory is fetched */
    ACCOUNT_STATE_LOAD,      /* the keeper finds or creates the key */
    ACCOUNT_STATE_FIND,      /* newAccount with onlyReturnExisting */
    ACCOUNT_STATE_REGISTER,  /* newAccount */
    ACCOUNT_STATE_SAVE,      /* the keeper stores the account URL */
    ACCOUNT_STATE_READY,
    ACCOUNT_STATE_FAILED
};

enum account_action_kind {
    ACCOUNT_DO_GET_DIRECTORY, /* GET .url, then ACCOUNT_EV_REPLY or ACCOUNT_EV_ERROR */
    ACCOUNT_DO_LOAD,          /* ask the keeper, then ACCOUNT_EV_LOADED (with the URL if one is stored) */
    ACCOUNT_DO_FIND,          /* sign newAccount with onlyReturnExisting and post it to .url */
    ACCOUNT_DO_POST,          /* sign newAccount, with the binding if there is one, and post it to .url */
    ACCOUNT_DO_SAVE,          /* let the keeper store account URL .url, then ACCOUNT_EV_DONE */
    ACCOUNT_DO_READY,         /* .url is the account's */
    ACCOUNT_DO_FAIL
};

struct account_action {
    enum account_action_kind kind;
    const char *url;         /* borrowed from the machine until the next step */
    const struct err *error; /* likewise */
};

enum account_event_kind {
    ACCOUNT_EV_START, /* first, and again after ACCOUNT_DO_FAIL */
    ACCOUNT_EV_REPLY,
    ACCOUNT_EV_ERROR,
    ACCOUNT_EV_LOADED,
    ACCOUNT_EV_DONE,
    ACCOUNT_EV_LOST /* only when ready: the CA said accountDoesNotExist: register the same key again */
};

struct account_event {
    enum account_event_kind kind;
    const struct http_reply *reply;
    const struct err *error;
    const char *url; /* ACCOUNT_EV_LOADED: the stored account URL, or NULL */
};

struct account;

/* ca_name for messages; agree_terms: whether the configuration agrees (a directory that has terms and
 * a configuration that does not agree is a permanent error that shows the terms' URL). eab_kid: of the
 * configured external account binding; NULL: none. Strings are copied. NULL: out of memory. */
struct account *account_new(const char *ca_name, const char *directory_url, bool agree_terms,
                            const char *eab_kid);
void account_free(struct account *a);
struct account_action account_step(struct account *a, const struct account_event *event, int64_t now_ms);
/* "directory", "register", ... Static storage. */
const char *account_state_to_str(enum account_state s);
enum account_state account_state(const struct account *a);
/* The directory, once fetched; NULL before. Borrowed; stays the same object for the machine's life. */
const struct acme_directory *account_directory(const struct account *a);

#endif
