/* SPDX-License-Identifier: MIT */
#include "daemon/engine/methods.h"

#include "daemon/engine/plan.h"

#include <stdlib.h>

#define DAYS_DEFAULT 7
#define DAYS_MAX     366

/* Plan: made at once, and sent as the client drains it, one event a reply with `more`. */
struct plan_call {
    struct peer *peer;
    struct planned *v; /* owned; those that were asked for */
    size_t n;
    size_t sent;
    size_t later; /* that lie behind the last day */
    int64_t now;
};

static void end_plan(void *arg)
{
    struct plan_call *p = arg;

    free(p->v);
    free(p);
}

/* The last reply has the rest. */
static json_t *make_reply(struct plan_call *p, size_t count)
{
    json_t *events = json_array();
    bool last = p->sent + count == p->n;

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(events, plan_event_to_json(&p->v[p->sent + i]));
    p->sent += count;
    return json_pack("{so so sI}", "events", events, "cas",
                     last ? plan_of_cas(peer_engine(p->peer), p->now) : json_array(), "later",
                     (json_int_t)(last ? p->later : 0));
}

static void on_drained(void *arg)
{
    struct plan_call *p = arg;

    if (!peer_wants_more(p->peer)) {
        peer_reply(p->peer, make_reply(p, p->n), false);
        return;
    }
    while (p->sent + 1 < p->n && peer_is_drained(p->peer))
        peer_reply(p->peer, make_reply(p, 1), true);
    if (p->sent + 1 >= p->n)
        peer_reply(p->peer, make_reply(p, p->n - p->sent), false);
}

/* What was not asked for, or lies too far ahead, is left out. */
static void narrow(struct plan_call *p, int64_t until)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n; i++) {
        if (!p->v[i].selected)
            continue;
        if (p->v[i].at > until)
            p->later++;
        else
            p->v[kept++] = p->v[i];
    }
    p->n = kept;
}

void method_plan(struct peer *peer, const json_t *parameters)
{
    struct plan_call *p;
    struct certificate **selected = NULL;
    int64_t days = DAYS_DEFAULT;
    bool named;
    size_t n;

    if (!method_int(peer, parameters, "days", 1, DAYS_MAX, &days) ||
        !method_selection(peer, parameters, &selected, &n, &named))
        return;
    p = calloc(1, sizeof *p);
    if (p != NULL) {
        p->peer = peer;
        p->now = engine_now();
        p->v = plan_make(peer_engine(peer), selected, n, p->now, &p->n);
    }
    free(selected);
    if (p == NULL || p->v == NULL) {
        free(p);
        peer_error(peer, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return;
    }
    narrow(p, p->now + days * 86400);
    peer_continue(peer, on_drained, end_plan, p);
    on_drained(p);
}
