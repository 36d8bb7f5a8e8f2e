/* SPDX-License-Identifier: MIT */
#include "ctl/commands.h"

#include "ctl/call.h"
#include "ctl/say.h"
#include "ctl/text.h"
#include "ctl/when.h"

#include <string.h>

struct past {
    struct ctl *c;
    struct buf out;
    int64_t last_at;   /* of the newest event printed */
    size_t at_last;    /* how many of that second were printed */
    size_t seen_again; /* how many of that second the present connection has repeated */
    bool repeating;    /* the connection is not the first: it tells the known past again */
};

static const char *text_of(const json_t *event, const char *key)
{
    const char *s = json_string_value(json_object_get(event, key));

    return s != NULL ? s : "";
}

/* What a hook printed, set off from what acmed says. */
static void add_output(struct buf *out, const char *s)
{
    while (*s != '\0') {
        size_t len = strcspn(s, "\n");

        (void)buf_addstr(out, "    | ");
        (void)buf_add(out, s, len);
        (void)buf_addch(out, '\n');
        s += len + (s[len] == '\n');
    }
}

static enum term_paint paint_of(const char *event)
{
    if (strstr(event, "failed") != NULL || strcmp(event, "damaged") == 0)
        return TERM_RED;
    return strcmp(event, "issued") == 0 || strcmp(event, "deployed") == 0 || strcmp(event, "verified") == 0
               ? TERM_GREEN
               : TERM_PLAIN;
}

static void add_event(struct past *p, const json_t *event)
{
    const char *kind = text_of(event, "event");
    char when[WHEN_MAX];
    struct buf text;
    int column;

    (void)when_date(when, json_integer_value(json_object_get(event, "at")));
    term_add(&p->c->term, &p->out, TERM_DIM, when);
    (void)buf_addf(&p->out, "  %s  ", text_of(event, "name"));
    term_add(&p->c->term, &p->out, paint_of(kind), kind);
    column = text_width(when) + text_width(text_of(event, "name")) + text_width(kind) + 4;
    buf_init(&text, TEXT_MAX);
    (void)buf_addf(&text, ": %s", text_of(event, "text"));
    if (!p->c->term.tty)
        (void)buf_addf(&p->out, "%s\n", text.data);
    else if (!text.failed)
        text_add_wrapped(&p->out, text.data, column, 4, p->c->term.width);
    buf_clear(&text);
    add_output(&p->out, text_of(event, "output"));
}

/* After a new connection the events that were printed come once more. */
static bool known(struct past *p, int64_t at)
{
    if (p->repeating && at < p->last_at)
        return true;
    if (p->repeating && at == p->last_at && p->seen_again < p->at_last) {
        p->seen_again++;
        return true;
    }
    p->at_last = at == p->last_at ? p->at_last + 1 : 1;
    p->last_at = at;
    p->repeating = false;
    return false;
}

static bool on_events(void *arg, const json_t *parameters)
{
    struct past *p = arg;
    const json_t *event;
    size_t i;

    json_array_foreach(json_object_get(parameters, "events"), i, event)
    {
        if (known(p, json_integer_value(json_object_get(event, "at"))))
            continue;
        if (p->c->json)
            say_json(p->c, event, false);
        else
            add_event(p, event);
    }
    say_buf(p->c, &p->out);
    return ferror(p->c->out) == 0;
}

/* One connection, until it ends. */
static enum client_result follow_once(struct past *p, struct client *client, enum ctl_exit *status,
                                      struct err *e)
{
    struct varlink_reply r;
    enum client_result result;
    bool go_on = true;

    while (go_on) {
        result = call_next(p->c, client, &r, -1, e);
        if (result == CLIENT_INTERRUPTED) {
            ctl_refresh(p->c);
            continue;
        }
        if (result != CLIENT_OK)
            return result;
        if (r.error != NULL)
            *status = say_error(p->c, &r);
        go_on = r.error == NULL && on_events(p, r.parameters) && r.continues;
        varlink_reply_clear(&r);
    }
    return CLIENT_OK;
}

static enum ctl_exit follow(struct past *p, const json_t *parameters)
{
    static const char method[] = "org.acmed.Control.History";
    enum ctl_exit status = CTL_DONE;
    enum client_result result;
    struct client client;
    struct err e;
    int why;

    client_init(&client, p->c->out_fd);
    result = call_begin(p->c, &client, method, json_deep_copy(parameters), true, &why, &e);
    if (why != 0)
        return say_unreachable(p->c, why);
    for (;;) {
        if (result == CLIENT_OK)
            result = follow_once(p, &client, &status, &e);
        if (result != CLIENT_CLOSED)
            break;
        say(p->c, "the daemon restarts or reloads; connecting again");
        p->repeating = true;
        p->seen_again = 0;
        if (!call_again(p->c, &client, method, parameters)) {
            client_close(&client);
            return CTL_UNREACHABLE;
        }
        result = CLIENT_OK;
    }
    client_close(&client);
    return result == CLIENT_OK ? status : say_broken(p->c, result, &e);
}

enum ctl_exit command_history(struct ctl *c)
{
    struct past p = {.c = c};
    json_t *parameters = json_object();
    enum ctl_exit status;

    buf_init(&p.out, TEXT_MAX);
    if (c->n_args > 0)
        (void)json_object_set_new(parameters, "name", json_string(c->args[0]));
    if (c->follow) {
        (void)json_object_set_new(parameters, "follow", json_true());
        status = follow(&p, parameters);
        json_decref(parameters);
    } else {
        status = call_run(c, "org.acmed.Control.History", parameters, true, on_events, &p);
        if (status == CTL_DONE && !c->json && p.last_at == 0)
            (void)fputs("Nothing has happened yet.\n", c->out);
    }
    buf_clear(&p.out);
    return status;
}
