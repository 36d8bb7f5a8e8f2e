/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/permit.h"

#include <string.h>
#include <time.h>

/* Not the wall clock, which may be set. */
static int64_t now_s(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec;
}

static struct permit *find(struct permits *p, enum act_kind kind, const char *subject)
{
    for (size_t i = 0; i < PERMITS_MAX; i++)
        if (p->v[i].until != 0 && p->v[i].act.kind == kind && strcmp(p->v[i].act.subject, subject) == 0)
            return &p->v[i];
    return NULL;
}

void permit_add(struct permits *p, const struct act *act)
{
    struct permit *place = find(p, act->kind, act->subject);

    for (size_t i = 0; place == NULL && i < PERMITS_MAX; i++)
        if (p->v[i].until == 0)
            place = &p->v[i];
    if (place == NULL) {
        place = &p->v[0];
        for (size_t i = 1; i < PERMITS_MAX; i++)
            if (p->v[i].until < place->until)
                place = &p->v[i];
    }
    *place = (struct permit){*act, now_s() + PERMIT_LIFE_S, false};
}

const struct act *permit_find(struct permits *p, enum act_kind kind, const char *subject, struct err *e)
{
    struct permit *permit = find(p, kind, subject);

    if (permit != NULL && permit->until > now_s())
        return &permit->act;
    if (permit != NULL)
        permit->until = 0;
    (void)err_set(e, ERR_CLASS_INTERNAL, "refused: nobody who may ask for it has asked for %s of %s",
                  act_to_str(kind), subject);
    return NULL;
}

void permit_begin(struct permits *p, enum act_kind kind, const char *subject)
{
    struct permit *permit = find(p, kind, subject);

    if (permit != NULL)
        permit->begun = true;
}

bool permit_has_begun(struct permits *p, enum act_kind kind, const char *subject)
{
    const struct permit *permit = find(p, kind, subject);

    return permit != NULL && permit->begun;
}

void permit_end(struct permits *p, enum act_kind kind, const char *subject)
{
    struct permit *permit = find(p, kind, subject);

    if (permit != NULL)
        permit->until = 0;
}
