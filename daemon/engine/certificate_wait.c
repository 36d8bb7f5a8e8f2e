/* SPDX-License-Identifier: MIT */
#include "daemon/engine/certificate.h"

#include "daemon/engine/authority.h"
#include "daemon/engine/fleet.h"

#include <stdio.h>

void certificate_wait_at_gate(struct certificate *c, const struct authority *a, int64_t now, char *next,
                              size_t size)
{
    struct journal *j = &c->journal;
    struct gate_answer answer =
        gate_ask(authority_gate(a), &c->config->domains, certificate_exemption(c), now);
    int64_t in = answer.until - now;
    const char *unit = in < 120 ? "s" : in < 7200 ? "min" : "h";
    int64_t seconds = in < 120 ? 1 : in < 7200 ? 60 : 3600;

    j->not_before = 0;
    j->attempts -= j->attempts > 0 ? 1 : 0;
    if (in <= 0)
        (void)snprintf(next, size, "it goes on when CA %s can be had again", authority_ca(a)->name);
    else
        (void)snprintf(next, size, "CA %s is asked again in %lld %s, %u more waiting", authority_ca(a)->name,
                       (long long)((in + seconds - 1) / seconds), unit, authority_queued(a));
}

void certificate_tell_wait(struct certificate *c, struct gate_answer answer)
{
    char text[ERR_TEXT_MAX + 128];
    char until[32];

    if (!c->journal.issued_by_force_pending || c->told == answer.cause)
        return;
    c->told = answer.cause;
    authority_describe_wait(fleet_authority(c->engine->fleet, c->ca), answer, text, sizeof text);
    renewal_time_to_str(answer.until, until, sizeof until);
    feed_progress(c->engine->feed, c->name, NULL, "waiting: %s%s%s", text,
                  answer.until != 0 ? "; until " : "", answer.until != 0 ? until : "");
}
