/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ACCOUNT_H
#define ACMED_ACCOUNT_H

/* Getting ready to order at a CA, as a state machine like lib/order.h: fetch the directory, find or
 * create the account (RFC 8555 sections 7.1.1 and 7.3). Shared by all orders at that CA. A refused nonce is
 * repeated at once; every other failure ends in ACCOUNT_DO_FAIL, and the caller's back-off comes back with
 * ACCOUNT_EV_START. A deactivated account is a permanent error, never a reason for a new one.
 *
 * Whether a refusal of an order ("unauthorized") means that the CA has ended the account, it is asked
 * (newAccount with onlyReturnExisting, which RFC 8555 section 7.3.6 has it refuse, too). Only a clear answer
 * counts: an account that cannot be asked about stays what it was. One that was ended is asked about again
 * before it is used.
 *
 * Where an external account binding is configured (RFC 8555 section 7.3.4), the CA is asked first whether it
 * knows the account's key: the reply to an earlier newAccount may have been lost, and a binding that serves
 * once only is used up by then. For the same reason it is asked again after a refusal: HTTP libraries repeat
 * requests whose connection died. A CA that wants a binding where none is configured is an error of the
 * configuration; it is not even asked, if that can be known before.
 *
 * Where the CA has another contact than the configured one it is sent before the account is ready, once in
 * the machine's life; that this fails is no hindrance.
 *
 * What a person may ask for once it is ready: another key (RFC 8555 section 7.3.5), the configured contact
 * (7.3.2), the end (7.3.6). While the key is changed there are two; when that was cut off, the CA is asked by
 * the next one (newAccount with onlyReturnExisting) which of them is the account's, before anything else. A
 * CA whose answer is neither yes nor no is asked again: an account that is not known for sure is never
 * registered anew. Likewise a refusal of the end that may follow from the end, as its request was sent twice,
 * or a lost reply: the CA is asked whether the account is still there, and what was asked for is done when
 * it is not. */

#include "lib/acme.h"

enum account_state {
    ACCOUNT_STATE_START,
    ACCOUNT_STATE_DIRECTORY,  /* the directory is fetched */
    ACCOUNT_STATE_LOAD,       /* the keeper finds or creates the key */
    ACCOUNT_STATE_FIND,       /* newAccount with onlyReturnExisting */
    ACCOUNT_STATE_REGISTER,   /* newAccount */
    ACCOUNT_STATE_SAVE,       /* the keeper stores the account URL */
    ACCOUNT_STATE_CHECK,      /* newAccount with onlyReturnExisting: is it still good? */
    ACCOUNT_STATE_NEXT,       /* the keeper makes the next key */
    ACCOUNT_STATE_CHANGE,     /* keyChange */
    ACCOUNT_STATE_FIND_NEXT,  /* newAccount with onlyReturnExisting by the next key */
    ACCOUNT_STATE_SETTLE,     /* the keeper keeps the one that is the account's */
    ACCOUNT_STATE_UPDATE,     /* the contact is sent */
    ACCOUNT_STATE_NOTE,       /* the keeper notes that */
    ACCOUNT_STATE_DEACTIVATE, /* the CA deactivates it */
    ACCOUNT_STATE_CLOSE,      /* the keeper notes that */
    ACCOUNT_STATE_READY,
    ACCOUNT_STATE_FAILED
};

enum account_action_kind {
    ACCOUNT_DO_GET_DIRECTORY, /* GET .url, then ACCOUNT_EV_REPLY or ACCOUNT_EV_ERROR */
    ACCOUNT_DO_LOAD,          /* ask the keeper, then ACCOUNT_EV_LOADED (with the URL if one is stored) */
    ACCOUNT_DO_FIND,          /* sign newAccount with onlyReturnExisting and post it to .url */
    ACCOUNT_DO_POST,          /* sign newAccount, with the binding if there is one, and post it to .url */
    ACCOUNT_DO_SAVE,          /* let the keeper store account URL .url, then ACCOUNT_EV_DONE */
    ACCOUNT_DO_NEXT,          /* let the keeper make the next key, then ACCOUNT_EV_DONE */
    ACCOUNT_DO_CHANGE,        /* sign keyChange and post it to .url */
    ACCOUNT_DO_FIND_NEXT,     /* like FIND, by the next key */
    ACCOUNT_DO_SETTLE,        /* tell the keeper which key it is (.next), then ACCOUNT_EV_DONE */
    ACCOUNT_DO_UPDATE,        /* sign the contact and post it to .url */
    ACCOUNT_DO_NOTE,          /* let the keeper note that the CA has it, then ACCOUNT_EV_DONE */
    ACCOUNT_DO_DEACTIVATE,    /* sign the deactivation and post it to .url */
    ACCOUNT_DO_CLOSE,         /* let the keeper note that, then ACCOUNT_EV_DONE */
    ACCOUNT_DO_READY,         /* .url is the account's */
    ACCOUNT_DO_FAIL
};

struct account_action {
    enum account_action_kind kind;
    const char *url;         /* borrowed from the machine until the next step */
    const struct err *error; /* likewise */
    bool next;               /* ACCOUNT_DO_SETTLE */
};

enum account_event_kind {
    ACCOUNT_EV_START, /* first, and again after ACCOUNT_DO_FAIL */
    ACCOUNT_EV_REPLY,
    ACCOUNT_EV_ERROR,
    ACCOUNT_EV_LOADED,
    ACCOUNT_EV_DONE,
    ACCOUNT_EV_ROLLOVER, /* these three: only when ready. It ends in ACCOUNT_DO_READY or ACCOUNT_DO_FAIL; */
    ACCOUNT_EV_UPDATE,   /* account_refusal() tells what came of it */
    ACCOUNT_EV_DEACTIVATE,
    ACCOUNT_EV_LOST, /* only when ready: the CA said accountDoesNotExist: register the same key again */
    ACCOUNT_EV_DOUBT /* only when ready: it may have ended the account. Ends in ACCOUNT_DO_READY or _FAIL */
};

struct account_event {
    enum account_event_kind kind;
    const struct http_reply *reply;
    const struct err *error;
    const char *url;  /* ACCOUNT_EV_LOADED: the stored account URL, or NULL */
    bool has_next;    /* ACCOUNT_EV_LOADED: a change of the key was begun */
    bool deactivated; /* ACCOUNT_EV_LOADED: by us */
    bool contact_due; /* ACCOUNT_EV_LOADED: the CA has another contact than the configured one */
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
/* Before the first step: an earlier process found that the account was ended. */
void account_suspect(struct account *a);
/* Why the account is of no use until a person does something: it was deactivated or revoked, as far as the CA
 * has said; NULL: it was not. Stays while the CA cannot be asked. Borrowed until the next step. */
const struct err *account_ended(const struct account *a);
/* Why what was asked for last (ACCOUNT_EV_ROLLOVER, ...), or what the machine did by itself after that, was
 * not done; NULL: it was. Borrowed. */
const struct err *account_refusal(const struct account *a);
/* Of the account, once the machine is ready. Borrowed until the next step. */
const char *account_url(const struct account *a);
/* The directory, once fetched; NULL before. Borrowed; stays the same object for the machine's life. */
const struct acme_directory *account_directory(const struct account *a);

#endif
