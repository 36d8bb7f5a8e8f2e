/* SPDX-License-Identifier: MIT */
#include "daemon/engine/plan.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/fleet.h"
#include "daemon/engine/status.h"
#include "lib/rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMITS_MAX 20 /* of one CA: the tightest */

static bool is_order(const struct status_verdict *v)
{
    return v->state != STATUS_ORDERING && v->state != STATUS_DEPLOYING && v->state != STATUS_UNMANAGED;
}

/* Those that are due first; of those that are due together the more urgent. */
static int compare_due(const void *a, const void *b)
{
    const struct planned *x = a;
    const struct planned *y = b;

    if (x->due != y->due)
        return x->due < y->due ? -1 : 1;
    if (fleet_is_more_urgent(x->certificate, y->certificate))
        return -1;
    return fleet_is_more_urgent(y->certificate, x->certificate) ? 1 : 0;
}

static int compare_at(const void *a, const void *b)
{
    const struct planned *x = a;
    const struct planned *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return strcmp(x->certificate->name, y->certificate->name);
}

static struct planned *gather(const struct engine *g, int64_t now, size_t *n)
{
    struct planned *v = calloc(fleet_count(g->fleet) + 1, sizeof *v);

    *n = 0;
    for (size_t i = 0; v != NULL && i < fleet_count(g->fleet); i++) {
        struct certificate *c = fleet_at(g->fleet, i);
        struct status_verdict verdict;
        int64_t due;

        if (c->config == NULL)
            continue;
        verdict = status_verdict_of(c);
        due = is_order(&verdict) ? c->plan.at : verdict.next_at;
        due = due > now ? due : now;
        v[(*n)++] = (struct planned){.certificate = c, .due = due, .at = due};
    }
    return v;
}

/* Takes the places that the CA's limits have, in the order in which they are due. False: out of memory. */
static bool forecast(const struct authority *a, struct planned *v, size_t n)
{
    struct gate *gate = gate_copy(authority_gate(a));

    if (gate == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct certificate *c = v[i].certificate;
        struct status_verdict verdict;

        if (c->ca != authority_ca(a))
            continue;
        verdict = status_verdict_of(c);
        if (is_order(&verdict))
            v[i].at = gate_forecast(gate, &c->config->domains, certificate_exemption(c), v[i].due);
    }
    gate_free(gate);
    return true;
}

static void mark(struct planned *v, size_t n, struct certificate *const *selected, size_t n_selected)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_selected && !v[i].selected; k++)
            v[i].selected = v[i].certificate == selected[k];
}

struct planned *plan_make(const struct engine *g, struct certificate *const *v, size_t n, int64_t now,
                          size_t *n_planned)
{
    struct planned *planned = gather(g, now, n_planned);

    if (planned == NULL)
        return NULL;
    qsort(planned, *n_planned, sizeof *planned, compare_due);
    for (size_t i = 0; i < fleet_authority_count(g->fleet); i++) {
        if (forecast(fleet_authority_at(g->fleet, i), planned, *n_planned))
            continue;
        free(planned);
        return NULL;
    }
    if (n < fleet_count(g->fleet))
        mark(planned, *n_planned, v, n);
    for (size_t i = 0; n == fleet_count(g->fleet) && i < *n_planned; i++)
        planned[i].selected = true;
    qsort(planned, *n_planned, sizeof *planned, compare_at);
    return planned;
}

/* What an order that is to come does. */
static void describe_order(const struct certificate *c, int64_t at, char *text, size_t size)
{
    const char *action = c->has_facts ? "renew" : "issue";

    if (rehearsal_is_due(c->config, c->has_facts ? &c->facts : NULL, &c->journal, &c->plan, at))
        (void)snprintf(text, size, "rehearse at CA %s, then %s", config_rehearsal_ca(c->config)->name,
                       action);
    else
        (void)snprintf(text, size, "%s", action);
}

json_t *plan_event_to_json(const struct planned *p)
{
    struct status_verdict v = status_verdict_of(p->certificate);
    const struct certificate *c = p->certificate;
    char order[CONFIG_NAME_MAX + 64];

    describe_order(c, p->at, order, sizeof order);
    return json_pack("{sI sI ss ss ss ss?}", "at", (json_int_t)p->at, "due", (json_int_t)p->due, "name",
                     c->name, "ca", c->ca->name, "action", is_order(&v) ? order : v.next_action, "reason",
                     v.reason[0] != '\0' ? v.reason : NULL);
}

/* ---- what the limits leave ---- */

static json_t *limit_to_json(const char *name, const struct ledger_rate *rate, const struct ledger_line *line)
{
    return json_pack("{ss ss sI sI sI sI sI}", "limit", name, "of", line->label, "allowed",
                     (json_int_t)rate->n, "window", (json_int_t)rate->window_s, "left",
                     (json_int_t)line->left, "room_at", (json_int_t)line->room_at, "full_at",
                     (json_int_t)line->full_at);
}

static json_t *limits_of(const struct gate *gate, int64_t now, size_t *in_use)
{
    const struct ledger *ledger = gate_ledger(gate);
    struct ledger_line lines[LIMITS_MAX];
    struct ledger_rate rate;
    json_t *list = json_array();
    size_t n = 0;

    *in_use = 0;
    if (gate_account_left(gate, now, &rate, &lines[0]))
        (void)json_array_append_new(list, limit_to_json("orders", &rate, &lines[0]));
    if (ledger != NULL)
        n = ledger_list(ledger, now, lines, LIMITS_MAX, in_use);
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, limit_to_json(ledger_limit_to_str(lines[i].limit),
                                                        ledger_rate(ledger, lines[i].limit), &lines[i]));
    return list;
}

json_t *plan_of_cas(const struct engine *g, int64_t now)
{
    json_t *list = json_array();

    for (size_t i = 0; i < fleet_authority_count(g->fleet); i++) {
        const struct authority *a = fleet_authority_at(g->fleet, i);
        json_t *ca = status_of_ca(a);
        size_t in_use;

        (void)json_object_set_new(ca, "limits", limits_of(authority_gate(a), now, &in_use));
        (void)json_object_set_new(ca, "limits_in_use", json_integer((json_int_t)in_use));
        (void)json_object_set_new(ca, "pace_ms", json_integer((json_int_t)gate_pace_ms(authority_gate(a))));
        (void)json_array_append_new(list, ca);
    }
    return list;
}
