/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_BACKLOG_H
#define ACMED_ENGINE_BACKLOG_H

/* What waits to be read by all clients of the control socket together: each may ask for megabytes and read
 * none. Beyond a budget the one that has read nothing for longest gives way, those who may control last. */

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
    size_t size;      /* bytes that wait */
    int64_t since_ms; /* monotonic: when it last took any, or when it had none waiting */
    bool may_control;
    /* It gives way: it is not among the entries any more, and what waits is to be thrown away. */
    void (*on_over)(void *arg, int64_t waits_ms, size_t size);
    void *arg;
};

void backlog_init(struct backlog *b, size_t max);
/* Now `size` bytes wait for it; took: it has taken some. Others, or if there are none itself, may give way.
 */
void backlog_set(struct backlog *b, struct backlog_entry *entry, size_t size, bool took, int64_t now_ms);
void backlog_remove(struct backlog *b, struct backlog_entry *entry);

#endif
