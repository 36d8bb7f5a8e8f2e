/* SPDX-License-Identifier: MIT */
/* Which of its CAs a certificate is ordered at: lib/ca_choice.h says, this does. */

#include "daemon/engine/certificate.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/fleet.h"
#include "daemon/log.h"

#include <string.h>

void certificate_choose_ca(struct certificate *c)
{
    const char *in_flight = c->journal.order_url != NULL ? c->journal.order_ca : NULL;

    c->ca = ca_choice_now(&c->journal.ca_choice, c->config, engine_now(), NULL);
    /* An order that is half done is finished where it was begun. */
    for (size_t i = 0; in_flight != NULL && i < c->config->n_cas; i++)
        if (strcmp(c->config->cas[i]->name, in_flight) == 0)
            c->ca = c->config->cas[i];
}

bool certificate_move(struct certificate *c, const struct ca_trouble *t, const char *why, int64_t *at)
{
    struct ca_choice *choice = &c->journal.ca_choice;
    const struct config_ca *from = c->ca;
    int64_t now = engine_now();
    bool again;

    ca_choice_failing(choice, now);
    *at = ca_choice_patience(choice, c->config, c->has_facts ? &c->facts : NULL, c->plan.renew_at, t, now);
    if (*at > now || !ca_choice_pass(choice, from, t, now))
        return false;
    c->ca = ca_choice_now(choice, c->config, now, &again);
    if (c->ca == from)
        return false;
    journal_drop_order(&c->journal);
    log_notice(c->name, "CA %s is asked instead of %s%s: %s", c->ca->name, from->name,
               again ? ", when it is time to try again" : "", why);
    feed_event(c->engine->feed, c->name, "moved", NULL, "to CA %s; CA %s: %s", c->ca->name, from->name, why);
    feed_changed(c->engine->feed, c->name);
    return !again;
}

/* What a closed gate means for those behind it. */
static struct ca_trouble trouble_at(const struct gate *gate, struct gate_answer answer)
{
    struct ca_trouble t = {.class = ERR_CLASS_RATE_LIMITED, .opens_at = answer.until};

    if (answer.cause == GATE_CAUSE_UNREACHABLE || answer.cause == GATE_CAUSE_REFUSED)
        t.class = gate_class(gate);
    t.limit = answer.cause == GATE_CAUSE_LIMIT || answer.cause == GATE_CAUSE_PACE;
    return t;
}

bool certificate_leave_gate(struct certificate *c, const struct authority *a, struct gate_answer answer,
                            int64_t *at)
{
    struct ca_trouble t = trouble_at(authority_gate(a), answer);
    char why[ERR_TEXT_MAX + 128];

    *at = CA_CHOICE_NEVER;
    /* While one goes first to see how things are, nothing is known. */
    if (c->config->n_cas < 2 || answer.cause == GATE_CAUSE_PROBE)
        return false;
    authority_describe_wait(a, answer, why, sizeof why);
    if (!certificate_move(c, &t, why, at))
        return false;
    c->journal.attempts = 0;
    (void)certificate_save(c, NULL, NULL);
    return true;
}
