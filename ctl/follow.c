/* SPDX-License-Identifier: MIT */
#include "ctl/errand.h"

#include "ctl/call.h"
#include "ctl/say.h"

#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000, TEXT_SIZE = 2048 };

struct follow {
    struct errand *a;
    struct fleet now;
    int64_t since; /* when the present connection began */
};

static bool settled(const struct errand *a, const char *name)
{
    return errand_outcome(a, name) != OUTCOME_OPEN;
}

/* One certificate as it is now. Nothing begun counts as the outcome only after a while: a daemon
 * that just started has first to read its journal. */
static void judge(struct follow *f, const struct status_certificate *s, bool changed)
{
    int64_t waited = f->a->c->now() - f->since;
    char text[TEXT_SIZE];
    enum outcome outcome;

    if (settled(f->a, s->lineage) || !errand_concerns(f->a, s))
        return;
    outcome = errand_judge(f->a, s, text, sizeof text);
    if (outcome == OUTCOME_UNKNOWN && waited < f->a->c->patience_ms / 1000)
        return;
    if (outcome == OUTCOME_UNKNOWN)
        errand_note(f->a, s->lineage, outcome,
                    "the daemon restarted and did not take it up again; say it once more");
    else if (outcome != OUTCOME_OPEN || changed)
        errand_note(f->a, s->lineage, outcome, text);
}

/* Whether every certificate that is concerned has its outcome. */
static bool finished(struct follow *f)
{
    bool all = f->now.n > 0;

    for (size_t i = 0; i < f->now.n; i++) {
        judge(f, &f->now.v[i], false);
        all = all && (settled(f->a, f->now.v[i].lineage) || !errand_concerns(f->a, &f->now.v[i]));
    }
    /* not yet told about by this connection, or gone with the new configuration */
    for (size_t i = 0; i < f->a->before.n; i++) {
        const struct status_certificate *s = &f->a->before.v[i];

        if (fleet_find(&f->now, s->lineage) != NULL || settled(f->a, s->lineage) || !errand_concerns(f->a, s))
            continue;
        if (f->a->c->now() - f->since >= f->a->c->patience_ms / 1000)
            errand_note(f->a, s->lineage, OUTCOME_UNKNOWN,
                        "the daemon restarted and does not know it any more");
        else
            all = false;
    }
    return all;
}

static bool take(struct follow *f, const json_t *parameters, struct err *e)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(parameters, "certificates"), i, one)
    {
        struct status_certificate s = {0};
        const struct status_certificate *old;

        if (!status_certificate_from_json(&s, one, e))
            return false;
        old = fleet_find(&f->now, s.lineage);
        judge(f, &s, old == NULL || old->state != s.state || strcmp(old->next_action, s.next_action) != 0);
        status_certificate_clear(&s);
    }
    return fleet_add(&f->now, parameters, e);
}

/* One connection, until it ends or everything is known. */
static enum client_result watch(struct follow *f, struct client *client, enum ctl_exit *status, struct err *e)
{
    struct varlink_reply r;
    enum client_result result;
    bool ok = true;

    f->since = f->a->c->now();
    fleet_clear(&f->now);
    while (ok && !finished(f)) {
        result = call_next(f->a->c, client, &r, f->a->c->pause_ms < TICK_MS ? f->a->c->pause_ms : TICK_MS, e);
        if (result == CLIENT_TIMEOUT || result == CLIENT_INTERRUPTED)
            continue;
        if (result != CLIENT_OK)
            return result;
        ok = r.error == NULL && take(f, r.parameters, e);
        if (r.error != NULL)
            *status = say_error(f->a->c, &r);
        else if (!ok)
            *status = say_broken(f->a->c, CLIENT_BROKEN, e);
        varlink_reply_clear(&r);
    }
    return CLIENT_OK;
}

enum ctl_exit follow_errand(struct errand *a)
{
    struct follow f = {.a = a};
    json_t *parameters = call_names(a->c);
    enum client_result result = CLIENT_CLOSED;
    enum ctl_exit status = CTL_DONE;
    enum ctl_exit finish;
    struct client client;
    struct err e;

    client_init(&client, a->c->out_fd);
    while (result == CLIENT_CLOSED && status == CTL_DONE) {
        say(a->c, "the daemon restarts or reloads; connecting again");
        if (!call_again(a->c, &client, "org.acmed.Control.Watch", parameters)) {
            say(a->c, "what was begun is in its journal and goes on when it starts");
            status = CTL_UNREACHABLE;
            break;
        }
        result = watch(&f, &client, &status, &e);
    }
    if (result != CLIENT_OK && status == CTL_DONE)
        status = say_broken(a->c, result, &e);
    client_close(&client);
    json_decref(parameters);
    fleet_clear(&f.now);
    finish = errand_finish(a);
    return status != CTL_DONE ? status : finish;
}
