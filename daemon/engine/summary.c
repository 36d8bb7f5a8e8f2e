/* SPDX-License-Identifier: MIT */
#include "daemon/engine/summary.h"

#include "daemon/engine/fleet.h"
#include "daemon/engine/status.h"
#include "lib/tally.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct summary {
    struct engine *engine;
    struct feed_listener listener;
    bool listening;
    struct loop_delay *pause;
    char said[TALLY_SENTENCE_MAX];
};

static void say(void *arg)
{
    struct summary *s = arg;
    const struct fleet *f = s->engine->fleet;
    struct tally tally = {0};
    char text[TALLY_SENTENCE_MAX];

    if (fleet_in_flight(f) == 0)
        (void)malloc_trim(0); /* what hundreds of orders took goes back to the system */
    for (size_t i = 0; i < fleet_count(f); i++)
        status_count(&tally, fleet_at(f, i));
    tally_sentence(&tally, text, sizeof text);
    if (strcmp(text, s->said) == 0)
        return;
    memcpy(s->said, text, sizeof text);
    (void)link_send(s->engine->supervisor, IPC_READY, text);
}

static void on_changed(void *arg, const char *name)
{
    struct summary *s = arg;

    (void)name;
    if (!loop_delay_running(s->pause))
        loop_delay_start(s->pause, SUMMARY_PAUSE_MS);
}

struct summary *summary_new(struct engine *g)
{
    struct summary *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->engine = g;
    s->listener = (struct feed_listener){.on_changed = on_changed, .arg = s};
    s->pause = loop_delay_new(g->loop, say, s);
    if (s->pause == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void summary_free(struct summary *s)
{
    if (s == NULL)
        return;
    if (s->listening)
        feed_leave(s->engine->feed, &s->listener);
    loop_delay_free(s->pause);
    free(s);
}

void summary_start(struct summary *s)
{
    feed_join(s->engine->feed, &s->listener);
    s->listening = true;
    say(s);
}
