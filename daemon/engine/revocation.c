/* SPDX-License-Identifier: MIT */
#include "daemon/engine/revocation.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/fleet.h"
#include "daemon/log.h"
#include "lib/renewal.h"

#include <stdlib.h>
#include <string.h>

#define BAD_NONCES_MAX 20

struct revocation {
    struct certificate *c;
    struct authority *authority;
    struct act act;
    struct authority_wait ready;
    struct post *post;
    uint32_t request;
    bool searching; /* nobody knows who issued it: each CA is asked in turn, by the certificate's own key */
    size_t at;      /* of the certificate's CAs */
    bool by_certificate; /* now */
    bool tried_other;    /* the other way has failed for good */
    struct err first;    /* of the way, or the CAs, that failed first */
    unsigned bad_nonces;
    bool repeated; /* the request, after no answer came */
    struct revocation_outcome outcome;
    void (*on_done)(void *arg, const struct revocation_outcome *outcome, const struct err *e);
    void *arg;
};

void revocation_cancel(struct revocation *r)
{
    if (r == NULL)
        return;
    authority_wait_cancel(r->authority, &r->ready);
    post_cancel(r->post);
    link_forget(r->c->engine->keeper, r->request);
    r->c->revocation = NULL;
    free(r);
}

void revocation_forget(struct revocation *r)
{
    if (r != NULL)
        r->on_done = NULL;
}

/* What is live must not stay revoked, and no key that others know stays in use, whatever the CA said. */
static void replace_live(struct certificate *c, uint64_t generation)
{
    if (generation == c->generation && certificate_load_live(c) && c->facts.revoked)
        (void)certificate_request(c, NULL, NULL);
    feed_changed(c->engine->feed, c->name);
}

static void finish(struct revocation *r, const struct err *e)
{
    void (*on_done)(void *arg, const struct revocation_outcome *outcome, const struct err *e) = r->on_done;
    const struct revocation_outcome outcome = r->outcome;
    const struct act act = r->act;
    struct certificate *c = r->c;
    void *arg = r->arg;
    struct err own;

    if (e != NULL) {
        own = *e; /* it may be within r */
        e = &own;
        log_error(c->name, "generation %llu %s revoked: %s", (unsigned long long)act.generation,
                  outcome.unanswered ? "may or may not be" : "is not", e->text);
        feed_event(c->engine->feed, c->name, "revoke-failed", NULL, "generation %llu: %s",
                   (unsigned long long)act.generation, e->text);
    } else {
        feed_event(c->engine->feed, c->name, "revoked", NULL, "generation %llu, %s%s",
                   (unsigned long long)act.generation, act_reason_to_str(act.reason),
                   outcome.already ? " (it was revoked already)" : "");
    }
    revocation_cancel(r);
    if (e == NULL || act.reason == ACT_REASON_KEY_COMPROMISE)
        replace_live(c, act.generation);
    if (on_done != NULL)
        on_done(arg, &outcome, e);
}

static void on_noted(void *arg, const struct ipc_msg *m, const struct err *e)
{
    struct revocation *r = arg;

    (void)m;
    r->request = 0;
    if (e != NULL)
        log_error(r->c->name,
                  "generation %llu is revoked, but that could not be noted: %s; do not make it live again",
                  (unsigned long long)r->act.generation, e->text);
    finish(r, NULL);
}

static void succeed(struct revocation *r, bool already)
{
    r->outcome = (struct revocation_outcome){.already = already, .by_certificate = r->by_certificate};
    r->request = link_request(r->c->engine->keeper, on_noted, r, IPC_REVOKED, r->c->name, r->act.generation);
    if (r->request == 0)
        finish(r, NULL);
}

static void send_request(struct revocation *r);

/* For another CA or key. */
static void begin_anew(struct revocation *r)
{
    r->bad_nonces = 0;
    r->repeated = false;
}

/* It may be another CA's. */
static void try_next_ca(struct revocation *r, const struct err *e)
{
    const struct config_certificate *config = r->c->config;
    struct err own = *e;

    err_wrap(&own, "CA %s", authority_ca(r->authority)->name);
    if (r->at > 0)
        err_wrap(&own, "%s; and", r->first.text);
    r->first = own;
    if (++r->at >= config->n_cas) {
        err_wrap(&own, "which CA issued it is not known, and none of them takes the revocation");
        finish(r, &own);
        return;
    }
    r->authority = fleet_authority(r->c->engine->fleet, config->cas[r->at]);
    begin_anew(r);
    authority_wait(r->authority, &r->ready);
}

/* This CA will not do it, or not now. */
static void give_up(struct revocation *r, const struct err *e)
{
    struct err own = *e;
    char at[32];

    if (own.retry_at > engine_now()) {
        renewal_time_to_str(own.retry_at + 59, at, sizeof at); /* shown to the minute */
        err_wrap(&own, "the CA asks to come back later: repeat the command, not before %s", at);
    }
    if (r->searching)
        try_next_ca(r, &own);
    else
        finish(r, &own);
}

/* The other key may be believed where this one was not. */
static void try_other(struct revocation *r, const struct err *e)
{
    struct err own = *e;

    if (r->searching) {
        try_next_ca(r, e);
        return;
    }
    err_wrap(&own, "by the %s key", r->by_certificate ? "certificate's own" : "account's");
    if (r->tried_other) {
        err_wrap(&own, "%s; and", r->first.text);
        finish(r, &own);
        return;
    }
    r->tried_other = true;
    r->first = own;
    r->by_certificate = !r->by_certificate;
    begin_anew(r);
    if (!r->by_certificate && !authority_is_ready(r->authority))
        finish(r, &own);
    else
        send_request(r);
}

/* The CA may have heard a request that was sent; asked once more it does what it has not done, or says that
 * it has. */
static void no_answer(struct revocation *r, const struct err *e)
{
    bool may_pass = e->class == ERR_CLASS_NETWORK || e->class == ERR_CLASS_TRANSIENT;

    r->outcome.unanswered |= may_pass && !e->unsent;
    if (!may_pass || r->repeated) {
        give_up(r, e);
        return;
    }
    log_warning(r->c->name, "%s the revocation of generation %llu: %s; the CA is asked once more",
                e->unsent ? "could not send" : "no answer to", (unsigned long long)r->act.generation,
                e->text);
    r->repeated = true;
    send_request(r);
}

static void on_reply(void *arg, const struct http_reply *reply, const struct err *e)
{
    struct revocation *r = arg;
    enum acme_problem_type problem;
    struct err own;

    r->post = NULL;
    if (reply == NULL) {
        no_answer(r, e);
        return;
    }
    if (acme_reply_check(reply, engine_now(), &problem, &own)) {
        succeed(r, false);
    } else if (problem == ACME_PROBLEM_ALREADY_REVOKED) {
        succeed(r, true);
    } else if (problem == ACME_PROBLEM_BAD_NONCE && r->bad_nonces++ < BAD_NONCES_MAX) {
        send_request(r);
    } else if (problem != ACME_PROBLEM_BAD_REVOCATION_REASON &&
               (problem == ACME_PROBLEM_ACCOUNT_DOES_NOT_EXIST || own.class == ERR_CLASS_PERMANENT)) {
        try_other(r, &own);
    } else {
        give_up(r, &own);
    }
}

static void send_request(struct revocation *r)
{
    const struct acme_directory *d = authority_directory(r->authority);
    struct err e;

    if (d == NULL || d->revoke_cert == NULL) {
        err_set(&e, ERR_CLASS_PERMANENT, "the CA %s offers no revocation by ACME: ask it in another way",
                authority_ca(r->authority)->name);
        give_up(r, &e);
        return;
    }
    r->post = authority_post(r->authority, r->by_certificate ? IPC_SIGN_REVOKE_BY_KEY : IPC_SIGN_REVOKE,
                             r->c->name, d->revoke_cert, on_reply, r);
    if (r->post == NULL) {
        err_nomem(&e, "a revocation");
        finish(r, &e);
    }
}

static void on_ready(void *arg, const struct err *e)
{
    struct revocation *r = arg;

    if (e == NULL || (r->by_certificate && authority_directory(r->authority) != NULL))
        send_request(r);
    else if (e->class == ERR_CLASS_PERMANENT && authority_directory(r->authority) != NULL)
        try_other(r, e);
    else
        give_up(r, e);
}

/* Finds the CA that issued it. False with e: it is not one of the certificate's any more. */
static bool choose(struct revocation *r, struct err *e)
{
    const struct config_certificate *config = r->c->config;
    const char *directory = journal_issuer(&r->c->journal, (unsigned)r->act.generation);

    while (directory != NULL && r->at < config->n_cas &&
           strcmp(config->cas[r->at]->directory, directory) != 0)
        r->at++;
    if (r->at == config->n_cas)
        return err_set(
            e, ERR_CLASS_PERMANENT,
            "it was issued by the CA at %s, which is not one of this certificate's (any more): add "
            "that to `ca` and reload",
            directory);
    r->searching = directory == NULL && config->n_cas > 1;
    r->authority = fleet_authority(r->c->engine->fleet, config->cas[r->at]);
    return true;
}

bool revocation_start(struct certificate *c, const struct act *act,
                      void (*on_done)(void *arg, const struct revocation_outcome *outcome,
                                      const struct err *e),
                      void *arg, struct err *e)
{
    struct revocation *r = calloc(1, sizeof *r);

    if (r == NULL)
        return err_nomem(e, "a revocation");
    *r = (struct revocation){.c = c, .act = *act, .on_done = on_done, .arg = arg};
    if (!choose(r, e)) {
        free(r);
        if (act->reason == ACT_REASON_KEY_COMPROMISE)
            replace_live(c, act->generation);
        return false;
    }
    r->by_certificate = r->searching || act->reason == ACT_REASON_KEY_COMPROMISE;
    r->ready.on_ready = on_ready;
    r->ready.arg = r;
    c->revocation = r;
    authority_wait(r->authority, &r->ready);
    return true;
}
