/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_FEED_H
#define ACMED_ENGINE_FEED_H

/* What happens, told to whoever listens: control clients that wait or watch, and the history files. */

#include "daemon/engine/writer.h"

#include <stdbool.h>
#include <stdint.h>

struct feed;

struct feed_listener {
    struct feed_listener *next;
    struct feed_listener *prev;
    /* Each may be NULL. */
    /* outcome: NULL while it goes on, then "done", "failed", "skipped". */
    void (*on_progress)(void *arg, const char *name, const char *text, const char *outcome);
    void (*on_rehearsal)(void *arg, const char *name, const char *text, const char *outcome); /* likewise */
    void (*on_changed)(void *arg, const char *name);
    void (*on_event)(void *arg, const char *name, const char *line); /* line: the history's JSON object */
    void *arg;
};

/* writer: keeps the history; borrowed. NULL: out of memory. */
struct feed *feed_new(struct writer *writer);
void feed_free(struct feed *f);

void feed_join(struct feed *f, struct feed_listener *l);
void feed_leave(struct feed *f, struct feed_listener *l);

/* A step of a certificate's way, for those who wait for it. */
void feed_progress(struct feed *f, const char *name, const char *outcome, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A step of its rehearsal, which is no part of that way. */
void feed_rehearsal(struct feed *f, const char *name, const char *outcome, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The certificate's status is not what it was. */
void feed_changed(struct feed *f, const char *name);
/* A line of history: event as in the interface's type Event; output: captured output or NULL. */
void feed_event(struct feed *f, const char *name, const char *event, const char *output, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
