/* SPDX-License-Identifier: MIT */
#include "daemon/engine/standby.h"

#include "daemon/engine/fleet.h"
#include "daemon/log.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_S (24 * 3600)

struct standby {
    struct engine *engine;
    struct authority_wait wait;
    struct authority *asked; /* NULL: none is under way */
    size_t next;             /* of the fleet's authorities */
    bool failed;             /* one of this round */
    struct timer again;
};

static bool is_second_choice(const struct fleet *f, const struct config_ca *ca)
{
    for (size_t i = 0; i < fleet_count(f); i++) {
        const struct config_certificate *c = fleet_at(f, i)->config;

        for (size_t k = 1; c != NULL && k < c->n_cas; k++)
            if (c->cas[k] == ca)
                return true;
    }
    return false;
}

/* The next that is not ready, one at a time. */
static void go_on(struct standby *s)
{
    struct fleet *f = s->engine->fleet;

    while (s->asked == NULL && s->next < fleet_authority_count(f) && !s->engine->stopping) {
        struct authority *a = fleet_authority_at(f, s->next++);

        if (authority_is_ready(a) || (!is_second_choice(f, authority_ca(a)) && authority_alarm(a) == NULL))
            continue;
        s->asked = a;
        authority_wait(a, &s->wait);
    }
    if (s->asked == NULL && s->failed && !timer_set(s->engine->timers, &s->again, engine_now() + AGAIN_S))
        log_error(NULL,
                  "out of memory: CAs that are second choice are not tried again before the next start");
}

/* The CA takes the account, whatever it was that the journals remember. */
static void forget_alarm(const struct standby *s)
{
    for (size_t i = 0; i < fleet_count(s->engine->fleet); i++) {
        struct certificate *c = fleet_at(s->engine->fleet, i);

        if (c->config == NULL || c->journal.alarm.at == 0 ||
            strcmp(c->journal.alarm.directory, authority_ca(s->asked)->directory) != 0)
            continue;
        journal_alarm_clear(&c->journal);
        (void)certificate_save(c, NULL, NULL);
    }
    fleet_changed(s->engine->fleet, authority_ca(s->asked));
}

static void on_ready(void *arg, const struct err *e)
{
    struct standby *s = arg;

    if (e == NULL) {
        forget_alarm(s);
    } else {
        s->failed = true;
        if (authority_alarm(s->asked) == NULL) /* else the log has it */
            log_warning(
                NULL,
                "CA %s, which is to help out when another one fails, is not ready for that: %s; tried "
                "again tomorrow, or when it is needed",
                authority_ca(s->asked)->name, e->text);
    }
    s->asked = NULL;
    go_on(s);
}

static void on_again(void *arg)
{
    struct standby *s = arg;

    s->next = 0;
    s->failed = false;
    go_on(s);
}

struct standby *standby_new(struct engine *g)
{
    struct standby *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->engine = g;
    s->wait = (struct authority_wait){.on_ready = on_ready, .arg = s};
    s->again = (struct timer){.pause = AGAIN_S, .on_due = on_again, .arg = s};
    return s;
}

void standby_free(struct standby *s)
{
    if (s == NULL)
        return;
    if (s->asked != NULL)
        authority_wait_cancel(s->asked, &s->wait);
    timer_cancel(s->engine->timers, &s->again);
    free(s);
}

void standby_idle(struct standby *s)
{
    go_on(s);
}
