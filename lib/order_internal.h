/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ORDER_INTERNAL_H
#define ACMED_ORDER_INTERNAL_H

/* The inside of the order machine: lib/order.c moves it (requests, waits, failure), lib/order_states.c holds
 * a function for each state. */

#include "lib/order.h"

#define ORDER_RETRIES 3 /* repetitions of a request that failed in a way that may pass */

struct order_request {
    enum order_post post;
    const char *url;     /* borrowed from the machine; NULL: nothing to post when the timer fires */
    unsigned bad_nonces; /* refused nonces in a row */
    unsigned bad_nonce_rounds;
    unsigned failures; /* repetitions so far, for other reasons */
    unsigned retries;  /* the most of them */
};

struct order {
    const struct acme_directory *directory; /* borrowed */
    const struct strv *names;               /* borrowed */
    enum challenge_type challenge;
    void (*trace)(void *arg, enum order_state from, enum order_state to);
    void *trace_arg;

    enum order_state state;
    char *url;                 /* owned; NULL while unknown */
    struct acme_order current; /* the order as the CA described it last */
    bool current_known;
    struct strv authorizations;   /* URLs, in the order in which they are worked on */
    struct acme_authorization *a; /* owned; one for each of them, all zero until fetched */
    size_t at;                    /* the one that is under way */
    bool resumed;                 /* the order came from the journal: it may be replaced, once */
    bool replaces;                /* newOrder says which certificate it replaces */
    struct err replaces_error;    /* why it does not any more; class NONE: it was not refused */
    bool repeated;                /* newOrder was repeated already */
    bool validated;               /* the order was ready: its authorizations are all valid */
    unsigned finalizes;           /* requests to finalize */
    bool finalize_accepted;       /* one of them got a 2xx reply */
    char *chain;                  /* owned */
    size_t chain_len;
    const char *preferred;  /* borrowed; NULL: any chain will do */
    struct strv alternates; /* URLs of other chains */
    size_t alternate;       /* the one under way */
    bool alternate_failed;  /* one of them could not be had */
    char chain_note[1024];

    struct order_request request;
    bool started; /* an action is under way: */
    enum order_action_kind last;
    int64_t wait_from; /* ORDER_DO_WAIT: Unix milliseconds */
    int64_t wait_until;
    int64_t poll_since; /* Unix milliseconds */
    int64_t poll_delay; /* the next one without Retry-After, milliseconds */
    int64_t hint;       /* Retry-After for the next poll, seconds; -1: none */

    struct err error;
    struct err diagnosis; /* what failed authorizations say, collected */
    unsigned diagnosed;
    struct strv failed_names; /* whose authorizations are invalid */
    bool forget;
    bool discard_key;
    enum order_account account; /* what the last reply says of it */
};

/* What came of an action, after the machinery took what it can deal with by itself. */
enum order_outcome_kind {
    ORDER_OUTCOME_ENTERED, /* nothing yet: the state was just entered */
    ORDER_OUTCOME_DONE,
    ORDER_OUTCOME_TIMER,   /* of order_pause() */
    ORDER_OUTCOME_REPLY,   /* a 2xx reply */
    ORDER_OUTCOME_REFUSED, /* another reply, and no further repetition: o->error */
    ORDER_OUTCOME_LOST     /* no reply, or the action failed: o->error */
};

struct order_outcome {
    enum order_outcome_kind kind;
    const struct http_reply *reply; /* REPLY, REFUSED */
    enum acme_problem_type problem; /* REFUSED */
};

/* A state's function: true when *action is set; false when the machine moved on and the function of
 * the state it is in now is to be called (ORDER_OUTCOME_ENTERED). */
bool order_on_start(struct order *o, const struct order_outcome *out, int64_t now,
                    struct order_action *action);
bool order_on_intent(struct order *o, const struct order_outcome *out, int64_t now,
                     struct order_action *action);
bool order_on_new_order(struct order *o, const struct order_outcome *out, int64_t now,
                        struct order_action *action);
bool order_on_save_url(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action);
bool order_on_resume(struct order *o, const struct order_outcome *out, int64_t now,
                     struct order_action *action);
bool order_on_authorization(struct order *o, const struct order_outcome *out, int64_t now,
                            struct order_action *action);
bool order_on_present(struct order *o, const struct order_outcome *out, int64_t now,
                      struct order_action *action);
bool order_on_answer(struct order *o, const struct order_outcome *out, int64_t now,
                     struct order_action *action);
bool order_on_poll(struct order *o, const struct order_outcome *out, int64_t now,
                   struct order_action *action);
bool order_on_diagnose(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action);
bool order_on_finalize(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action);
bool order_on_poll_final(struct order *o, const struct order_outcome *out, int64_t now,
                         struct order_action *action);
bool order_on_download(struct order *o, const struct order_outcome *out, int64_t now,
                       struct order_action *action);
bool order_on_alternate(struct order *o, const struct order_outcome *out, int64_t now,
                        struct order_action *action);
bool order_on_install(struct order *o, const struct order_outcome *out, int64_t now,
                      struct order_action *action);

/* The one place where the state changes. Always false: `return order_go(...)`. */
bool order_go(struct order *o, enum order_state state);

/* The actions. All return true: `return order_post(...)`. */
bool order_act(struct order *o, enum order_action_kind kind, struct order_action *action);
bool order_post(struct order *o, enum order_post post, const char *url, unsigned retries,
                struct order_action *action);
/* Waits; then the request is posted, or, when there is none, the state gets ORDER_OUTCOME_TIMER. */
bool order_pause(struct order *o, int64_t now, int64_t delay, struct order_action *action);
/* Ends the machine with o->error. */
bool order_fail(struct order *o, bool forget, struct order_action *action);

/* Repeats the request after a while; false: it was repeated often enough. */
bool order_retry(struct order *o, int64_t now, struct order_action *action);

/* A failed request that the state has no better answer to. What is refused for good, or gone, is not asked
 * for again; an order that is gone can be followed by a new one soon. */
bool order_give_up(struct order *o, const struct order_outcome *out, struct order_action *action);

/* A 2xx reply with a body that cannot be used (o->error): perhaps it can the next time. forget: whether the
 * order is given up when it never can. */
bool order_unusable(struct order *o, bool forget, int64_t now, struct order_action *action);

/* The order in flight is of no use any more. One that came from the journal is replaced by a new one, once;
 * otherwise the machine ends with o->error. */
bool order_replace(struct order *o, struct order_action *action);

/* Takes the list of authorizations over from the order, once: later replies may list them in another order.
 */
bool order_adopt_authorizations(struct order *o);
void order_drop_authorizations(struct order *o);

/* Is a status that says that what we asked for is not there (any more)? */
bool order_is_gone(const struct http_reply *reply);

#endif
