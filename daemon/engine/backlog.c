/* SPDX-License-Identifier: MIT */
#include "daemon/engine/backlog.h"

/* An entry of that part of the budget is no part of the trouble: all connections together have less than half
 * of it. */
#define LITTLE 512

void backlog_init(struct backlog *b, size_t max)
{
    *b = (struct backlog){.max = max};
}

void backlog_remove(struct backlog *b, struct backlog_entry *entry)
{
    struct backlog_entry **p = &b->first;

    while (*p != NULL && *p != entry)
        p = &(*p)->next;
    if (*p == entry) {
        *p = entry->next;
        b->total -= entry->size;
    }
    entry->size = 0;
}

static bool gives_way_before(const struct backlog_entry *a, const struct backlog_entry *b, size_t little)
{
    if ((a->size <= little) != (b->size <= little))
        return b->size <= little;
    if (a->may_control != b->may_control)
        return b->may_control;
    return a->since_ms != b->since_ms ? a->since_ms < b->since_ms : a->size > b->size;
}

static struct backlog_entry *find_oldest(const struct backlog *b)
{
    struct backlog_entry *oldest = b->first;

    for (struct backlog_entry *x = b->first; x != NULL; x = x->next)
        if (gives_way_before(x, oldest, b->max / LITTLE))
            oldest = x;
    return oldest;
}

static void change(struct backlog *b, struct backlog_entry *entry, size_t size)
{
    if (entry->size == 0) {
        entry->next = b->first;
        b->first = entry;
    }
    b->total += size - entry->size;
    entry->size = size;
}

void backlog_set(struct backlog *b, struct backlog_entry *entry, size_t size, int64_t now_ms)
{
    if (entry->size == 0)
        entry->since_ms = now_ms;
    if (size == 0)
        backlog_remove(b, entry);
    else
        change(b, entry, size);
    while (b->total > b->max) {
        struct backlog_entry *oldest = find_oldest(b);
        size_t size_of_it = oldest->size;

        backlog_remove(b, oldest);
        oldest->on_over(oldest->arg, now_ms - oldest->since_ms, size_of_it);
    }
}
