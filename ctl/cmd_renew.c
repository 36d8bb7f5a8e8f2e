/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/errand.h"
#include "ctl/gather.h"
#include "ctl/say.h"

#include <string.h>

enum { QUIET_SHARE = 6 }; /* silence for this part of c->patience_ms, and the state is asked for */

/* What a connection came to. */
enum end { END_FINAL, END_ERROR, END_TOO_MANY, END_CLOSED };

/* Nothing was heard for a while: what the daemon waits for. */
static void tell_state(struct errand *a)
{
    struct gather g;

    if (gather_status(a->c, &g) == CTL_DONE) {
        for (size_t i = 0; i < g.fleet.n; i++) {
            const struct status_certificate *s = &g.fleet.v[i];

            if (s->state != STATUS_VALID && errand_concerns(a, s))
                errand_note(a, s->lineage, OUTCOME_OPEN, s->reason != NULL ? s->reason : s->next_action);
        }
    }
    gather_clear(&g);
}

static enum end talk(struct errand *a, struct client *client, enum ctl_exit *status)
{
    struct varlink_reply r;
    enum client_result result;
    enum end end = END_FINAL;
    struct err e;
    bool quiet = !a->c->json;
    bool go_on = true;

    while (go_on) {
        /* orders may wait for hours: as long as the daemon holds the connection, so do we */
        result = call_next(a->c, client, &r, quiet ? a->c->patience_ms / QUIET_SHARE : -1, &e);
        if (result == CLIENT_INTERRUPTED)
            continue;
        if (result == CLIENT_TIMEOUT) {
            tell_state(a);
            quiet = false;
            continue;
        }
        quiet = false;
        if (result == CLIENT_CLOSED)
            return END_CLOSED;
        if (result != CLIENT_OK) {
            *status = say_broken(a->c, result, &e);
            return END_ERROR;
        }
        go_on = r.error == NULL && r.continues;
        if (r.error == NULL) {
            errand_progress(a, r.parameters, !r.continues);
        } else if (strcmp(r.error, "org.acmed.Control.TooMany") == 0 && a->c->ask && !a->c->all) {
            (void)fprintf(a->c->err, "This renews %" JSON_INTEGER_FORMAT " certificates. Go on? [y/N] ",
                          json_integer_value(json_object_get(r.parameters, "count")));
            end = END_TOO_MANY;
        } else {
            *status = say_error(a->c, &r);
            end = END_ERROR;
        }
        varlink_reply_clear(&r);
    }
    return end;
}

static enum ctl_exit run(struct errand *a, const char *method, json_t *parameters)
{
    enum ctl_exit status = CTL_DONE;
    enum client_result result;
    enum end end = END_TOO_MANY;
    struct client client;
    struct err e;
    int why = 0;

    client_init(&client, a->c->out_fd);
    for (int i = 0; end == END_TOO_MANY && i < 2; i++) {
        if (i > 0 && !say_wait_yes(a->c)) {
            say(a->c, "nothing was renewed");
            client_close(&client);
            return CTL_FAILED;
        }
        if (i > 0) {
            a->c->all = true;
            (void)json_object_set_new(parameters, "all", json_true());
        }
        result = call_begin(a->c, &client, method, json_deep_copy(parameters), true, &why, &e);
        if (why != 0)
            return say_unreachable(a->c, why);
        if (result != CLIENT_OK && result != CLIENT_CLOSED) {
            client_close(&client);
            return say_broken(a->c, result, &e);
        }
        end = result == CLIENT_OK ? talk(a, &client, &status) : END_CLOSED;
    }
    client_close(&client);
    if (end == END_CLOSED && a->c->no_wait)
        return say_broken(a->c, CLIENT_CLOSED, &e);
    if (end == END_CLOSED)
        return follow_errand(a);
    return end == END_FINAL ? errand_finish(a) : status;
}

/* The certificates are looked at first: only then can be told, after a restart of the daemon, what it came
 * to. */
static enum ctl_exit start(struct ctl *c, bool deploy, const char *method, json_t *parameters)
{
    struct errand a = {.c = c, .deploy = deploy, .started = c->now()};
    struct gather g = {0};
    enum ctl_exit status = c->no_wait ? CTL_DONE : gather_status(c, &g);

    a.before = g.fleet;
    g.fleet = (struct fleet){0};
    if (c->no_wait)
        (void)json_object_set_new(parameters, "wait", json_false());
    if (status == CTL_DONE)
        status = run(&a, method, parameters);
    json_decref(parameters);
    gather_clear(&g);
    errand_clear(&a);
    return status;
}

enum ctl_exit command_renew(struct ctl *c)
{
    json_t *parameters;

    /* `renew now NAME` and `renew NAME` are the same */
    if (strcmp(c->args[0], "now") == 0) {
        c->args++;
        c->n_args--;
    }
    parameters = call_names(c);
    if (c->all)
        (void)json_object_set_new(parameters, "all", json_true());
    if (c->force)
        (void)json_object_set_new(parameters, "force", json_true());
    return start(c, false, "org.acmed.Control.Renew", parameters);
}

enum ctl_exit command_deploy(struct ctl *c)
{
    return start(c, true, "org.acmed.Control.Deploy", json_pack("{s:s}", "name", c->args[0]));
}

enum ctl_exit command_rollback(struct ctl *c)
{
    json_t *parameters = json_pack("{s:s}", "name", c->args[0]);

    if (c->generation != 0)
        (void)json_object_set_new(parameters, "generation", json_integer(c->generation));
    return start(c, true, "org.acmed.Control.Rollback", parameters);
}
