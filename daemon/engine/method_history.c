/* SPDX-License-Identifier: MIT */
#include "daemon/engine/methods.h"

#include "daemon/engine/fleet.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 2000 /* in one reply: the newest */

struct history_call {
    struct peer *peer;
    struct certificate **v; /* whose; owned; NULL: all */
    size_t n;
    bool follows;
    json_t *early; /* array of what happened since the call, until the files are read; then NULL */
    struct feed_listener listener;
};

/* One line of a history file as an event; what hooks printed is not for everybody. NULL: not a line of ours.
 */
static json_t *parse_event(const char *line, size_t len, bool with_output)
{
    json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(j) || !json_is_integer(json_object_get(j, "at")) ||
        !json_is_string(json_object_get(j, "text"))) {
        json_decref(j);
        return NULL;
    }
    if (!with_output)
        (void)json_object_set_new(j, "output", json_null());
    return j;
}

static void add_file(struct peer *p, json_t *events, const char *name)
{
    size_t len = 0;
    char *text = state_files_history(&peer_engine(p)->files, name, &len);
    const char *line = text;

    while (line != NULL && line < text + len) {
        const char *end = memchr(line, '\n', (size_t)(text + len - line));
        size_t n = end != NULL ? (size_t)(end - line) : (size_t)(text + len - line);
        json_t *event = parse_event(line, n, peer_may_control(p));

        if (event != NULL)
            (void)json_array_append_new(events, event);
        line += n + 1;
    }
    free(text);
}

struct sortable {
    json_int_t at;
    size_t place; /* events of one second keep their order */
    json_t *event;
};

static int compare(const void *a, const void *b)
{
    const struct sortable *x = a;
    const struct sortable *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* The newest events in order of time. New reference; events is stolen. */
static json_t *newest(json_t *events)
{
    size_t n = json_array_size(events);
    struct sortable *v = calloc(n + 1, sizeof *v);
    json_t *sorted = json_array();

    for (size_t i = 0; v != NULL && i < n; i++) {
        json_t *event = json_array_get(events, i);

        v[i] = (struct sortable){json_integer_value(json_object_get(event, "at")), i, event};
    }
    if (v != NULL) {
        qsort(v, n, sizeof *v, compare);
        for (size_t i = n > EVENTS_MAX ? n - EVENTS_MAX : 0; i < n; i++)
            (void)json_array_append(sorted, v[i].event);
    }
    free(v);
    json_decref(events);
    return sorted;
}

static bool is_followed(const struct history_call *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->v[i]->name, name) == 0)
            return true;
    return h->v == NULL;
}

static void on_event(void *arg, const char *name, const char *line)
{
    struct history_call *h = arg;
    json_t *event;

    if (!is_followed(h, name))
        return;
    event = parse_event(line, strlen(line), peer_may_control(h->peer));
    if (h->early != NULL)
        (void)json_array_append_new(h->early, event);
    else if (event != NULL)
        peer_reply(h->peer, json_pack("{s[o]}", "events", event), true);
}

static void end(void *arg)
{
    struct history_call *h = arg;

    if (h->follows)
        feed_leave(peer_engine(h->peer)->feed, &h->listener);
    writer_forget(peer_engine(h->peer)->writer, h);
    json_decref(h->early);
    free(h->v);
    free(h);
}

static bool has_event(const json_t *events, const json_t *event)
{
    size_t i;
    const json_t *e;

    json_array_foreach(events, i, e)
    {
        if (json_equal(e, event))
            return true;
    }
    return false;
}

/* What happened since the call may be in the files by now, or not yet. */
static void add_early(const struct history_call *h, json_t *events)
{
    size_t i;
    json_t *event;

    json_array_foreach(h->early, i, event)
    {
        if (!has_event(events, event))
            (void)json_array_append(events, event);
    }
}

/* All that was told when the call came is in the files. */
static void on_settled(void *arg, const struct err *error)
{
    struct history_call *h = arg;
    const struct fleet *f = peer_engine(h->peer)->fleet;
    json_t *events = json_array();

    (void)error;
    for (size_t i = 0; i < h->n; i++)
        add_file(h->peer, events, h->v[i]->name);
    for (size_t i = 0; h->v == NULL && i < fleet_count(f); i++)
        add_file(h->peer, events, fleet_at(f, i)->name);
    add_early(h, events);
    json_decref(h->early);
    h->early = NULL;
    peer_reply(h->peer, json_pack("{so}", "events", newest(events)), h->follows);
}

void method_history(struct peer *p, const json_t *parameters)
{
    struct history_call *h;
    struct certificate **v = NULL;
    const char *name = NULL;
    bool follows = false;
    size_t n = 0;

    if (!method_string(p, parameters, "name", &name) || !method_bool(p, parameters, "follow", &follows) ||
        (name != NULL && !method_named(p, name, &v, &n)))
        return;
    h = calloc(1, sizeof *h);
    if (h == NULL) {
        free(v);
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return;
    }
    *h = (struct history_call){.peer = p, .v = v, .n = n, .follows = follows && peer_wants_more(p)};
    h->listener = (struct feed_listener){.on_event = on_event, .arg = h};
    h->early = json_array();
    if (h->follows)
        feed_join(peer_engine(p)->feed, &h->listener);
    peer_continue(p, NULL, end, h);
    if (!writer_settle(peer_engine(p)->writer, on_settled, h))
        on_settled(h, NULL);
}
