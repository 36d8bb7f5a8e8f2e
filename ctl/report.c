/* SPDX-License-Identifier: MIT */
#include "ctl/table.h"

#include "ctl/name.h"
#include "ctl/text.h"
#include "ctl/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INDENT = 4,
    TITLE_REST = 24, /* columns for what follows the name in a paragraph's first line */
    PARAGRAPHS_MAX = 10,
    PARAGRAPH_MAX = 8192
};

/* "acmed tries again in 48m (2026-11-24 04:16:50 CET)." */
static void describe_next(struct buf *out, const struct status_certificate *s, int64_t now)
{
    char when[WHEN_MAX];

    if (s->state == STATUS_UNMANAGED || *s->next_action == '\0')
        return;
    (void)buf_addf(out, "Next: %s", s->next_action);
    if (s->next_at > now)
        (void)buf_addf(out, ", %s", when_both(when, s->next_at, now));
    else
        (void)buf_addstr(out, ", now");
    (void)buf_addstr(out, ".");
}

/* The failure that matters now, and how often it was met; ->at 0: none. */
static const struct journal_error *failure_of(const struct status_certificate *s, unsigned *attempts)
{
    const struct journal_deployment *d = &s->deployment;
    bool deploying = s->last_error.at <= s->last_issued && d->error.at > 0;

    *attempts = deploying ? d->attempts : s->attempts;
    return deploying ? &d->error : &s->last_error;
}

/* In the CA's own words, and which attempt it was. */
static void describe_error(struct buf *out, const struct status_certificate *s, int64_t now)
{
    unsigned attempts;
    const struct journal_error *error = failure_of(s, &attempts);
    char when[WHEN_MAX];

    if (error->at == 0 || s->alarm != NULL) {
        if (s->alarm != NULL)
            (void)buf_addf(out, "%s. ", s->alarm);
        else if (s->not_after > 0 && s->not_after <= now)
            (void)buf_addf(out, "Expired %s. ", when_relative(when, s->not_after, now));
        else if (s->reason != NULL)
            (void)buf_addf(out, "%s. ", s->reason);
        return;
    }
    (void)buf_addf(out, "%s (%s", error->text != NULL ? error->text : "no reason given",
                   when_relative(when, error->at, now));
    if (attempts > 1)
        (void)buf_addf(out, ", attempt %u", attempts);
    (void)buf_addstr(out, "). ");
}

/* Certificates that fail for one reason share a paragraph: a CA out of reach is no reason for a hundred of
 * them. */
struct group {
    const struct status_certificate *first;
    size_t others;
};

static bool same_trouble(const struct status_certificate *a, const struct status_certificate *b)
{
    unsigned attempts;
    const char *text_a = a->alarm != NULL ? a->alarm : failure_of(a, &attempts)->text;
    const char *text_b = b->alarm != NULL ? b->alarm : failure_of(b, &attempts)->text;

    return a->state == b->state && text_a != NULL && text_b != NULL && strcmp(text_a, text_b) == 0;
}

static void add_paragraph(struct buf *out, const struct group *g, const struct term *t, int64_t now)
{
    const struct status_certificate *s = g->first;
    char *name = name_full(s->lineage, t);
    char when[WHEN_MAX];
    struct buf text;

    buf_init(&text, PARAGRAPH_MAX);
    (void)buf_addch(out, '\n');
    (void)text_add_middle(out, name != NULL ? name : s->lineage, t->width - TITLE_REST, t->utf8);
    free(name);
    if (g->others > 0)
        (void)buf_addf(out, " and %zu more", g->others);
    (void)buf_addstr(out, ": ");
    term_add(t, out, table_paint(s->state), status_state_to_str(s->state));
    if (s->not_after > now && g->others == 0)
        (void)buf_addf(out, ", expires %s", when_relative(when, s->not_after, now));
    (void)buf_addch(out, '\n');
    describe_error(&text, s, now);
    if (text.len > 0) {
        text_add_blanks(out, INDENT);
        text_add_wrapped(out, text.data, INDENT, INDENT, t->width);
        buf_consume(&text, text.len);
    }
    describe_next(&text, s, now);
    if (text.len > 0) {
        text_add_blanks(out, INDENT);
        text_add_wrapped(out, text.data, INDENT, INDENT, t->width);
    }
    if (s->advice != NULL) {
        text_add_blanks(out, INDENT);
        text_add_wrapped(out, s->advice, INDENT, INDENT, t->width);
    }
    buf_clear(&text);
}

/* A renewal that somebody asked for before its time failed: nothing is in danger, but they want to know. */
static bool has_failed_request(const struct status_certificate *s)
{
    return s->state == STATUS_VALID && s->last_error.at != 0;
}

static void add_paragraphs(struct buf *out, const struct fleet *f, const struct term *t, int64_t now)
{
    struct group groups[PARAGRAPHS_MAX];
    size_t n = 0;
    size_t untold = 0;

    for (size_t i = 0; i < f->n; i++) {
        size_t j = 0;

        if (!status_needs_attention(&f->v[i], now) && !has_failed_request(&f->v[i]))
            continue;
        while (j < n && !same_trouble(groups[j].first, &f->v[i]))
            j++;
        if (j < n)
            groups[j].others++;
        else if (n < PARAGRAPHS_MAX)
            groups[n++] = (struct group){.first = &f->v[i]};
        else
            untold++;
    }
    for (size_t i = 0; i < n; i++)
        add_paragraph(out, &groups[i], t, now);
    if (untold > 0)
        (void)buf_addf(out, "\n%zu more need attention: `acmectl show NAME` tells about each.\n", untold);
}

static void add_warning(struct buf *out, const char *text, const struct term *t)
{
    (void)buf_addch(out, '\n');
    term_add(t, out, TERM_YELLOW, "warning:");
    (void)buf_addch(out, ' ');
    text_add_wrapped(out, text, (int)strlen("warning: "), INDENT, t->width);
}

/* A CA out of reach is one fact, whatever the number of certificates that wait for it. */
static void add_ca(struct buf *out, const json_t *ca, const struct term *t, int64_t now)
{
    const char *name = json_string_value(json_object_get(ca, "name"));
    const char *state = json_string_value(json_object_get(ca, "state"));
    const char *why = json_string_value(json_object_get(ca, "text"));
    int64_t until = json_integer_value(json_object_get(ca, "until"));
    json_int_t waiting = json_integer_value(json_object_get(ca, "orders_waiting"));
    char when[WHEN_MAX];
    struct buf text;

    if (name == NULL || state == NULL || why == NULL || strcmp(state, "ready") == 0)
        return;
    buf_init(&text, PARAGRAPH_MAX);
    (void)buf_addf(&text, "CA %s %s", name, why);
    if (waiting > 0)
        (void)buf_addf(&text, "; %" JSON_INTEGER_FORMAT " order%s", waiting,
                       waiting == 1 ? " waits" : "s wait");
    if (until > now)
        (void)buf_addf(&text, "; %s %s",
                       strcmp(state, "limited") == 0 ? "the next one goes" : "the next try is",
                       when_both(when, until, now));
    if (!text.failed)
        add_warning(out, text.data, t);
    buf_clear(&text);
}

static void add_warnings(struct buf *out, const struct fleet *f, const struct term *t, int64_t now)
{
    const json_t *j;
    size_t i;

    json_array_foreach(json_object_get(f->daemon, "cas"), i, j)
    {
        add_ca(out, j, t, now);
    }
    json_array_foreach(json_object_get(f->daemon, "warnings"), i, j)
    {
        if (json_is_string(j))
            add_warning(out, json_string_value(j), t);
    }
}

static void add_next(struct buf *out, const struct fleet *f, int64_t now)
{
    const struct status_certificate *next = NULL;
    char when[WHEN_MAX];

    for (size_t i = 0; i < f->n; i++) {
        const struct status_certificate *s = &f->v[i];

        if (s->state == STATUS_VALID && s->alarm == NULL && s->renew_at > now &&
            (next == NULL || s->renew_at < next->renew_at))
            next = s;
    }
    if (next != NULL && f->n == 1)
        (void)buf_addf(out, " It renews %s.", when_relative(when, next->renew_at, now));
    else if (next != NULL)
        (void)buf_addf(out, " The next renewal is %s, %s.", when_relative(when, next->renew_at, now),
                       next->lineage);
}

/* Those whose time has come, while the daemon has as many orders under way as it may. */
static void add_queued(struct buf *out, const struct fleet *f, int64_t now)
{
    json_int_t under_way = json_integer_value(json_object_get(f->daemon, "orders_in_flight"));
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += (f->v[i].state == STATUS_MISSING || f->v[i].state == STATUS_DUE) && f->v[i].next_at <= now;
    if (n > 0 && under_way > 0)
        (void)buf_addf(out, " %zu wait%s for one of the orders under way (%" JSON_INTEGER_FORMAT ") to end.",
                       n, n == 1 ? "s" : "", under_way);
}

static void add_summary(struct buf *out, const struct fleet *f, const struct term *t, int64_t now)
{
    size_t counts[STATUS_COUNT] = {0};
    const char *separator = "";
    size_t alarmed = 0;
    struct buf text;

    for (size_t i = 0; i < f->n; i++) {
        counts[f->v[i].state]++;
        alarmed += f->v[i].state == STATUS_VALID && f->v[i].alarm != NULL ? 1 : 0;
    }
    buf_init(&text, PARAGRAPH_MAX);
    (void)buf_addf(&text, "%zu certificate%s", f->n, f->n == 1 ? "" : "s");
    if (counts[STATUS_VALID] == f->n) {
        (void)buf_addf(&text, ", %svalid.", f->n == 1 ? "" : "all ");
        add_next(&text, f, now);
    } else {
        (void)buf_addstr(&text, ": ");
        for (int i = 0; i < STATUS_COUNT; i++) {
            if (counts[i] == 0)
                continue;
            (void)buf_addf(&text, "%s%zu %s", separator, counts[i],
                           status_state_to_str((enum status_state)i));
            separator = ", ";
        }
        (void)buf_addch(&text, '.');
    }
    add_queued(&text, f, now);
    if (alarmed > 0)
        (void)buf_addf(&text, " %zu of the valid ones cannot be renewed before you have seen to the account.",
                       alarmed);
    (void)buf_addch(out, '\n');
    if (!text.failed)
        text_add_wrapped(out, text.data, 0, 0, t->width);
    buf_clear(&text);
}

void table_report(struct buf *out, const struct fleet *f, const struct term *t, int64_t now)
{
    if (f->n == 0) {
        (void)buf_addstr(
            out, "No certificates are configured. Add a section [certificate NAME] to the configuration,\n"
                 "then run `acmectl reload`.\n");
        add_warnings(out, f, t, now);
        return;
    }
    table_render(out, f, t, now);
    add_paragraphs(out, f, t, now);
    add_warnings(out, f, t, now);
    add_summary(out, f, t, now);
}
