/* SPDX-License-Identifier: MIT */
#include "lib/order_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD_NONCES_MAX   20
#define RETRY_AFTER_HERE 60 /* seconds: a longer wait is left to the caller's back-off */
#define NAMES_SHOWN      3

static const int64_t retry_delays[] = {1000, 3000, 10000};

typedef bool state_fn(struct order *o, const struct order_outcome *out, int64_t now,
                      struct order_action *action);

static const struct {
    const char *name;
    const char *doing; /* for people; of an error, and with the names behind it of the status */
    state_fn *run;
} states[] = {
    [ORDER_STATE_START] = {"start", "starting", order_on_start},
    [ORDER_STATE_INTENT] = {"intent", "noting down the order", order_on_intent},
    [ORDER_STATE_NEW_ORDER] = {"new-order", "placing the order", order_on_new_order},
    [ORDER_STATE_SAVE_URL] = {"save-url", "noting down the order's URL", order_on_save_url},
    [ORDER_STATE_RESUME] = {"resume", "looking up the order in flight", order_on_resume},
    [ORDER_STATE_AUTHORIZATION] = {"authorization", "asking the CA what is to be proven",
                                   order_on_authorization},
    [ORDER_STATE_PRESENT] = {"present", "preparing the challenges", order_on_present},
    [ORDER_STATE_ANSWER] = {"answer", "telling the CA to validate", order_on_answer},
    [ORDER_STATE_POLL] = {"poll", "waiting for the CA to validate", order_on_poll},
    [ORDER_STATE_DIAGNOSE] = {"diagnose", "asking the CA why the order failed", order_on_diagnose},
    [ORDER_STATE_FINALIZE] = {"finalize", "asking the CA to issue the certificate", order_on_finalize},
    [ORDER_STATE_POLL_FINAL] = {"poll-final", "waiting for the CA to issue the certificate",
                                order_on_poll_final},
    [ORDER_STATE_DOWNLOAD] = {"download", "downloading the certificate", order_on_download},
    [ORDER_STATE_ALTERNATE] = {"alternate", "looking for the preferred chain", order_on_alternate},
    [ORDER_STATE_INSTALL] = {"install", "checking and storing the certificate", order_on_install},
    [ORDER_STATE_DONE] = {"done", "done", NULL},
    [ORDER_STATE_FAILED] = {"failed", "failed", NULL},
};
static_assert(sizeof states / sizeof states[0] == ORDER_STATE_COUNT, "every state is described");

const char *order_state_to_str(enum order_state state)
{
    return (unsigned)state < ORDER_STATE_COUNT ? states[state].name : "unknown";
}

struct order *order_new(const struct acme_directory *directory, const struct strv *names,
                        enum challenge_type challenge, const char *url,
                        void (*trace)(void *arg, enum order_state from, enum order_state to), void *arg)
{
    struct order *o = calloc(1, sizeof *o);

    if (o == NULL)
        return NULL;
    o->directory = directory;
    o->names = names;
    o->challenge = challenge;
    o->trace = trace;
    o->trace_arg = arg;
    o->hint = -1;
    if (url != NULL) {
        o->resumed = true;
        o->url = strdup(url);
        if (o->url == NULL) {
            free(o);
            return NULL;
        }
    }
    return o;
}

void order_free(struct order *o)
{
    if (o == NULL)
        return;
    order_drop_authorizations(o);
    acme_order_clear(&o->current);
    strv_clear(&o->failed_names);
    free(o->url);
    free(o->chain);
    strv_clear(&o->alternates);
    free(o);
}

void order_set_replaces(struct order *o)
{
    o->replaces = true;
}

const struct err *order_replaces_refused(const struct order *o)
{
    return o->replaces_error.class != ERR_CLASS_NONE ? &o->replaces_error : NULL;
}

bool order_go(struct order *o, enum order_state state)
{
    if (o->trace != NULL)
        o->trace(o->trace_arg, o->state, state);
    o->state = state;
    return false;
}

bool order_act(struct order *o, enum order_action_kind kind, struct order_action *action)
{
    *action = (struct order_action){
        .kind = kind, .chain = o->chain, .chain_len = o->chain_len, .account = o->account};
    o->started = true;
    o->last = kind;
    return true;
}

static bool post_request(struct order *o, struct order_action *action)
{
    order_act(o, ORDER_DO_POST, action);
    action->post = o->request.post;
    action->url = o->request.url;
    action->replaces = o->request.post == ORDER_POST_NEW_ORDER && o->replaces;
    return true;
}

bool order_post(struct order *o, enum order_post post, const char *url, unsigned retries,
                struct order_action *action)
{
    o->request = (struct order_request){.post = post, .url = url, .retries = retries};
    return post_request(o, action);
}

static bool wait_action(struct order *o, struct order_action *action)
{
    order_act(o, ORDER_DO_WAIT, action);
    action->at_ms = o->wait_until;
    action->again = o->request.failures > 0;
    return true;
}

bool order_pause(struct order *o, int64_t now, int64_t delay, struct order_action *action)
{
    o->wait_from = now;
    o->wait_until = now + delay;
    return wait_action(o, action);
}

bool order_retry(struct order *o, int64_t now, struct order_action *action)
{
    const size_t n = sizeof retry_delays / sizeof retry_delays[0];
    unsigned done = o->request.failures;

    if (done >= o->request.retries)
        return false;
    o->request.failures++;
    return order_pause(o, now, retry_delays[done < n ? done : n - 1], action);
}

static bool failure_action(struct order *o, struct order_action *action)
{
    order_act(o, ORDER_DO_FAIL, action);
    action->error = &o->error;
    action->forget = o->forget;
    action->discard_key = o->discard_key;
    return true;
}

bool order_fail(struct order *o, bool forget, struct order_action *action)
{
    o->forget = forget;
    err_wrap(&o->error, "%s", states[o->state].doing);
    order_go(o, ORDER_STATE_FAILED);
    return failure_action(o, action);
}

bool order_is_gone(const struct http_reply *reply)
{
    return reply->status == 404 || reply->status == 410;
}

/* A request with a refused nonce has not been looked at: even newOrder may be repeated. After a while the CA
 * may have come to itself. */
static bool on_bad_nonce(struct order *o, int64_t now, struct order_action *action)
{
    struct order_request *r = &o->request;

    if (r->bad_nonces++ < BAD_NONCES_MAX)
        return post_request(o, action);
    err_wrap(&o->error, "the CA refused %d nonces in a row", BAD_NONCES_MAX + 1);
    if (r->bad_nonce_rounds++ >= ORDER_RETRIES)
        return false;
    r->bad_nonces = 0;
    return order_pause(o, now, retry_delays[0], action);
}

/* A reply that is no 2xx. True: the request is repeated, or the machine has failed. */
static bool on_refusal(struct order *o, struct order_outcome *out, int64_t now, struct order_action *action)
{
    const struct http_reply *reply = out->reply;
    struct order_request *r = &o->request;

    if (out->problem == ACME_PROBLEM_BAD_NONCE) {
        return on_bad_nonce(o, now, action);
    } else if (out->problem == ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST) {
        o->account = ORDER_ACCOUNT_LOST;
        return o->state != ORDER_STATE_ALTERNATE && order_fail(o, true, action);
    } else if (o->error.class == ERR_CLASS_TRANSIENT) {
        return order_retry(o, now, action);
    } else if (o->error.class == ERR_CLASS_RATE_LIMITED && reply->retry_after >= 0 &&
               reply->retry_after <= RETRY_AFTER_HERE && r->failures < r->retries) {
        r->failures++;
        return order_pause(o, now, reply->retry_after * 1000, action);
    }
    return false;
}

/* The timer: true when there is still something to wait for. A clock that was put back behind the start of
 * the wait says nothing about how long it has lasted: then it is over. */
static bool on_timer(struct order *o, struct order_outcome *out, int64_t now, struct order_action *action)
{
    if (now < o->wait_until && now >= o->wait_from)
        return wait_action(o, action);
    if (o->request.url != NULL)
        return post_request(o, action);
    out->kind = ORDER_OUTCOME_TIMER;
    return false;
}

/* Is this event what the last action lets expect? Anything else is a bug of the executor. */
static bool is_expected(const struct order *o, const struct order_event *event)
{
    if (!o->started)
        return event->kind == ORDER_EV_START;
    switch (event->kind) {
    case ORDER_EV_START:
        return false;
    case ORDER_EV_DONE:
        return o->last == ORDER_DO_SAVE || o->last == ORDER_DO_PRESENT || o->last == ORDER_DO_INSTALL;
    case ORDER_EV_REPLY:
        return o->last == ORDER_DO_POST && event->reply != NULL;
    case ORDER_EV_TIMER:
        return o->last == ORDER_DO_WAIT;
    case ORDER_EV_ERROR:
        return o->last != ORDER_DO_WAIT && event->error != NULL;
    }
    return false;
}

/* The request was heard, and its reply went down with the connection. */
static bool on_reply_lost(struct order *o, struct order_outcome *out, int64_t now,
                          struct order_action *action)
{
    *out = (struct order_outcome){.kind = ORDER_OUTCOME_LOST, .problem = ACME_PROBLEM_NONE};
    err_set(&o->error, ERR_CLASS_NETWORK, "%s: the connection ended before there was a reply",
            o->request.url);
    return order_retry(o, now, action);
}

/* Between event and state: repeats requests and waits. True when *action is set and no state needs to know.
 */
static bool intake(struct order *o, const struct order_event *event, int64_t now, struct order_outcome *out,
                   struct order_action *action)
{
    out->kind = ORDER_OUTCOME_ENTERED;
    switch (event->kind) {
    case ORDER_EV_START:
        return false;
    case ORDER_EV_DONE:
        out->kind = ORDER_OUTCOME_DONE;
        return false;
    case ORDER_EV_TIMER:
        return on_timer(o, out, now, action);
    case ORDER_EV_ERROR:
        out->kind = ORDER_OUTCOME_LOST;
        o->error = *event->error;
        return o->last == ORDER_DO_POST && o->error.class == ERR_CLASS_NETWORK && order_retry(o, now, action);
    case ORDER_EV_REPLY:
        out->reply = event->reply;
        out->kind = ORDER_OUTCOME_REPLY;
        o->account = ORDER_ACCOUNT_FINE;
        if (acme_reply_check(event->reply, now / 1000, &out->problem, &o->error))
            return false;
        if (event->reply->resent && out->problem == ACME_PROBLEM_BAD_NONCE)
            return on_reply_lost(o, out, now, action);
        out->kind = ORDER_OUTCOME_REFUSED;
        if (out->problem == ACME_PROBLEM_UNAUTHORIZED)
            o->account = ORDER_ACCOUNT_IN_DOUBT;
        return on_refusal(o, out, now, action);
    }
    return false;
}

struct order_action order_step(struct order *o, const struct order_event *event, int64_t now_ms)
{
    struct order_action action;
    struct order_outcome out = {.problem = ACME_PROBLEM_NONE};

    if (o->state == ORDER_STATE_FAILED) {
        failure_action(o, &action);
    } else if (o->state == ORDER_STATE_DONE) {
        order_act(o, ORDER_DO_SUCCEED, &action);
    } else if (!is_expected(o, event)) {
        err_set(&o->error, ERR_CLASS_INTERNAL, "event %d was not expected", (int)event->kind);
        order_fail(o, false, &action);
    } else if (!intake(o, event, now_ms, &out, &action)) {
        while (!states[o->state].run(o, &out, now_ms, &action))
            out = (struct order_outcome){.kind = ORDER_OUTCOME_ENTERED};
    }
    return action;
}

enum order_state order_state(const struct order *o)
{
    return o->state;
}

const struct strv *order_failed_names(const struct order *o)
{
    return &o->failed_names;
}

const char *order_url(const struct order *o)
{
    return o->url;
}

bool order_is_resumed(const struct order *o)
{
    return o->resumed;
}

const struct acme_authorization *order_challenge(const struct order *o, size_t i)
{
    for (size_t k = 0; k < o->authorizations.n; k++)
        if (o->a[k].status == ACME_AUTHORIZATION_PENDING && o->a[k].challenge_url != NULL && i-- == 0)
            return &o->a[k];
    return NULL;
}

static void append(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void append(char *out, size_t size, const char *fmt, ...)
{
    size_t len = strlen(out);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(out + len, size - len, fmt, ap);
    va_end(ap);
}

/* The i-th name that the state is about: while validating those that are not valid yet, else all. */
static const char *name_at(const struct order *o, size_t i)
{
    const struct acme_authorization *a;

    if (o->state == ORDER_STATE_PRESENT || o->state == ORDER_STATE_ANSWER || o->state == ORDER_STATE_POLL) {
        a = order_challenge(o, i);
        if (a != NULL)
            return a->identifier;
        if (order_challenge(o, 0) != NULL)
            return NULL;
    }
    return i < o->names->n ? o->names->v[i] : NULL;
}

void order_describe(const struct order *o, char *out, size_t size)
{
    size_t n = 0;

    if (size == 0)
        return;
    out[0] = '\0';
    if (o->state == ORDER_STATE_FAILED) {
        append(out, size, "%s", o->error.text);
        return;
    }
    append(out, size, "%s", states[o->state].doing);
    if (o->state != ORDER_STATE_POLL) /* the others are about the order as a whole */
        return;
    for (; n < NAMES_SHOWN && name_at(o, n) != NULL; n++)
        append(out, size, "%s%s", n > 0 ? ", " : " ", name_at(o, n));
    while (name_at(o, n) != NULL)
        n++;
    if (n > NAMES_SHOWN)
        append(out, size, " and %zu more", n - NAMES_SHOWN);
}
