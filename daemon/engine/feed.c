/* SPDX-License-Identifier: MIT */
#include "daemon/engine/feed.h"

#include "daemon/engine/loop.h"
#include "lib/advice.h"
#include "lib/err.h"
#include "lib/utf8.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX 4096 /* of captured output in a line of history */

struct feed {
    struct writer *writer;
    struct feed_listener *first;
};

struct feed *feed_new(struct writer *writer)
{
    struct feed *f = calloc(1, sizeof *f);

    if (f != NULL)
        f->writer = writer;
    return f;
}

void feed_free(struct feed *f)
{
    free(f);
}

void feed_join(struct feed *f, struct feed_listener *l)
{
    l->prev = NULL;
    l->next = f->first;
    if (f->first != NULL)
        f->first->prev = l;
    f->first = l;
}

void feed_leave(struct feed *f, struct feed_listener *l)
{
    *(l->prev != NULL ? &l->prev->next : &f->first) = l->next;
    if (l->next != NULL)
        l->next->prev = l->prev;
}

/* A listener may leave (and be freed) in its own callback, so the next one is looked up before; others leave
 * only from their own callbacks or from outside. */
#define FOR_LISTENERS(f, l, following)                                                                       \
    for ((l) = (f)->first; (l) != NULL && ((following) = (l)->next, true); (l) = (following))

void feed_progress(struct feed *f, const char *name, const char *outcome, const char *fmt, ...)
{
    struct feed_listener *l;
    struct feed_listener *following;
    char text[ERR_TEXT_MAX + 256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    utf8_make_printable(text);
    FOR_LISTENERS(f, l, following)
    if (l->on_progress != NULL)
        l->on_progress(l->arg, name, text, outcome);
}

void feed_rehearsal(struct feed *f, const char *name, const char *outcome, const char *fmt, ...)
{
    struct feed_listener *l;
    struct feed_listener *following;
    char text[ERR_TEXT_MAX + ADVICE_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    utf8_make_printable(text);
    FOR_LISTENERS(f, l, following)
    if (l->on_rehearsal != NULL)
        l->on_rehearsal(l->arg, name, text, outcome);
}

void feed_changed(struct feed *f, const char *name)
{
    struct feed_listener *l;
    struct feed_listener *following;

    FOR_LISTENERS(f, l, following)
    if (l->on_changed != NULL)
        l->on_changed(l->arg, name);
}

/* Captured output is bytes of a stranger: what is not printable ASCII, or a line's end, becomes '?'. */
static json_t *output_to_json(const char *output)
{
    char text[OUTPUT_MAX + 1];
    size_t n = 0;

    if (output == NULL || *output == '\0')
        return json_null();
    for (; n < OUTPUT_MAX && output[n] != '\0'; n++)
        text[n] = output[n] == '\n' || (output[n] >= 0x20 && output[n] < 0x7f) ? output[n] : '?';
    text[n] = '\0';
    return json_string(text);
}

void feed_event(struct feed *f, const char *name, const char *event, const char *output, const char *fmt, ...)
{
    struct feed_listener *l;
    struct feed_listener *following;
    char text[ERR_TEXT_MAX + 256];
    json_t *j;
    char *line;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    utf8_make_printable(text); /* it may quote a peer, and have been cut within a character */
    j = json_pack("{sI ss ss ss so}", "at", (json_int_t)(loop_wall_ms() / 1000), "name", name, "event", event,
                  "text", text, "output", output_to_json(output));
    line = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (line == NULL)
        return;
    FOR_LISTENERS(f, l, following)
    if (l->on_event != NULL)
        l->on_event(l->arg, name, line);
    writer_append(f->writer, name, line);
}
