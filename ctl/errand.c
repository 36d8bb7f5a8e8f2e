/* SPDX-License-Identifier: MIT */
#include "ctl/errand.h"

#include "ctl/say.h"
#include "ctl/text.h"
#include "ctl/when.h"
#include "lib/deployment.h"

#include <stdlib.h>
#include <string.h>

enum {
    RECENT = 24 * 3600, /* `renew now` without names leaves out what is younger */
    NAME_MAX_WIDTH = 30
};

static const struct {
    const char *name;
    enum term_paint paint;
} outcomes[] = {
    [OUTCOME_OPEN] = {"under way", TERM_PLAIN},   [OUTCOME_DONE] = {"done", TERM_GREEN},
    [OUTCOME_SKIPPED] = {"skipped", TERM_YELLOW}, [OUTCOME_FAILED] = {"failed", TERM_RED},
    [OUTCOME_UNKNOWN] = {"unknown", TERM_YELLOW},
};

void errand_clear(struct errand *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->v[i].name);
        free(a->v[i].text);
    }
    free(a->v);
    fleet_clear(&a->before);
    *a = (struct errand){0};
}

static struct errand_entry *find(const struct errand *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i].name, name) == 0)
            return &a->v[i];
    return NULL;
}

static struct errand_entry *find_or_add(struct errand *a, const char *name)
{
    struct errand_entry *entry = find(a, name);
    struct errand_entry *v;

    if (entry != NULL)
        return entry;
    v = realloc(a->v, (a->n + 1) * sizeof *v);
    if (v == NULL)
        return NULL;
    a->v = v;
    a->v[a->n] = (struct errand_entry){.name = strdup(name)};
    if (a->v[a->n].name == NULL)
        return NULL;
    return &a->v[a->n++];
}

static void keep(struct errand *a, const char *name, enum outcome outcome, const char *text)
{
    struct errand_entry *entry = find_or_add(a, name);

    if (entry == NULL)
        return;
    free(entry->text);
    entry->text = strdup(text);
    entry->outcome = outcome;
}

enum outcome errand_outcome(const struct errand *a, const char *name)
{
    const struct errand_entry *entry = find(a, name);

    return entry != NULL ? entry->outcome : OUTCOME_OPEN;
}

/* The column of names is as wide as the longest that the command line has, within reason. */
static int name_width(const struct errand *a)
{
    int width = 0;

    for (int i = 0; i < a->c->n_args; i++)
        if (text_width(a->c->args[i]) > width)
            width = text_width(a->c->args[i]);
    return width > NAME_MAX_WIDTH ? NAME_MAX_WIDTH : width;
}

/* "name  outcome: text", from `column` on; wrapped for people, one line for programs. */
static void add_line(struct errand *a, struct buf *out, int column, const char *name, enum outcome outcome,
                     const char *text)
{
    const struct term *t = &a->c->term;
    int width = text_width(name);
    struct buf rest;

    (void)buf_addf(out, "%s  ", name);
    if (width < name_width(a)) {
        text_add_blanks(out, name_width(a) - width);
        width = name_width(a);
    }
    column += width + 2;
    buf_init(&rest, TEXT_MAX);
    if (outcome != OUTCOME_OPEN) {
        term_add(t, out, outcomes[outcome].paint, outcomes[outcome].name);
        (void)buf_addf(&rest, "%s%s", *text != '\0' ? ": " : "", text);
    } else {
        (void)buf_addstr(&rest, text);
    }
    if (!t->tty || column > t->width / 2)
        (void)buf_addf(out, "%s\n", rest.data);
    else if (!rest.failed)
        text_add_wrapped(out, rest.data,
                         column + (outcome != OUTCOME_OPEN ? text_width(outcomes[outcome].name) : 0), column,
                         t->width);
    buf_clear(&rest);
}

static void show(struct errand *a, int64_t at, const char *name, enum outcome outcome, const char *text)
{
    char when[WHEN_MAX];
    struct buf out;

    buf_init(&out, TEXT_MAX);
    term_add(&a->c->term, &out, TERM_DIM, when_clock(when, at));
    (void)buf_addstr(&out, "  ");
    add_line(a, &out, text_width(when) + 2, name, outcome, text);
    say_buf(a->c, &out);
    buf_clear(&out);
    a->shown = true;
}

static enum outcome outcome_of(const char *s)
{
    if (s == NULL)
        return OUTCOME_OPEN;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
        if (strcmp(outcomes[i].name, s) == 0)
            return (enum outcome)i;
    return OUTCOME_UNKNOWN;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));

    return s != NULL ? s : "";
}

void errand_progress(struct errand *a, const json_t *parameters, bool last)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(parameters, "progress"), i, one)
    {
        enum outcome outcome = outcome_of(json_string_value(json_object_get(one, "outcome")));
        const char *name = text_of(one, "name");

        keep(a, name, outcome, text_of(one, "text"));
        if (a->c->json)
            say_json(a->c, one, false);
        else if (!last)
            show(a, json_integer_value(json_object_get(one, "at")), name, outcome, text_of(one, "text"));
    }
}

void errand_note(struct errand *a, const char *name, enum outcome outcome, const char *text)
{
    json_t *progress;

    keep(a, name, outcome, text);
    if (!a->c->json) {
        show(a, a->c->now(), name, outcome, text);
        return;
    }
    progress = json_pack("{s:I, s:s, s:s, s:s?}", "at", (json_int_t)a->c->now(), "name", name, "text", text,
                         "outcome", outcome == OUTCOME_OPEN ? NULL : outcomes[outcome].name);
    say_json(a->c, progress, false);
    json_decref(progress);
}

bool errand_concerns(const struct errand *a, const struct status_certificate *s)
{
    const struct status_certificate *before = fleet_find(&a->before, s->lineage);

    if (find(a, s->lineage) != NULL || a->c->n_args > 0)
        return true;
    return before != NULL && before->state != STATUS_UNMANAGED &&
           (a->c->force || before->last_issued < a->started - RECENT);
}

static enum outcome judge_deployment(const struct errand *a, const struct status_certificate *s, char *text,
                                     size_t size)
{
    const struct journal_deployment *d = &s->deployment;

    if (d->step == DEPLOYMENT_DONE && d->done_at >= a->started) {
        (void)snprintf(text, size,
                       d->served_at >= a->started ? "generation %u is deployed and served"
                                                  : "generation %u is deployed",
                       s->generation);
        return OUTCOME_DONE;
    }
    if (d->step != DEPLOYMENT_DONE && d->error.at >= a->started) {
        (void)snprintf(text, size, "%s: %s", deployment_step_to_str(d->step),
                       d->error.text != NULL ? d->error.text : "no reason given");
        return OUTCOME_FAILED;
    }
    (void)snprintf(text, size, "%s", s->next_action);
    return d->step != DEPLOYMENT_DONE || s->state == STATUS_DEPLOYING ? OUTCOME_OPEN : OUTCOME_UNKNOWN;
}

enum outcome errand_judge(const struct errand *a, const struct status_certificate *s, char *text, size_t size)
{
    const struct status_certificate *before = fleet_find(&a->before, s->lineage);
    enum outcome outcome;

    if (a->deploy)
        return judge_deployment(a, s, text, size);
    if (s->generation > (before != NULL ? before->generation : 0)) {
        outcome = judge_deployment(a, s, text, size);
        if (outcome == OUTCOME_UNKNOWN) {
            (void)snprintf(text, size, "generation %u is issued", s->generation);
            outcome = OUTCOME_DONE;
        }
        return outcome;
    }
    if (s->last_error.at >= a->started) {
        (void)snprintf(text, size, "%s", s->last_error.text != NULL ? s->last_error.text : "no reason given");
        return OUTCOME_FAILED;
    }
    (void)snprintf(text, size, "%s", s->next_action);
    return s->state == STATUS_ORDERING || s->state == STATUS_DUE || s->state == STATUS_WAITING
               ? OUTCOME_OPEN
               : OUTCOME_UNKNOWN;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct errand_entry *)a)->name, ((const struct errand_entry *)b)->name);
}

enum ctl_exit errand_finish(struct errand *a)
{
    enum ctl_exit status = CTL_DONE;
    struct buf out;

    buf_init(&out, TEXT_MAX);
    if (a->n > 1)
        qsort(a->v, a->n, sizeof *a->v, by_name);
    if (a->shown)
        (void)buf_addch(&out, '\n');
    for (size_t i = 0; i < a->n; i++) {
        const struct errand_entry *entry = &a->v[i];

        /* who named a certificate and sees it skipped did not get what was asked for */
        if (entry->outcome == OUTCOME_FAILED || entry->outcome == OUTCOME_UNKNOWN ||
            (entry->outcome == OUTCOME_OPEN && !a->c->no_wait) ||
            (entry->outcome == OUTCOME_SKIPPED && a->c->n_args > 0))
            status = CTL_FAILED;
        add_line(a, &out, 0, entry->name, entry->outcome, entry->text != NULL ? entry->text : "");
    }
    if (a->n == 0)
        (void)buf_addstr(&out, "There is nothing to do.\n");
    if (!a->c->json)
        say_buf(a->c, &out);
    buf_clear(&out);
    return status;
}
