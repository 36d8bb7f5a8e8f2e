/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ORDER_H
#define ACMED_ORDER_H

/* The order as a state machine (RFC 8555 sections 7.4, 7.5 and 8.3): step(state, event, now) -> action.
 *
 * The machine does nothing itself. order_step() takes what happened and returns the one thing to do
 * next; the executor (daemon/engine/issuance.c) does it and comes back with the outcome. Exactly one action
 * is under way at any time. Because time and replies are parameters, tests replay whole orders without
 * network.
 *
 * An order for K names takes 2K+5 requests: newOrder, K authorizations, K answers, the order until it is
 * ready, finalize, the order until it is valid (unless the reply to finalize says so), the certificate.
 *
 * How long the machine tries by itself: badNonce is repeated at once, 20 times a request, and
 * so again up to three times, a second later; a request
 * without a usable reply (network, 5xx, a body that is no order) after 1, 3 and 10 s, and a 429 or 503 after
 * its Retry-After if that is at most a minute. An order is polled as Retry-After says, else after 15 ms,
 * doubling to 10 s, for at most 30 minutes or until the CA names a later moment: then the machine fails as
 * transient, with the CA's moment in retry_at and the order's URL kept, so that a CA that needs hours holds
 * no slot. newOrder is repeated once, a second after a reply was lost, with its intent saved again; finalize
 * never without having fetched the order in between. What is left is the caller's back-off. */

#include "lib/acme.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stdint.h>

enum order_state {
    ORDER_STATE_START,
    ORDER_STATE_INTENT, /* the intention to order is being journalled */
    ORDER_STATE_NEW_ORDER,
    ORDER_STATE_SAVE_URL,      /* the order's URL is being journalled */
    ORDER_STATE_RESUME,        /* an order known from the journal is fetched */
    ORDER_STATE_AUTHORIZATION, /* authorizations are fetched, one after the other */
    ORDER_STATE_PRESENT,       /* the responder is being given all tokens */
    ORDER_STATE_ANSWER,        /* challenges are answered, one after the other */
    ORDER_STATE_POLL,          /* the order is polled until ready */
    ORDER_STATE_DIAGNOSE,      /* the order is invalid: which authorization failed, and why */
    ORDER_STATE_FINALIZE,
    ORDER_STATE_POLL_FINAL, /* the order is polled until valid */
    ORDER_STATE_DOWNLOAD,
    ORDER_STATE_ALTERNATE, /* other chains are downloaded, one after the other, until one is the preferred */
    ORDER_STATE_INSTALL,
    ORDER_STATE_DONE,
    ORDER_STATE_FAILED,
    ORDER_STATE_COUNT
};

const char *order_state_to_str(enum order_state state);

/* What is to be posted. The keeper builds the payload; the engine supplies URL and nonce. */
enum order_post {
    ORDER_POST_NEW_ORDER,
    ORDER_POST_FETCH, /* POST-as-GET (RFC 8555 section 6.3) */
    ORDER_POST_ANSWER,
    ORDER_POST_FINALIZE
};

enum order_action_kind {
    ORDER_DO_SAVE,    /* make order_url() durable, then ORDER_EV_DONE. NULL: the intent alone, a newOrder
                         follows; an    intent that is saved while an older one has no URL yet is a repeated
                         order    (DESIGN: L2) */
    ORDER_DO_POST,    /* sign and post .post to .url, then ORDER_EV_REPLY, or ORDER_EV_ERROR when there was no
                         HTTP reply */
    ORDER_DO_WAIT,    /* ORDER_EV_TIMER at .at_ms */
    ORDER_DO_PRESENT, /* make every challenge of order_challenge() answerable, then ORDER_EV_DONE */
    ORDER_DO_INSTALL, /* hand .chain (PEM as downloaded) to the keeper, then ORDER_EV_DONE */
    ORDER_DO_SUCCEED, /* the new generation is live: forget the order */
    ORDER_DO_FAIL /* .error says why; .forget: drop the intent and the order's URL; .discard_key: and its key
                   */
};

/* What the last reply of the CA says about the account, for which another machine is (lib/account.h). */
enum order_account {
    ORDER_ACCOUNT_FINE,
    ORDER_ACCOUNT_LOST,     /* the CA does not know it (any more): register it again with the same key
                               (ACCOUNT_EV_LOST), then order anew */
    ORDER_ACCOUNT_IN_DOUBT, /* the request was "unauthorized": the CA may have ended it (ACCOUNT_EV_DOUBT) */
    ORDER_ACCOUNT_HELD      /* no order is taken before a person has done something (userActionRequired) */
};

struct order_action {
    enum order_action_kind kind;
    enum order_post post;
    const char *url;   /* borrowed from the machine, good until the next step */
    const char *chain; /* likewise */
    size_t chain_len;
    int64_t at_ms;           /* Unix milliseconds */
    bool again;              /* ORDER_DO_WAIT: a request has failed, and is sent again then */
    const struct err *error; /* borrowed from the machine */
    bool replaces; /* ORDER_POST_NEW_ORDER: say which certificate the order replaces (RFC 9773 section 5) */
    bool forget;
    bool discard_key;
    enum order_account account; /* ORDER_DO_FAIL; ORDER_DO_SUCCEED: the preferred chain was refused so */
};

enum order_event_kind { ORDER_EV_START, ORDER_EV_DONE, ORDER_EV_REPLY, ORDER_EV_TIMER, ORDER_EV_ERROR };

struct order_event {
    enum order_event_kind kind;
    const struct http_reply *reply; /* ORDER_EV_REPLY */
    const struct err *error;        /* ORDER_EV_ERROR */
};

struct order;

/* directory and names are borrowed and outlive the machine. challenge: how authorizations are proven. url: an
 * order to resume, or NULL. state changes are reported to trace (NULL: nobody) with every transition, for the
 * debug log. */
struct order *order_new(const struct acme_directory *directory, const struct strv *names,
                        enum challenge_type challenge, const char *url,
                        void (*trace)(void *arg, enum order_state from, enum order_state to), void *arg);
void order_free(struct order *o);

/* Which chain is to be taken where the CA offers several (RFC 8555 section 7.4.2): the one whose last
 * certificate was issued by this common name, in any case of letters. Alternates are downloaded only when the
 * default chain is not it. Borrowed; outlives the machine. NULL, and without this call: the default chain. */
void order_prefer_chain(struct order *o, const char *issuer);

/* Before the first step: newOrder says which certificate it replaces. When the CA refuses that, whatever its
 * reason (it was replaced already, by an order that is not finished, by another account; it does not know
 * it), newOrder is repeated without, at once and once: no order was placed. */
void order_set_replaces(struct order *o);
/* Why the CA refused that; NULL: it did not. Borrowed. */
const struct err *order_replaces_refused(const struct order *o);

/* One step. now_ms: Unix milliseconds. The first event is ORDER_EV_START; after ORDER_DO_SUCCEED or
 * ORDER_DO_FAIL there is none. */
struct order_action order_step(struct order *o, const struct order_event *event, int64_t now_ms);

enum order_state order_state(const struct order *o);
/* With ORDER_DO_INSTALL: why it is not the preferred chain that is installed, as one line; NULL: it is, or
 * none is preferred. Borrowed. */
const char *order_chain_note(const struct order *o);
/* The order's URL once it is known, else NULL. Borrowed. */
const char *order_url(const struct order *o);
/* Whether the order in flight is the one that came from the journal; false: it was placed by this machine. */
bool order_is_resumed(const struct order *o);
/* The names that the CA could not validate, as far as it told. Borrowed. */
const struct strv *order_failed_names(const struct order *o);
/* The i-th authorization whose challenge is to be presented; NULL past the last. Borrowed until the next
 * step. */
const struct acme_authorization *order_challenge(const struct order *o, size_t i);
/* One line for status: "waiting for the CA to validate a.example.com, b.example.com". Written to out. */
void order_describe(const struct order *o, char *out, size_t size);

#endif
