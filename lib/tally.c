/* SPDX-License-Identifier: MIT */
#include "lib/tally.h"

#include "lib/buf.h"
#include "lib/renewal.h"

#include <stdio.h>
#include <string.h>

/* What matters most comes first. */
static const struct {
    enum status_state state;
    const char *words;
} order[] = {
    {STATUS_EXPIRED, "expired"},
    {STATUS_FAILING, "failing"},
    {STATUS_MISSING, "not issued yet"},
    {STATUS_WAITING, "waiting for the CA"},
    {STATUS_DUE, "due"},
    {STATUS_ORDERING, "being ordered"},
    {STATUS_DEPLOYING, "being deployed"},
    {STATUS_VALID, "valid"},
};
_Static_assert(sizeof order / sizeof order[0] == STATUS_COUNT - 1, "all states but unmanaged");

static void earliest(int64_t *at, char *name, size_t size, int64_t candidate, const char *its_name)
{
    if (candidate == 0 || (*at != 0 && *at <= candidate))
        return;
    *at = candidate;
    (void)snprintf(name, size, "%s", its_name);
}

void tally_add(struct tally *t, const char *name, const struct status_input *in,
               const struct status_verdict *v)
{
    if (v->state == STATUS_UNMANAGED)
        return;
    t->count[v->state]++;
    switch (v->state) {
    case STATUS_VALID:
        if (in->alarm != NULL) {
            t->alarmed++;
            break;
        }
        earliest(&t->renewal_at, t->renewal_name, sizeof t->renewal_name, v->next_at, name);
        break;
    case STATUS_DEPLOYING:
        if (in->journal->deployment.error.at == 0)
            break;
        t->undeployed++;
        earliest(&t->attempt_at, t->attempt_name, sizeof t->attempt_name, v->next_at, name);
        break;
    case STATUS_FAILING:
    case STATUS_WAITING:
    case STATUS_EXPIRED:
        earliest(&t->attempt_at, t->attempt_name, sizeof t->attempt_name, v->next_at, name);
        break;
    default:
        break;
    }
}

static unsigned total(const struct tally *t)
{
    unsigned n = 0;

    for (size_t i = 0; i < STATUS_COUNT; i++)
        n += t->count[i];
    return n;
}

static void add_states(const struct tally *t, unsigned n, struct buf *b)
{
    const char *separator = ": ";

    if (t->count[STATUS_VALID] == n) {
        (void)buf_addstr(b, n == 1 ? ", valid" : ", all valid");
        return;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        unsigned count = t->count[order[i].state];

        if (count == 0)
            continue;
        (void)buf_addf(b, "%s%u %s", separator, count, order[i].words);
        if (order[i].state == STATUS_DEPLOYING && t->undeployed > 0)
            (void)buf_addf(b, " (%u after a failure)", t->undeployed);
        separator = ", ";
    }
}

static void add_alarmed(const struct tally *t, struct buf *b)
{
    if (t->alarmed > 0)
        (void)buf_addf(b, "; %u valid one%s cannot be renewed before you have seen to the account",
                       t->alarmed, t->alarmed == 1 ? "" : "s");
}

static void add_next(struct buf *b, const char *what, const char *name, int64_t at)
{
    char when[32];

    if (at == 0)
        return;
    renewal_time_to_str(at, when, sizeof when);
    (void)buf_addf(b, "; next %s: %s at %s", what, name, when);
}

void tally_sentence(const struct tally *t, char *text, size_t size)
{
    unsigned n = total(t);
    struct buf b;

    buf_init(&b, TALLY_SENTENCE_MAX);
    if (n == 0)
        (void)buf_addstr(&b, "no certificates are configured");
    else
        (void)buf_addf(&b, "%u certificate%s", n, n == 1 ? "" : "s");
    if (n > 0)
        add_states(t, n, &b);
    add_alarmed(t, &b);
    add_next(&b, "attempt", t->attempt_name, t->attempt_at);
    add_next(&b, "renewal", t->renewal_name, t->renewal_at);
    (void)snprintf(text, size, "%.*s", (int)b.len, b.data != NULL ? b.data : "");
    buf_clear(&b);
}
