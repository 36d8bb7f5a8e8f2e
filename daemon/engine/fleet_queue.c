/* SPDX-License-Identifier: MIT */
/* Who orders now: the certificates that are due, in order of urgency; a place (lib/places.h) for each that
 * goes. */

#include "daemon/engine/fleet_parts.h"

#include "daemon/engine/rehearsal.h"
#include "daemon/engine/rehearsals.h"
#include "daemon/engine/reloads.h"
#include "daemon/engine/standby.h"
#include "daemon/log.h"

#include <string.h>

#define EQUALS_S (6 * 3600) /* certificates whose time is up so close together are equally urgent */

bool fleet_is_more_urgent(const struct certificate *a, const struct certificate *b)
{
    int64_t a_at = a->has_facts ? renewal_deadline(&a->facts, &a->journal) : 0;
    int64_t b_at = b->has_facts ? renewal_deadline(&b->facts, &b->journal) : 0;

    if (a->has_facts != b->has_facts)
        return a->has_facts;
    if (a_at / EQUALS_S == b_at / EQUALS_S && certificate_exemption(a) != certificate_exemption(b))
        return certificate_exemption(a) > certificate_exemption(b);
    return a_at < b_at;
}

/* Where somebody waits for it: else thousands in the queue would be looked at whenever an order ends. */
static bool has_place_somewhere(const struct fleet *f)
{
    for (size_t i = 0; i < f->n_authorities; i++)
        if (authority_queued(f->authorities[i]) > 0 &&
            authority_has_place(f->authorities[i], f->engine->config))
            return true;
    return false;
}

static void take_off(struct fleet *f, size_t i, struct authority *a)
{
    struct certificate *c = f->queue[i];

    memmove(f->queue + i, f->queue + i + 1, (--f->n_queue - i) * sizeof(struct certificate *));
    c->queued = false;
    authority_queue(a, false);
    f->flying[f->in_flight++] = c;
    certificate_attempt(c, a);
}

/* Enough orders wait for keys that take long to make; more of them would only wait at the CA. */
static bool is_overtaken(const struct fleet *f, const struct certificate *c)
{
    return key_type_is_slow(c->config->key) && f->keyless >= f->engine->config->max_orders;
}

/* As certificate_leave_gate(). It may be another CA's turn also for who waits on. */
static bool leave_gate(struct fleet *f, struct certificate *c, struct authority *a, struct gate_answer answer,
                       int64_t *at)
{
    bool left = certificate_leave_gate(c, a, answer, at);

    authority_queue(a, false);
    authority_queue(fleet_authority(f, c->ca), true);
    return left;
}

/* Begins what may begin, in order of urgency; the rest waits for a place, for a gate, or for a moment in the
 * CA's limits. */
void fleet_start_next(void *arg)
{
    struct fleet *f = arg;
    const struct authority *held = NULL; /* the last CA found to take no order at all */
    struct gate_answer answer = {0};
    int64_t now = engine_now();
    int64_t again = 0;
    int64_t leave_at;
    size_t i = 0;

    while (i < f->n_queue && !f->engine->stopping && has_place_somewhere(f)) {
        struct certificate *c = f->queue[i];
        struct authority *a = fleet_authority(f, c->ca);

        if (!authority_has_place(a, f->engine->config) || rehearsal_is_under_way(c->rehearsal) ||
            is_overtaken(f, c)) {
            i++; /* begins when another has ended */
            continue;
        }
        if (a != held)
            answer = authority_ask(a, &c->config->domains, certificate_exemption(c), now);
        if (answer.go) {
            take_off(f, i, a);
            continue;
        }
        if (leave_gate(f, c, a, answer, &leave_at))
            continue; /* to the gate of another CA */
        if (leave_at < CA_CHOICE_NEVER && (again == 0 || leave_at < again))
            again = leave_at;
        held = gate_holds_all(answer.cause) ? a : NULL;
        if (answer.until != 0 && (again == 0 || answer.until < again))
            again = answer.until;
        certificate_tell_wait(c, answer);
        i++;
    }
    leave_at = rehearsals_go_on(f->engine->rehearsals);
    if (leave_at != 0 && (again == 0 || leave_at < again))
        again = leave_at;
    if (f->in_flight == 0 && f->n_queue == 0)
        standby_idle(f->engine->standby);
    if (again != 0 && !timer_set(f->engine->timers, &f->gate_opens, again))
        log_error(NULL, "out of memory: waiting orders begin when the next one ends");
}

void fleet_queue(struct fleet *f, struct certificate *c)
{
    size_t low = 0;
    size_t high = f->n_queue;

    if (c->queued)
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (fleet_is_more_urgent(c, f->queue[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    memmove(f->queue + low + 1, f->queue + low, (f->n_queue++ - low) * sizeof(struct certificate *));
    f->queue[low] = c;
    c->queued = true;
    authority_queue(fleet_authority(f, c->ca), true);
    loop_delay_start(f->start_soon, 0);
}

void fleet_done(struct fleet *f, struct certificate *c)
{
    unsigned i = 0;

    while (i + 1 < f->in_flight && f->flying[i] != c)
        i++;
    f->flying[i] = f->flying[--f->in_flight];
    if (f->in_flight == 0 && f->engine->stopping)
        loop_delay_start(f->engine->grace, 0);
    reloads_reconsider(f->engine->reloads);
    loop_delay_start(f->start_soon, 0);
}

void fleet_wait_for_key(struct fleet *f, bool waits)
{
    if (waits)
        f->keyless++;
    else
        f->keyless--;
    fleet_reconsider(f);
}

void fleet_changed(const struct fleet *f, const struct config_ca *ca)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i]->ca == ca)
            feed_changed(f->engine->feed, f->v[i]->name);
}

void fleet_reconsider(struct fleet *f)
{
    loop_delay_start(f->start_soon, 0);
}

const struct certificate *fleet_in_flight_at(const struct fleet *f, unsigned i)
{
    return f->flying[i];
}

unsigned fleet_in_flight(const struct fleet *f)
{
    return f->in_flight;
}

unsigned fleet_waiting(const struct fleet *f)
{
    return (unsigned)f->n_queue;
}
