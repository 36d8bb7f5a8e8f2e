/* SPDX-License-Identifier: MIT */
#include "daemon/engine/authority_parts.h"

#include "daemon/engine/nonces.h"
#include "daemon/log.h"
#include "lib/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct config_ca *authority_ca(const struct authority *a)
{
    return a->ca;
}

struct gate *authority_gate(const struct authority *a)
{
    return a->gate;
}

/* The first order of all finds out whether the CA can be had; the others begin as soon as it is known. One
 * that rests finds out nothing. */
struct gate_answer authority_ask(const struct authority *a, const struct strv *names,
                                 enum ledger_exemption exemption, int64_t now)
{
    if (!authority_is_ready(a) && gate_in_flight(a->gate) > gate_resting(a->gate))
        return (struct gate_answer){.cause = GATE_CAUSE_PROBE};
    return gate_ask(a->gate, names, exemption, now);
}

bool authority_has_place(const struct authority *a, const struct config *config)
{
    return places_free(config, posts_round_trip(a->posts), gate_in_flight(a->gate), gate_resting(a->gate));
}

void authority_rest(struct authority *a, bool resting)
{
    gate_rest(a->gate, resting);
}

void authority_queue(struct authority *a, bool waits)
{
    if (waits)
        a->queued++;
    else
        a->queued--;
}

unsigned authority_queued(const struct authority *a)
{
    return a->queued;
}

void authority_describe_wait(const struct authority *a, struct gate_answer answer, char *text, size_t size)
{
    const char *ca = a->ca->name;
    char why[ERR_TEXT_MAX + 64];
    int64_t until;

    if (answer.cause == GATE_CAUSE_LIMIT)
        (void)snprintf(text, size,
                       "CA %s allows a limited number of new orders, and they are used up for now", ca);
    else if (answer.cause == GATE_CAUSE_LEDGER)
        (void)snprintf(text, size, "CA %s %s", ca,
                       ledger_lack_to_str(gate_ledger(a->gate), &answer.lack, why, sizeof why));
    else if (answer.cause == GATE_CAUSE_PACE)
        (void)snprintf(text, size,
                       "CA %s has refused orders for being too many; now they go one by one, about %lld s "
                       "apart",
                       ca, (long long)(gate_pace_ms(a->gate) + 999) / 1000);
    else if (answer.cause == GATE_CAUSE_DOMAIN)
        (void)snprintf(text, size, "CA %s takes no more orders for this domain for now", ca);
    else if (gate_describe(a->gate, loop_wall_ms() / 1000, why, sizeof why, &until) != GATE_CAUSE_NONE)
        (void)snprintf(text, size, "CA %s %s", ca, why);
    else
        (void)snprintf(text, size, "one order goes first, to see whether CA %s takes any", ca);
}

bool authority_is_ready(const struct authority *a)
{
    return a->machine != NULL && account_state(a->machine) == ACCOUNT_STATE_READY &&
           a->act == ACCOUNT_EV_START;
}

const struct acme_directory *authority_directory(const struct authority *a)
{
    return a->machine != NULL ? account_directory(a->machine) : NULL;
}

const char *authority_thumbprint(const struct authority *a)
{
    return a->thumbprint;
}

const char *authority_account_url(const struct authority *a)
{
    return a->machine != NULL ? account_url(a->machine) : NULL;
}

bool authority_has_other_key(const struct authority *a, enum key_type *type)
{
    *type = a->key_type;
    return a->thumbprint != NULL && a->key_type != a->ca->account_key;
}

const char *authority_state(const struct authority *a, const struct err **e)
{
    *e = a->failed ? &a->error : NULL;
    if (a->running)
        return "connecting";
    if (a->failed)
        return "failing";
    return authority_is_ready(a) ? "ready" : "unused";
}

const char *authority_alarm(const struct authority *a)
{
    const struct err *end = a->machine != NULL ? account_ended(a->machine) : NULL;

    return end != NULL ? end->text : a->recalled;
}

void authority_recall_alarm(struct authority *a, const char *text)
{
    if (a->recalled == NULL)
        a->recalled = strdup(text);
}

/* ---- getting ready ---- */

static void on_soon(void *arg)
{
    const struct account_event start = {.kind = ACCOUNT_EV_START};
    struct authority *a = arg;

    if (a->act != ACCOUNT_EV_START) {
        authority_step(a, &(struct account_event){.kind = a->act});
        return;
    }
    if (authority_is_ready(a)) {
        authority_tell_waiters(a, NULL);
        return;
    }
    /* The machine lives on after a failure: orders in flight borrow its directory. */
    if (a->machine == NULL)
        a->machine = account_new(a->ca->name, a->ca->directory, a->ca->agree_terms, a->ca->eab_kid);
    if (a->machine == NULL) {
        struct err e;

        err_nomem(&e, "the account");
        authority_give_up(a, &e);
        return;
    }
    if (a->recalled != NULL)
        account_suspect(a->machine);
    authority_step(a, &start);
}

void authority_wait(struct authority *a, struct authority_wait *w)
{
    w->next = a->waiting;
    w->waiting = true;
    a->waiting = w;
    if (a->running)
        return;
    a->running = !authority_is_ready(a);
    loop_delay_start(a->soon, 0);
}

static bool unlink_from(struct authority_wait **list, const struct authority_wait *w)
{
    while (*list != NULL && *list != w)
        list = &(*list)->next;
    if (*list == NULL)
        return false;
    *list = w->next;
    return true;
}

void authority_wait_cancel(struct authority *a, struct authority_wait *w)
{
    if (w->waiting && !unlink_from(&a->waiting, w))
        (void)unlink_from(&a->telling, w); /* one that was told before may end another */
    w->waiting = false;
}

void authority_account_lost(struct authority *a)
{
    const struct account_event lost = {.kind = ACCOUNT_EV_LOST};

    if (!authority_is_ready(a))
        return;
    log_warning(NULL, "CA %s does not know our account any more; it is registered again with the same key",
                a->ca->name);
    a->running = true;
    authority_step(a, &lost);
}

void authority_account_doubted(struct authority *a)
{
    if (!authority_is_ready(a))
        return;
    a->running = true;
    authority_step(a, &(struct account_event){.kind = ACCOUNT_EV_DOUBT});
}

bool authority_act(struct authority *a, enum account_event_kind kind,
                   void (*on_done)(void *arg, const struct err *e), void *arg)
{
    if (a->running || !authority_is_ready(a) || a->act != ACCOUNT_EV_START)
        return false;
    a->act = kind;
    a->on_acted = on_done;
    a->act_arg = arg;
    a->running = true;
    loop_delay_start(a->soon, 0);
    return true;
}

void authority_act_forget(struct authority *a, const void *arg)
{
    if (a->act_arg == arg)
        a->on_acted = NULL;
}

/* ---- signed requests ---- */

struct post *authority_post(struct authority *a, enum ipc_type what, const char *subject, const char *url,
                            void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e),
                            void *arg)
{
    return post_start(a->posts, what, subject, url, on_done, arg);
}

struct post *authority_post_order(
    struct authority *a, enum ipc_type what, const char *lineage, const char *url, bool option,
    void (*on_done)(void *arg, const struct http_reply *reply, const struct err *e), void *arg)
{
    return post_order(a->posts, what, lineage, url, option, on_done, arg);
}

/* The limits of the configuration, else those that the CA publishes. */
static bool keep_ledger(struct gate *gate, const struct config_ca *ca)
{
    const struct ledger_rates *published = ledger_rates(ca->directory);
    struct ledger_rates rates = ca->rates;
    bool any = false;

    for (unsigned i = 0; i < LEDGER_LIMITS; i++) {
        if (!ca->rates_set[i] && published != NULL)
            rates.v[i] = published->v[i];
        any = any || rates.v[i].n > 0;
    }
    return !any || gate_keep_ledger(gate, &rates);
}

struct authority *authority_new(struct loop *l, struct client *client, struct link *keeper,
                                const struct config_ca *ca)
{
    struct authority *a = calloc(1, sizeof *a);
    int64_t window_s;
    unsigned limit;

    if (a == NULL)
        return NULL;
    *a = (struct authority){.client = client, .keeper = keeper, .ca = ca};
    a->nonces = nonces_new(l, client, ca->ca_file);
    if (a->nonces != NULL)
        a->posts = posts_new(client, keeper, a->nonces, ca);
    a->soon = loop_delay_new(l, on_soon, a);
    limit = gate_limit(ca->directory, &window_s);
    a->gate = ca->limits_set ? gate_new(ca->limit, ca->limit_window) : gate_new(limit, window_s);
    if (a->gate == NULL || !keep_ledger(a->gate, ca) || a->posts == NULL || a->soon == NULL) {
        authority_free(a);
        return NULL;
    }
    return a;
}

void authority_free(struct authority *a)
{
    if (a == NULL)
        return;
    posts_free(a->posts);
    client_cancel(a->get);
    link_forget(a->keeper, a->request);
    account_free(a->machine);
    loop_delay_free(a->soon);
    nonces_free(a->nonces);
    gate_free(a->gate);
    free(a->recalled);
    free(a->thumbprint);
    free(a);
}
