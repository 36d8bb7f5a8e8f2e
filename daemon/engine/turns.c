/* SPDX-License-Identifier: MIT */
#include "daemon/engine/turns.h"

#include <stdlib.h>

struct turns {
    struct turn *list;
    struct loop_delay *soon;
};

static void on_soon(void *arg)
{
    struct turns *ts = arg;
    struct turn *t = ts->list;

    if (t == NULL)
        return;
    ts->list = t->next;
    t->waiting = false;
    if (ts->list != NULL)
        loop_delay_start(ts->soon, 0);
    t->on_turn(t->arg);
}

struct turns *turns_new(struct loop *l)
{
    struct turns *ts = calloc(1, sizeof *ts);

    if (ts == NULL)
        return NULL;
    ts->soon = loop_delay_new(l, on_soon, ts);
    if (ts->soon == NULL) {
        free(ts);
        return NULL;
    }
    return ts;
}

void turns_free(struct turns *ts)
{
    if (ts == NULL)
        return;
    loop_delay_free(ts->soon);
    free(ts);
}

void turn_wait(struct turns *ts, struct turn *t)
{
    struct turn **p = &ts->list;

    if (t->waiting)
        return;
    if (ts->list == NULL)
        loop_delay_start(ts->soon, 0);
    while (*p != NULL && ((*p)->first || !t->first))
        p = &(*p)->next;
    t->next = *p;
    t->waiting = true;
    *p = t;
}

void turn_cancel(struct turns *ts, struct turn *t)
{
    for (struct turn **p = &ts->list; *p != NULL; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    t->waiting = false;
}
