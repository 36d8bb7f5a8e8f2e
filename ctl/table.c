/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"

#include "ctl/name.h"
#include "ctl/text.h"
#include "ctl/when.h"
#include "lib/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = 2,
    BAR = 8,
    NAME_MIN = 20,
    NAME_LEAST = 6,
    RESULT_MIN = 16,
    RESULT_WORTH = 8, /* columns that make the beginning of an error's text worth showing */
    HEADLINE_MAX = 22
};

enum column { COLUMN_NAME, COLUMN_STATE, COLUMN_EXPIRES, COLUMN_RENEWS, COLUMN_RESULT, COLUMN_COUNT };

static const char *const headings[COLUMN_COUNT] = {
    [COLUMN_NAME] = "NAME",     [COLUMN_STATE] = "STATE",        [COLUMN_EXPIRES] = "EXPIRES IN",
    [COLUMN_RENEWS] = "RENEWS", [COLUMN_RESULT] = "LAST RESULT",
};

struct layout {
    int width[COLUMN_COUNT]; /* 0: the column is not there */
    bool bar;                /* before the text of COLUMN_EXPIRES */
    int expires;             /* the width of that text */
    int headlines;           /* the width of the results without their details */
};

static const enum term_paint state_paints[STATUS_COUNT] = {
    [STATUS_VALID] = TERM_GREEN,    [STATUS_DUE] = TERM_CYAN,       [STATUS_ORDERING] = TERM_CYAN,
    [STATUS_DEPLOYING] = TERM_CYAN, [STATUS_WAITING] = TERM_YELLOW, [STATUS_FAILING] = TERM_RED,
    [STATUS_EXPIRED] = TERM_ALARM,  [STATUS_MISSING] = TERM_YELLOW, [STATUS_UNMANAGED] = TERM_DIM,
};

/* "failed 12m ago" of "failed 12m ago: the CA said ...": what a narrow column shows of a result. */
static int headline(const char *result)
{
    const char *colon = strstr(result, ": ");

    return colon != NULL ? (int)(colon - result) : text_width(result);
}

struct cells {
    struct buf name;
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

static void cells_init(struct cells *c)
{
    buf_init(&c->name, TEXT_MAX);
    buf_init(&c->result, TEXT_MAX);
}

static void cells_clear(struct cells *c)
{
    buf_clear(&c->name);
    buf_clear(&c->result);
}

static void fill(struct cells *c, const struct status_certificate *s, const struct term *t, int64_t now)
{
    char *name = name_short(s->lineage, t);

    buf_consume(&c->name, c->name.len);
    (void)buf_addstr(&c->name, name != NULL ? name : s->lineage);
    free(name);
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

static int least(int a, int b)
{
    return a < b ? a : b;
}

static void set_bar(struct layout *l, bool bar)
{
    l->bar = bar;
    l->width[COLUMN_EXPIRES] = most((int)strlen(headings[COLUMN_EXPIRES]), l->expires + (bar ? BAR + 1 : 0));
}

/* The widths that the content asks for. */
static void measure(struct layout *l, const struct fleet *f, const struct term *t, int64_t now)
{
    struct cells c;

    *l = (struct layout){.headlines = RESULT_MIN};
    for (int i = 0; i < COLUMN_COUNT; i++)
        l->width[i] = (int)strlen(headings[i]);
    cells_init(&c);
    for (size_t i = 0; i < f->n; i++) {
        fill(&c, &f->v[i], t, now);
        l->expires = most(l->expires, text_width(c.expires));
        l->width[COLUMN_NAME] = most(l->width[COLUMN_NAME], text_width(c.name.data));
        l->width[COLUMN_STATE] = most(l->width[COLUMN_STATE], text_width(c.state));
        l->width[COLUMN_RENEWS] = most(l->width[COLUMN_RENEWS], text_width(c.renews));
        l->width[COLUMN_RESULT] = most(l->width[COLUMN_RESULT], text_width(c.result.data));
        l->headlines = most(l->headlines, least(headline(c.result.data), HEADLINE_MAX));
    }
    cells_clear(&c);
    set_bar(l, t->colour);
}

static int total(const struct layout *l)
{
    int sum = -GAP;

    for (int i = 0; i < COLUMN_COUNT; i++)
        sum += l->width[i] > 0 ? l->width[i] + GAP : 0;
    return sum;
}

/* Takes what is too much from one column, which keeps `keep`. */
static void shrink(struct layout *l, enum column which, int keep, int room)
{
    int excess = total(l) - room;

    if (excess > 0 && l->width[which] > keep)
        l->width[which] = most(keep, l->width[which] - excess);
}

static bool squeeze(struct layout *l, int room)
{
    shrink(l, COLUMN_RESULT, l->headlines, room);
    shrink(l, COLUMN_NAME, NAME_MIN, room);
    shrink(l, COLUMN_RESULT, RESULT_MIN, room);
    return total(l) <= room;
}

/* First texts get shorter, then the bar goes, then whole columns. */
static void fit(struct layout *l, int room)
{
    const struct layout natural = *l;

    if (squeeze(l, room))
        return;
    *l = natural;
    set_bar(l, false);
    if (squeeze(l, room))
        return;
    *l = natural;
    set_bar(l, false);
    l->width[COLUMN_RESULT] = 0;
    if (squeeze(l, room))
        return;
    l->width[COLUMN_RENEWS] = 0;
    l->width[COLUMN_NAME] = natural.width[COLUMN_NAME];
    if (!squeeze(l, room))
        shrink(l, COLUMN_NAME, NAME_LEAST, room);
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

static int add_result(struct buf *out, const struct buf *result, int width, bool utf8)
{
    int head = headline(result->data);

    if (text_width(result->data) > width && head <= width && head + RESULT_WORTH > width) {
        (void)buf_add(out, result->data, (size_t)head);
        return head;
    }
    return text_add_cut(out, result->data, width, utf8);
}

static int add_expires(struct buf *out, const struct layout *l, const struct cells *c,
                       const struct status_certificate *s, const struct term *t, int64_t now)
{
    int used = 0;

    if (l->bar && s->not_after > 0) {
        add_bar(out, s, t, now);
        text_add_blanks(out, 1);
        used = BAR + 1;
    }
    return used + text_add_cut(out, c->expires, l->width[COLUMN_EXPIRES] - used, t->utf8);
}

static void add_cell(struct buf *out, const struct term *t, enum column column, const struct cells *c,
                     const struct status_certificate *s, const struct layout *l, int64_t now)
{
    int width = l->width[column];
    int used = 0;

    switch (column) {
    case COLUMN_NAME:
        used = text_add_middle(out, c->name.data, width, t->utf8);
        break;
    case COLUMN_STATE:
        term_set(t, out, table_paint(s->state));
        used = text_add_cut(out, c->state, width, t->utf8);
        term_reset(t, out);
        break;
    case COLUMN_EXPIRES:
        used = add_expires(out, l, c, s, t, now);
        break;
    case COLUMN_RENEWS:
        used = text_add_cut(out, c->renews, width, t->utf8);
        break;
    case COLUMN_RESULT:
    case COLUMN_COUNT:
        used = add_result(out, &c->result, width, t->utf8);
        break;
    }
    /* the gap to the next column */
    text_add_blanks(out, width - used + GAP);
}

/* Nothing hangs over behind the last column. */
static void trim(struct buf *out)
{
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
}

void table_render(struct buf *out, const struct fleet *f, const struct term *t, int64_t now)
{
    struct layout l;
    struct cells c;

    measure(&l, f, t, now);
    fit(&l, t->width);
    term_set(t, out, TERM_DIM);
    for (enum column i = 0; i < COLUMN_COUNT; i++)
        if (l.width[i] > 0)
            text_add_blanks(out, l.width[i] + GAP - text_add_cut(out, headings[i], l.width[i], t->utf8));
    trim(out);
    term_reset(t, out);
    (void)buf_addch(out, '\n');
    cells_init(&c);
    for (size_t i = 0; i < f->n; i++) {
        fill(&c, &f->v[i], t, now);
        for (enum column j = 0; j < COLUMN_COUNT; j++)
            if (l.width[j] > 0)
                add_cell(out, t, j, &c, &f->v[i], &l, now);
        trim(out);
        (void)buf_addch(out, '\n');
    }
    cells_clear(&c);
}
