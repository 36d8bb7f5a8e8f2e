/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_AUTHORITY_H
#define ACMED_ENGINE_AUTHORITY_H

/* One configured CA: its directory and account (the machine of lib/account.h), its nonces, the signed
 * requests of all orders there, and the gate before them. */

#include "daemon/engine/client.h"
#include "daemon/engine/link.h"
#include "daemon/engine/post.h"
#include "lib/account.h"
#include "lib/acme.h"
#include "lib/config.h"
#include "lib/gate.h"

struct authority;

/* The keeper signs, the client posts; all are borrowed and outlive the authority. NULL: out of memory. */
struct authority *authority_new(struct loop *l, struct client *client, struct link *keeper,
                                const struct config_ca *ca);
void authority_free(struct authority *a);

const struct config_ca *authority_ca(const struct authority *a);
/* Who may begin an order there now. */
struct gate *authority_gate(const struct authority *a);

/* May an order for these names begin there now? (gate_ask()) */
struct gate_answer authority_ask(const struct authority *a, const struct strv *names,
                                 enum ledger_exemption exemption, int64_t now);
/* Is there a place for one more order beside those under way there (lib/places.h)? */
bool authority_has_place(const struct authority *a, const struct config *config);
/* An order under way there waits for what may take long (a key, a DNS record, the CA's own work) and leaves
 * its place to another; or it goes on, at once, whoever has the places then. */
void authority_rest(struct authority *a, bool resting);
/* A certificate waits to be ordered there, or no longer does; how many do. */
void authority_queue(struct authority *a, bool waits);
unsigned authority_queued(const struct authority *a);
/* Why it may not, as a clause for people. */
void authority_describe_wait(const struct authority *a, struct gate_answer answer, char *text, size_t size);

/* Waiting for directory and account. Embedded in the waiter. */
struct authority_wait {
    struct authority_wait *next;
    void (*on_ready)(void *arg, const struct err *e);
    void *arg;
    bool waiting;
};

/* True at once when the authority is ready to order. */
bool authority_is_ready(const struct authority *a);
/* Makes it ready if it is not: fetches the directory, finds or creates the account. on_ready is called
 * exactly once, never before this returns: e is NULL, or says why not. One attempt serves all that wait. */
void authority_wait(struct authority *a, struct authority_wait *w);
void authority_wait_cancel(struct authority *a, struct authority_wait *w);
/* The CA does not know our account any more: the next wait registers it again, with the same key. */
void authority_account_lost(struct authority *a);
/* "unauthorized", it said to an order: it is asked whether it has ended the account. Who waits hears of it.
 */
void authority_account_doubted(struct authority *a);
/* What a person must see to, whatever is asked of the CA: why the account was ended. NULL: it was not.
 * Borrowed until something happens. */
const char *authority_alarm(const struct authority *a);
/* The same, as an earlier process knew; it holds until the CA has been asked. Before anything is asked of it.
 */
void authority_recall_alarm(struct authority *a, const char *text);

/* What a person asked for, of an account that is ready: ACCOUNT_EV_ROLLOVER, _UPDATE or _DEACTIVATE
 * (lib/account.h). on_done is called once, never before this returns; e NULL: it is done. One at a time;
 * nobody orders meanwhile. False: the account is not ready, or something is under way. */
bool authority_act(struct authority *a, enum account_event_kind kind,
                   void (*on_done)(void *arg, const struct err *e), void *arg);
/* Nobody waits for it any more; it goes on. */
void authority_act_forget(struct authority *a, const void *arg);

/* Valid while the authority lives, once it was ready. Borrowed. */
const struct acme_directory *authority_directory(const struct authority *a);
const char *authority_thumbprint(const struct authority *a);
const char *authority_account_url(const struct authority *a);
/* The account's key is of another type than account_key says; *type: which. As far as is known. */
bool authority_has_other_key(const struct authority *a, enum key_type *type);

/* A signed request there, as post_start(). */
struct post *authority_post(struct authority *a, enum ipc_type what, const char *subject, const char *url,
                            void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                            void *arg);

/* newOrder, as post_order(). */
struct post *authority_post_order(
    struct authority *a, enum ipc_type what, const char *lineage, const char *url, bool option,
    void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e), void *arg);

/* For status: "unused", "connecting", "ready", "failing", with the last failure (NULL: none). */
const char *authority_state(const struct authority *a, const struct err **e);

#endif
