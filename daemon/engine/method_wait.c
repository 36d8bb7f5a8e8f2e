/* SPDX-License-Identifier: MIT */
#include "daemon/engine/method_wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *progress(const struct wait_target *t, const char *text, const char *outcome)
{
    return json_pack("{sI ss ss ss?}", "at", (json_int_t)engine_now(), "name", t->c->name, "text", text,
                     "outcome", outcome);
}

/* The last reply: every certificate with its outcome. */
static void finish(struct wait_call *w)
{
    bool is_lost = w->lost.class != ERR_CLASS_NONE;
    char under_way[ERR_TEXT_MAX + 128] = "under way";
    json_t *list = json_array();

    if (is_lost)
        (void)snprintf(
            under_way, sizeof under_way,
            "under way, but a restart of acmed would forget it: the request could not be written: %s",
            w->lost.text);
    for (size_t i = 0; i < w->n; i++) {
        const struct wait_target *t = &w->v[i];

        (void)json_array_append_new(list, progress(t, t->text != NULL ? t->text : under_way,
                                                   t->outcome == NULL && is_lost ? "failed" : t->outcome));
    }
    peer_reply(w->peer, json_pack("{so}", "progress", list), false);
}

/* Who does not wait for the outcomes is answered when a restart would not forget what was asked for. */
static void finish_if_over(struct wait_call *w)
{
    if (w->started && (w->wait ? w->open == 0 : w->unsaved == 0))
        finish(w);
}

void wait_on_durable(void *arg, const struct err *e)
{
    struct wait_call *w = arg;

    w->unsaved--;
    if (e != NULL)
        w->lost = *e;
    finish_if_over(w);
}

static const char *constant_outcome(const char *outcome)
{
    return strcmp(outcome, "done") == 0 ? "done" : strcmp(outcome, "skipped") == 0 ? "skipped" : "failed";
}

void wait_settle(struct wait_call *w, struct wait_target *t, const char *text, const char *outcome)
{
    t->outcome = constant_outcome(outcome);
    t->text = strdup(text);
    w->open--;
}

static void on_progress(void *arg, const char *name, const char *text, const char *outcome)
{
    struct wait_call *w = arg;

    for (size_t i = 0; i < w->n; i++) {
        struct wait_target *t = &w->v[i];

        if (t->outcome != NULL || strcmp(t->c->name, name) != 0)
            continue;
        /* What an older deployment comes to is not the end while an order is still under way. */
        if (outcome != NULL && !w->rehearsal && (t->c->issuance != NULL || t->c->queued))
            outcome = NULL;
        /* Who does not wait learns that the request was taken, however soon something comes of it. */
        if (w->started && !w->wait)
            outcome = NULL;
        if (outcome != NULL)
            wait_settle(w, t, text, outcome);
        if (peer_wants_more(w->peer))
            peer_reply(w->peer, json_pack("{s[o]}", "progress", progress(t, text, outcome)), true);
        break;
    }
    finish_if_over(w);
}

static void end_wait(void *arg)
{
    struct wait_call *w = arg;

    writer_forget(peer_engine(w->peer)->writer, w);
    feed_leave(peer_engine(w->peer)->feed, &w->listener);
    for (size_t i = 0; i < w->n; i++) {
        free(w->v[i].text);
        if (w->v[i].c->asking == w->peer)
            w->v[i].c->asking = NULL;
    }
    free(w->v);
    free(w);
}

struct wait_call *wait_new(struct peer *p, size_t n)
{
    struct wait_call *w = calloc(1, sizeof *w);

    if (w != NULL)
        w->v = calloc(n + 1, sizeof *w->v);
    if (w == NULL || w->v == NULL) {
        free(w);
        peer_error(p, VARLINK_CONTROL_INTERFACE ".Stopping", NULL);
        return NULL;
    }
    w->peer = p;
    w->listener = (struct feed_listener){.on_progress = on_progress, .arg = w};
    feed_join(peer_engine(p)->feed, &w->listener);
    peer_continue(p, NULL, end_wait, w);
    return w;
}

/* Everything is under way. */
void wait_begin(struct wait_call *w, bool wait)
{
    w->started = true;
    w->wait = wait;
    finish_if_over(w);
}

void wait_for_rehearsals(struct wait_call *w)
{
    w->rehearsal = true;
    w->listener.on_progress = NULL;
    w->listener.on_rehearsal = on_progress;
}

struct wait_target *wait_add(struct wait_call *w, struct certificate *c)
{
    struct wait_target *t = &w->v[w->n++];

    t->c = c;
    w->open++;
    return t;
}

void wait_progress(struct wait_call *w, const char *name, const char *text, const char *outcome)
{
    on_progress(w, name, text, outcome);
}

void wait_tell_settled(struct wait_call *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].outcome != NULL && peer_wants_more(w->peer))
            peer_reply(w->peer,
                       json_pack("{s[o]}", "progress", progress(&w->v[i], w->v[i].text, w->v[i].outcome)),
                       true);
}
