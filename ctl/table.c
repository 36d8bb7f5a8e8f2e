/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"

#include "ctl/text.h"
#include "ctl/when.h"
#include "lib/deployment.h"

#include <stdio.h>
#include <string.h>

enum { GAP = 2, BAR = 8, NAME_MIN = 20, NAME_LEAST = 6, RESULT_MIN = 16 };

enum column {
    COLUMN_NAME,
    COLUMN_STATE,
    COLUMN_BAR,
    COLUMN_EXPIRES,
    COLUMN_RENEWS,
    COLUMN_RESULT,
    COLUMN_COUNT
};

static const char *const headings[COLUMN_COUNT] = {
    [COLUMN_NAME] = "NAME",          [COLUMN_STATE] = "STATE",   [COLUMN_BAR] = "",
    [COLUMN_EXPIRES] = "EXPIRES IN", [COLUMN_RENEWS] = "RENEWS", [COLUMN_RESULT] = "LAST RESULT",
};

/* Given up one after the other where the width does not suffice. */
static const enum column sacrifices[] = {COLUMN_BAR, COLUMN_RESULT, COLUMN_RENEWS};

static const enum term_paint state_paints[STATUS_COUNT] = {
    [STATUS_VALID] = TERM_GREEN,    [STATUS_DUE] = TERM_CYAN,       [STATUS_ORDERING] = TERM_CYAN,
    [STATUS_DEPLOYING] = TERM_CYAN, [STATUS_WAITING] = TERM_YELLOW, [STATUS_FAILING] = TERM_RED,
    [STATUS_EXPIRED] = TERM_ALARM,  [STATUS_MISSING] = TERM_YELLOW, [STATUS_UNMANAGED] = TERM_DIM,
};

struct cells {
    const char *name;
    const char *state;
    char expires[WHEN_MAX];
    char renews[WHEN_MAX];
    struct buf result;
};

enum term_paint table_paint(enum status_state state)
{
    return state_paints[state];
}

static void add_failure(struct buf *out, const char *what, const struct journal_error *error, int64_t now)
{
    char when[WHEN_MAX];

    (void)buf_addf(out, "%s %s", what, when_relative(when, error->at, now));
    if (error->text != NULL)
        (void)buf_addf(out, ": %s", error->text);
}

void table_result(struct buf *out, const struct status_certificate *s, int64_t now)
{
    const struct journal_deployment *d = &s->deployment;
    char when[WHEN_MAX];
    char what[32];

    buf_consume(out, out->len);
    if (s->state == STATUS_ORDERING) {
        (void)buf_addstr(out, s->next_action);
    } else if (s->last_error.at > s->last_issued) {
        add_failure(out, "failed", &s->last_error, now);
    } else if (d->error.at > 0 && d->step != DEPLOYMENT_DONE) {
        (void)snprintf(what, sizeof what, "%s failed", deployment_step_to_str(d->step));
        add_failure(out, what, &d->error, now);
    } else if (s->state == STATUS_DEPLOYING) {
        (void)buf_addstr(out, s->next_action);
    } else if (d->step == DEPLOYMENT_DONE && d->served_at > 0) {
        (void)buf_addf(out, "served %s", when_relative(when, d->served_at, now));
    } else if (d->step == DEPLOYMENT_DONE && d->done_at > 0) {
        (void)buf_addf(out, "deployed %s", when_relative(when, d->done_at, now));
    } else if (s->last_issued > 0) {
        (void)buf_addf(out, "issued %s", when_relative(when, s->last_issued, now));
    } else {
        (void)buf_addstr(out, s->generation > 0 ? "found on disk" : "-");
    }
}

const char *table_renews(char *out, const struct status_certificate *s, int64_t now)
{
    int64_t at = s->next_at > 0 && s->state != STATUS_DEPLOYING ? s->next_at : s->renew_at;

    if (s->state == STATUS_UNMANAGED)
        (void)snprintf(out, WHEN_MAX, "never");
    else if (s->state == STATUS_ORDERING || s->state == STATUS_DUE || (at > 0 && at <= now))
        (void)snprintf(out, WHEN_MAX, "now");
    else if (at == 0)
        (void)snprintf(out, WHEN_MAX, "-");
    else
        (void)when_relative(out, at, now);
    return out;
}

static void fill(struct cells *c, const struct status_certificate *s, int64_t now)
{
    c->name = s->lineage;
    c->state = status_state_to_str(s->state);
    if (s->not_after == 0)
        (void)snprintf(c->expires, sizeof c->expires, "-");
    else if (s->not_after > now)
        (void)when_duration(c->expires, s->not_after - now);
    else
        (void)when_relative(c->expires, s->not_after, now);
    (void)table_renews(c->renews, s, now);
    table_result(&c->result, s, now);
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* Widths that the content asks for; 0: the column is not there. */
static void measure(int width[COLUMN_COUNT], const struct fleet *f, const struct term *t, int64_t now)
{
    struct cells c;

    for (int i = 0; i < COLUMN_COUNT; i++)
        width[i] = (int)strlen(headings[i]);
    buf_init(&c.result, TEXT_MAX);
    for (size_t i = 0; i < f->n; i++) {
        fill(&c, &f->v[i], now);
        width[COLUMN_NAME] = most(width[COLUMN_NAME], text_width(c.name));
        width[COLUMN_STATE] = most(width[COLUMN_STATE], text_width(c.state));
        width[COLUMN_EXPIRES] = most(width[COLUMN_EXPIRES], text_width(c.expires));
        width[COLUMN_RENEWS] = most(width[COLUMN_RENEWS], text_width(c.renews));
        width[COLUMN_RESULT] = most(width[COLUMN_RESULT], text_width(c.result.data));
    }
    buf_clear(&c.result);
    width[COLUMN_BAR] = t->colour ? BAR : 0;
}

static int total(const int width[COLUMN_COUNT])
{
    int sum = -GAP;

    for (int i = 0; i < COLUMN_COUNT; i++)
        sum += width[i] > 0 ? width[i] + GAP : 0;
    return sum;
}

/* Takes what is too much from one column, which keeps `keep`. */
static void shrink(int width[COLUMN_COUNT], enum column which, int keep, int room)
{
    int excess = total(width) - room;

    if (excess > 0 && width[which] > keep)
        width[which] = most(keep, width[which] - excess);
}

static void fit(int width[COLUMN_COUNT], int room)
{
    int natural[COLUMN_COUNT];

    memcpy(natural, width, sizeof natural);
    for (size_t i = 0;; i++) {
        shrink(width, COLUMN_RESULT, RESULT_MIN, room);
        shrink(width, COLUMN_NAME, NAME_MIN, room);
        if (total(width) <= room)
            return;
        if (i == sizeof sacrifices / sizeof sacrifices[0])
            break;
        natural[sacrifices[i]] = 0;
        memcpy(width, natural, sizeof natural);
    }
    shrink(width, COLUMN_NAME, NAME_LEAST, room);
}

/* What is left of the lifetime: green until the time to renew, red in the last tenth. */
static void add_bar(struct buf *out, const struct status_certificate *s, const struct term *t, int64_t now)
{
    int64_t life = s->not_after - s->not_before;
    int64_t left = s->not_after - now;
    enum term_paint paint = left <= life / 10                       ? TERM_RED
                            : s->renew_at > 0 && now >= s->renew_at ? TERM_YELLOW
                                                                    : TERM_GREEN;
    int full = life <= 0 || left <= 0 ? 0 : left >= life ? BAR : (int)((left * BAR + life / 2) / life);

    if (full == 0 && left > 0 && life > 0)
        full = 1;
    term_set(t, out, paint);
    for (int i = 0; i < BAR; i++) {
        if (i == full) {
            term_reset(t, out);
            term_set(t, out, TERM_DIM);
        }
        (void)buf_addstr(out, i < full ? (t->utf8 ? "━" : "=") : (t->utf8 ? "─" : "-"));
    }
    term_reset(t, out);
}

static void add_cell(struct buf *out, const struct term *t, enum column column, const struct cells *c,
                     const struct status_certificate *s, int width, int64_t now)
{
    int used = width;

    switch (column) {
    case COLUMN_NAME:
        used = text_add_middle(out, c->name, width, t->utf8);
        break;
    case COLUMN_STATE:
        term_set(t, out, table_paint(s->state));
        used = text_add_cut(out, c->state, width, t->utf8);
        term_reset(t, out);
        break;
    case COLUMN_BAR:
        if (s->not_after > 0)
            add_bar(out, s, t, now);
        else
            used = 0;
        break;
    case COLUMN_EXPIRES:
        used = text_add_cut(out, c->expires, width, t->utf8);
        break;
    case COLUMN_RENEWS:
        used = text_add_cut(out, c->renews, width, t->utf8);
        break;
    case COLUMN_RESULT:
    case COLUMN_COUNT:
        used = text_add_cut(out, c->result.data, width, t->utf8);
        break;
    }
    /* the gap to the next column; nothing hangs over behind the last one */
    if (column != COLUMN_RESULT)
        text_add_blanks(out, width - used + GAP);
}

static void trim(struct buf *out)
{
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    (void)buf_addch(out, '\n');
}

void table_render(struct buf *out, const struct fleet *f, const struct term *t, int64_t now)
{
    int width[COLUMN_COUNT];
    struct cells c;

    measure(width, f, t, now);
    fit(width, t->width);
    term_set(t, out, TERM_DIM);
    for (enum column i = 0; i < COLUMN_COUNT; i++) {
        if (width[i] == 0)
            continue;
        text_add_blanks(out, width[i] + GAP - text_add_cut(out, headings[i], width[i], t->utf8));
    }
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    term_reset(t, out);
    (void)buf_addch(out, '\n');
    buf_init(&c.result, TEXT_MAX);
    for (size_t i = 0; i < f->n; i++) {
        fill(&c, &f->v[i], now);
        for (enum column j = 0; j < COLUMN_COUNT; j++)
            if (width[j] > 0)
                add_cell(out, t, j, &c, &f->v[i], width[j], now);
        trim(out);
    }
    buf_clear(&c.result);
}
