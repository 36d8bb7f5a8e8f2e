/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_BACKLOG_H
#define ACMED_ENGINE_BACKLOG_H

/* The memory for answers that wait to be read by all clients of the control socket together: each may ask for
 * megabytes and read none, or all but a few bytes. Beyond a budget the one whose answer has waited longest
 * gives way, those who may control last; never one who has little waiting. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKLOG_MAX (64u * 1024 * 1024) /* bytes; a single answer is 8 MiB at most */

struct backlog {
    struct backlog_entry *first; /* in no order */
    size_t total;                /* bytes */
    size_t max;
};

/* Embedded by whoever is answered; zeroed but for may_control, on_over and arg. */
struct backlog_entry {
    struct backlog_entry *next;
    size_t size;      /* bytes; 0: nothing waits */
    int64_t since_ms; /* monotonic: when something began to wait; reading a part of it changes nothing */
    bool may_control;
    /* It gives way: it is not among the entries any more, and what waits is to be thrown away. */
    void (*on_over)(void *arg, int64_t waits_ms, size_t size);
    void *arg;
};

void backlog_init(struct backlog *b, size_t max);
/* What waits for it takes `size` bytes now. Others, or if there are none itself, may give way. */
void backlog_set(struct backlog *b, struct backlog_entry *entry, size_t size, int64_t now_ms);
void backlog_remove(struct backlog *b, struct backlog_entry *entry);

#endif
