/* SPDX-License-Identifier: MIT */
#include "daemon/engine/status.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/clock.h"
#include "daemon/engine/deploy.h"
#include "daemon/engine/fleet.h"
#include "daemon/engine/issuance.h"
#include "daemon/engine/rehearsal.h"
#include "daemon/sandbox.h"
#include "lib/ca.h"
#include "lib/status.h"

#include <stdio.h>
#include <unistd.h>

/* Why a certificate that is due has to wait for its CA. */
static void describe_gate(const struct certificate *c, struct status_input *in, char *text, size_t size)
{
    const struct authority *a = fleet_authority(c->engine->fleet, c->ca);
    struct gate_answer answer =
        gate_ask(authority_gate(a), &c->config->domains, certificate_exemption(c), in->now);

    if (answer.go)
        return;
    in->ca_until = answer.until;
    in->ca_wait = text;
    authority_describe_wait(a, answer, text, size);
}

/* What is known of a certificate, and the texts that this borrows. */
struct known {
    struct status_input in;
    char ordering[512];
    char gate[ERR_TEXT_MAX + 64];
    char clock[256];
};

static void know(struct known *k, const struct certificate *c)
{
    k->in = (struct status_input){
        .config = c->config,
        .ca = c->ca != NULL ? c->ca->name : NULL,
        .chain =
            c->has_facts && c->generation == c->journal.issued_generation ? c->journal.issued_chain : NULL,
        .wanted_chain = c->config != NULL && c->ca != NULL ? config_chain(c->config, c->ca) : NULL,
        .facts = c->has_facts ? &c->facts : NULL,
        .journal = &c->journal,
        .plan = c->config != NULL ? &c->plan : NULL,
        .deploying = c->deploy != NULL && !deploy_is_waiting(c->deploy),
        .dns_off = c->engine->config->dns_off,
        .queued = c->queued,
        .now = engine_now(),
    };
    if (c->ca != NULL)
        k->in.alarm = authority_alarm(fleet_authority(c->engine->fleet, c->ca));
    if (c->issuance != NULL) {
        issuance_describe(c->issuance, k->ordering, sizeof k->ordering);
        k->in.ordering = k->ordering;
    } else if (c->rehearses && c->rehearsal != NULL) {
        rehearsal_describe(c->rehearsal, k->ordering, sizeof k->ordering);
        k->in.ordering = k->ordering;
    }
    clock_describe(c->engine, k->clock, sizeof k->clock);
    if (k->clock[0] != '\0')
        k->in.ca_wait = k->clock;
    else if (c->queued)
        describe_gate(c, &k->in, k->gate, sizeof k->gate);
}

void status_count(struct tally *t, const struct certificate *c)
{
    struct status_verdict v;
    struct known k;

    know(&k, c);
    v = status_derive(&k.in);
    tally_add(t, c->name, &k.in, &v);
}

struct status_verdict status_verdict_of(const struct certificate *c)
{
    struct known k;

    know(&k, c);
    return status_derive(&k.in);
}

json_t *status_of_certificate(const struct certificate *c, bool generations)
{
    struct status_certificate s = {0};
    struct known k;
    json_t *j;

    know(&k, c);
    if (!status_certificate_fill(&s, c->name, &k.in, NULL))
        return NULL;
    s.generation = c->generation;
    if (generations)
        live_generations(&c->engine->live, c->name, &s);
    j = status_certificate_to_json(&s);
    status_certificate_clear(&s);
    return j;
}

/* How a CA is, what its state means for those who wait, and until when. */
static const char *describe_ca(const struct authority *a, unsigned waiting, char *text, size_t size,
                               int64_t *until)
{
    static const char *const states[] = {
        [GATE_CAUSE_UNREACHABLE] = "unreachable",
        [GATE_CAUSE_REFUSED] = "failing",
        [GATE_CAUSE_ASKED] = "closed",
    };
    const struct err *e = NULL;
    const char *state = authority_state(a, &e);
    int64_t now = engine_now();
    enum gate_cause cause = gate_describe(authority_gate(a), now, text, size, until);
    struct gate_answer limit;

    if (authority_alarm(a) != NULL) {
        (void)snprintf(text, size, "cannot be used: %s", authority_alarm(a));
        return states[GATE_CAUSE_REFUSED];
    }
    if (cause != GATE_CAUSE_NONE)
        return states[cause];
    if (e != NULL) {
        (void)snprintf(text, size, "cannot be used: %s", e->text);
        return state;
    }
    limit = gate_ask(authority_gate(a), &(const struct strv){0}, LEDGER_COUNTED, now);
    if (waiting == 0 || (limit.cause != GATE_CAUSE_LIMIT && limit.cause != GATE_CAUSE_PACE))
        return state;
    if (limit.cause == GATE_CAUSE_LIMIT)
        (void)snprintf(text, size, "has had as many new orders as it allows for now");
    else
        (void)snprintf(text, size,
                       "has refused orders for being too many; now they go one by one, about %lld s apart",
                       (long long)(gate_pace_ms(authority_gate(a)) + 999) / 1000);
    *until = limit.until;
    return "limited";
}

static json_t *strings(const struct strv *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++)
        (void)json_array_append_new(list, json_string(l->v[i]));
    return list;
}

/* What acmed knows of a CA by itself, which its directory does not say. */
static json_t *notes(const struct authority *a)
{
    const struct config_ca *ca = authority_ca(a);
    const struct ca_info *known = ca_by_directory(ca->directory);
    json_t *list = json_array();
    enum key_type type;

    if (authority_has_other_key(a, &type))
        (void)json_array_append_new(
            list,
            json_sprintf("the account's key is of type %s; `acmectl account rollover %s` makes it %s, as "
                         "account_key says",
                         key_type_to_str(type), ca->name, key_type_to_str(ca->account_key)));
    if (known == NULL)
        return list;
    if (known->keys_from != NULL)
        (void)json_array_append_new(
            list,
            json_sprintf("accounts are registered with an external account binding, whose keys are from %s",
                         known->keys_from));
    if (known->keys_once)
        (void)json_array_append_new(list, json_string("each pair of these keys serves for one account"));
    if (known->slow)
        (void)json_array_append_new(list, json_string("validation may take minutes"));
    if (known->no_rollover)
        (void)json_array_append_new(list, json_string("the key of an account cannot be changed"));
    return list;
}

static void add_directory(json_t *ca, const struct authority *a)
{
    static const struct acme_directory unknown;
    const struct acme_directory *d = authority_directory(a);
    json_t *more;

    if (d == NULL)
        d = &unknown;
    more = json_pack("{ss? ss? so so sb so}", "website", d->website, "terms", d->terms, "caa_identities",
                     strings(&d->caa_identities), "profiles", strings(&d->profiles),
                     "external_account_required", (int)d->eab_required, "notes", notes(a));
    (void)json_object_update(ca, more);
    json_decref(more);
}

json_t *status_of_ca(const struct authority *a)
{
    unsigned waiting = authority_queued(a);
    char text[ERR_TEXT_MAX + 64];
    int64_t until = 0;
    const char *state = describe_ca(a, waiting, text, sizeof text, &until);

    return json_pack("{ss ss ss sI sI ss?}", "name", authority_ca(a)->name, "directory",
                     authority_ca(a)->directory, "state", state, "until", (json_int_t)until, "orders_waiting",
                     (json_int_t)waiting, "text", text[0] != '\0' ? text : NULL);
}

static json_t *cas(const struct engine *g)
{
    json_t *list = json_array();

    for (size_t i = 0; i < fleet_authority_count(g->fleet); i++) {
        const struct authority *a = fleet_authority_at(g->fleet, i);
        json_t *ca = status_of_ca(a);

        add_directory(ca, a);
        (void)json_array_append_new(list, ca);
    }
    return list;
}

static json_t *warnings(const struct engine *g)
{
    json_t *list = json_array();
    char clock[256];

    for (size_t i = 0; i < g->warnings.n; i++)
        (void)json_array_append_new(list, json_string(g->warnings.v[i]));
    clock_describe(g, clock, sizeof clock);
    if (clock[0] != '\0')
        (void)json_array_append_new(list, json_string(clock));
    return list;
}

static json_t *confinement(const struct engine *g, uint64_t keeper_unknown)
{
    json_t *all = g->confinement != NULL ? json_deep_copy(g->confinement) : json_object();
    json_t *keeper = json_object_get(all, "keeper");

    (void)json_object_set_new(all, "engine", sandbox_report());
    if (json_is_object(keeper))
        (void)json_object_set_new(keeper, "unknown_syscalls", json_integer((json_int_t)keeper_unknown));
    return all;
}

json_t *status_of_daemon(const struct engine *g, uint64_t keeper_unknown)
{
    json_int_t repeated = 0;

    for (size_t i = 0; i < fleet_count(g->fleet); i++)
        repeated += fleet_at(g->fleet, i)->journal.repeated_orders;
    return json_pack("{ss sI sI sI sI sI sI so so so}", "version", ACMED_VERSION, "pid",
                     (json_int_t)getppid(), "started_at", (json_int_t)g->started_at, "now",
                     (json_int_t)engine_now(), "orders_in_flight", (json_int_t)fleet_in_flight(g->fleet),
                     "orders_waiting", (json_int_t)fleet_waiting(g->fleet), "repeated_orders", repeated,
                     "warnings", warnings(g), "cas", cas(g), "confinement", confinement(g, keeper_unknown));
}
