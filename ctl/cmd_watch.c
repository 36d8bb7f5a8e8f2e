/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/gather.h"
#include "ctl/say.h"
#include "ctl/screen.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "ctl/when.h"

#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000 };

struct watch {
    struct ctl *c;
    struct gather g; /* what is known */
    struct screen screen;
    bool live; /* redrawn in place; else changes are appended as lines */
};

static void draw(struct watch *w)
{
    struct buf frame;
    struct buf out;

    buf_init(&frame, TEXT_MAX);
    buf_init(&out, TEXT_MAX);
    table_report(&frame, &w->g.fleet, &w->c->term, w->c->now());
    if (!frame.failed && frame.len > 0)
        screen_draw(&w->screen, &out, frame.data, &w->c->term);
    say_buf(w->c, &out);
    buf_clear(&frame);
    buf_clear(&out);
}

static void print_line(struct watch *w, const struct status_certificate *s)
{
    int64_t now = w->c->now();
    char when[WHEN_MAX];
    struct buf out;
    struct buf result;

    buf_init(&out, TEXT_MAX);
    buf_init(&result, TEXT_MAX);
    table_result(&result, s, now);
    (void)buf_addf(&out, "%s  %s  %s", when_date(when, now), s->lineage, status_state_to_str(s->state));
    if (s->not_after > 0)
        (void)buf_addf(&out, s->not_after > now ? "  expires %s" : "  expired %s",
                       when_relative(when, s->not_after, now));
    (void)buf_addf(&out, "  renews %s", table_renews(when, s, now));
    (void)buf_addf(&out, "  %s\n", result.data);
    say_buf(w->c, &out);
    buf_clear(&out);
    buf_clear(&result);
}

/* Whether it is worth a line. */
static bool changed(const struct status_certificate *a, const struct status_certificate *b)
{
    return a->state != b->state || strcmp(a->next_action, b->next_action) != 0 ||
           a->generation != b->generation || a->not_after != b->not_after ||
           a->last_error.at != b->last_error.at || a->renew_at != b->renew_at ||
           a->deployment.step != b->deployment.step || a->deployment.error.at != b->deployment.error.at;
}

static bool take_line(struct watch *w, const json_t *one, struct err *e)
{
    struct status_certificate s = {0};
    const struct status_certificate *old;

    if (!status_certificate_from_json(&s, one, e))
        return false;
    old = fleet_find(&w->g.fleet, s.lineage);
    if (old == NULL || changed(old, &s))
        print_line(w, &s);
    status_certificate_clear(&s);
    return true;
}

static bool take(struct watch *w, const json_t *parameters, struct err *e)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(parameters, "certificates"), i, one)
    {
        if (w->c->json)
            say_json(w->c, one, false);
        else if (!w->live && !take_line(w, one, e))
            return false;
    }
    if (w->c->json)
        return true;
    return fleet_add(&w->g.fleet, parameters, e);
}

/* One connection, until it ends. Replies that wait together are drawn together. */
static enum client_result watch_once(struct watch *w, struct client *client, enum ctl_exit *status,
                                     struct err *e)
{
    struct varlink_reply r;
    enum client_result result;
    bool go_on = true;

    while (go_on && ferror(w->c->out) == 0) {
        result = call_next(w->c, client, &r, 0, e);
        if (result == CLIENT_TIMEOUT) {
            if (w->live)
                draw(w);
            result = call_next(w->c, client, &r, w->live ? TICK_MS : -1, e);
        }
        if (result == CLIENT_INTERRUPTED)
            ctl_refresh(w->c);
        if (result == CLIENT_INTERRUPTED || result == CLIENT_TIMEOUT)
            continue;
        if (result != CLIENT_OK)
            return result;
        if (r.error != NULL)
            *status = say_error(w->c, &r);
        go_on = r.error == NULL && r.continues;
        if (r.error == NULL && !take(w, r.parameters, e)) {
            varlink_reply_clear(&r);
            return CLIENT_BROKEN;
        }
        varlink_reply_clear(&r);
    }
    return CLIENT_OK;
}

/* The daemon's own state is not part of the stream: it is asked for with every connection. */
static enum ctl_exit refill(struct watch *w)
{
    if (!w->live)
        return CTL_DONE;
    gather_clear(&w->g);
    return gather_status(w->c, &w->g);
}

static enum ctl_exit run(struct watch *w, const json_t *parameters)
{
    static const char method[] = "org.acmed.Control.Watch";
    enum ctl_exit status = refill(w);
    enum client_result result;
    struct client client;
    struct err e;
    int why;

    if (status != CTL_DONE)
        return status;
    client_init(&client, w->c->out_fd);
    result = call_begin(w->c, &client, method, json_deep_copy(parameters), true, &why, &e);
    if (why != 0)
        return say_unreachable(w->c, why);
    for (;;) {
        if (result == CLIENT_OK)
            result = watch_once(w, &client, &status, &e);
        if (result != CLIENT_CLOSED)
            break;
        say(w->c, "the daemon restarts or reloads; connecting again");
        screen_forget(&w->screen);
        result = CLIENT_OK;
        if (!call_again(w->c, &client, method, parameters))
            status = CTL_UNREACHABLE;
        else
            status = refill(w);
        if (status != CTL_DONE)
            break;
    }
    client_close(&client);
    return result == CLIENT_OK ? status : say_broken(w->c, result, &e);
}

enum ctl_exit command_watch(struct ctl *c)
{
    struct watch w = {.c = c, .live = c->term.cursor && c->term.height > 0 && !c->json};
    json_t *parameters = call_names(c);
    enum ctl_exit status;

    if (c->check) {
        say(c, "--check answers once and --watch never ends: say one of them");
        status = CTL_USAGE;
    } else {
        status = run(&w, parameters);
    }
    json_decref(parameters);
    screen_forget(&w.screen);
    gather_clear(&w.g);
    return status;
}
