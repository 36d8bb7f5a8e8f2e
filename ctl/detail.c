/* SPDX-License-Identifier: MIT */
#include "ctl/detail.h"

#include "ctl/name.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "ctl/when.h"
#include "lib/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LABEL = 14, VALUE_MAX = 64 * 1024 };

static void add_label(struct buf *out, const struct term *t, const char *label)
{
    text_add_blanks(out, 2);
    term_add(t, out, TERM_DIM, label);
    text_add_blanks(out, LABEL - 2 - (int)strlen(label));
}

static void add_value(struct buf *out, const struct term *t, const char *label, const char *value)
{
    add_label(out, t, label);
    text_add_wrapped(out, value, LABEL, LABEL, t->width);
}

static void add_key(struct buf *out, const struct status_certificate *s, const struct term *t)
{
    char key[128];

    (void)snprintf(key, sizeof key, "%s%s", s->key_type,
                   s->reuse_key ? ", kept when it is renewed (reuse_key)" : "");
    add_value(out, t, "Key", key);
}

static void add_ca(struct buf *out, const struct status_certificate *s, const struct term *t)
{
    struct buf text;

    if (*s->ca == '\0')
        return;
    buf_init(&text, VALUE_MAX);
    (void)buf_addstr(&text, s->ca);
    for (size_t i = 0; s->cas.n > 1 && i < s->cas.n; i++)
        (void)buf_addf(&text, "%s%s", i == 0 ? " (in order of preference: " : ", ", s->cas.v[i]);
    if (s->cas.n > 1)
        (void)buf_addch(&text, ')');
    if (!text.failed)
        add_value(out, t, "CA", text.data);
    buf_clear(&text);
}

static void add_time(struct buf *out, const struct term *t, const char *label, int64_t at, int64_t now)
{
    char when[WHEN_MAX];

    if (at > 0)
        add_value(out, t, label, when_both(when, at, now));
}

static void add_names(struct buf *out, const struct status_certificate *s, const struct term *t)
{
    struct buf names;

    buf_init(&names, VALUE_MAX);
    for (size_t i = 0; i < s->domains.n; i++) {
        char *name = name_full(s->domains.v[i], t);

        (void)buf_addf(&names, "%s%s", i > 0 ? " " : "", name != NULL ? name : s->domains.v[i]);
        free(name);
    }
    if (names.len > 0 && !names.failed)
        add_value(out, t, "Names", names.data);
    buf_clear(&names);
}

static void add_error(struct buf *out, const struct term *t, const char *label,
                      const struct journal_error *error, unsigned attempts, int64_t now)
{
    char when[WHEN_MAX];
    struct buf text;

    if (error->at == 0)
        return;
    buf_init(&text, VALUE_MAX);
    (void)buf_addf(&text, "%s, %s", when_both(when, error->at, now), err_class_to_str(error->class));
    if (attempts > 1)
        (void)buf_addf(&text, ", attempt %u", attempts);
    (void)buf_addch(&text, ':');
    if (!text.failed)
        add_value(out, t, label, text.data);
    text_add_blanks(out, LABEL);
    text_add_wrapped(out, error->text != NULL ? error->text : "no reason given", LABEL, LABEL, t->width);
    buf_clear(&text);
}

static void add_next(struct buf *out, const struct status_certificate *s, const struct term *t, int64_t now)
{
    char when[WHEN_MAX];
    struct buf text;

    buf_init(&text, VALUE_MAX);
    (void)buf_addstr(&text, *s->next_action != '\0' ? s->next_action : "nothing is planned");
    if (s->next_at > now)
        (void)buf_addf(&text, ", %s", when_both(when, s->next_at, now));
    /* where the reason is the error, that comes next anyway */
    if (s->reason != NULL && (s->last_error.text == NULL || strcmp(s->reason, s->last_error.text) != 0))
        (void)buf_addf(&text, ", because: %s", s->reason);
    if (!text.failed)
        add_value(out, t, "Next", text.data);
    buf_clear(&text);
}

/* What was configured after the certificate was issued counts from the next on; or the CA has no such chain.
 */
static void add_chain(struct buf *out, const struct status_certificate *s, const struct term *t)
{
    struct buf text;

    if (s->chain == NULL)
        return;
    buf_init(&text, VALUE_MAX);
    (void)buf_addf(&text, "leads to %s", s->chain);
    if (s->wanted_chain != NULL && strcasecmp(s->chain, s->wanted_chain) != 0)
        (void)buf_addf(&text,
                       "; %s is configured, which the next renewal asks the CA for "
                       "(at once: acmectl renew %s --force)",
                       s->wanted_chain, s->name);
    if (!text.failed)
        add_value(out, t, "Chain", text.data);
    buf_clear(&text);
}

/* Each on one line, however long: it is to be copied. */
static void add_to_publish(struct buf *out, const struct status_certificate *s, const struct term *t)
{
    bool one = s->to_publish.n == 1;

    if (s->to_publish.n == 0)
        return;
    if (s->to_publish_unseen)
        add_value(out, t, "To publish",
                  one ? "this record, once, if it is not there (dns_resolver = off: acmed does not look):"
                      : "these records, once, if they are not there (dns_resolver = off: acmed does not "
                        "look):");
    else
        add_value(out, t, "To publish",
                  one ? "this record, once; it may stay:" : "these records, once; they may stay:");
    for (size_t i = 0; i < s->to_publish.n; i++)
        (void)buf_addf(out, "%s\n", s->to_publish.v[i]);
}

/* What the CA suggests for the renewal, once it was asked. */
static void add_ari(struct buf *out, const struct status_certificate *s, const struct term *t, int64_t now)
{
    const struct journal_ari *a = &s->ari;
    char start[WHEN_MAX], end[WHEN_MAX], at[WHEN_MAX];
    char value[4 * WHEN_MAX];

    if (a->polled_at == 0)
        return;
    if (a->end != 0) {
        (void)snprintf(value, sizeof value, "%s to %s; chosen was %s", when_date(start, a->start),
                       when_date(end, a->end), when_both(at, a->chosen, now));
        add_value(out, t, "CA suggests", value);
    } else {
        add_value(out, t, "CA suggests", "nothing");
    }
    if (a->explanation != NULL)
        add_value(out, t, "  explained", a->explanation);
    if (a->error != NULL)
        add_value(out, t, "  failure", a->error);
    (void)snprintf(value, sizeof value, "again %s", when_both(at, a->next_poll, now));
    add_value(out, t, "  asked", value);
    if (a->refused > 0)
        add_value(out, t, "  refused",
                  "the CA did not take an order as one that replaces this certificate; it was placed again "
                  "without saying so");
}

/* A step is behind us, under way or failing, or still to come. */
static void add_step(struct buf *out, const struct status_certificate *s, const struct term *t,
                     enum deployment_step step, int64_t now)
{
    const struct journal_deployment *d = &s->deployment;
    char value[3 * WHEN_MAX];
    char label[LABEL];
    char when[WHEN_MAX];

    if (step == DEPLOYMENT_VERIFY && !s->verify)
        (void)snprintf(value, sizeof value, "not configured");
    else if (step == DEPLOYMENT_VERIFY && d->step == DEPLOYMENT_DONE && d->served_at > 0)
        (void)snprintf(value, sizeof value, "the server presented it %s", when_both(when, d->served_at, now));
    else if (step < d->step)
        (void)snprintf(value, sizeof value, "done");
    else if (step > d->step)
        (void)snprintf(value, sizeof value, "to come");
    else if (d->attempts > 0 && d->not_before > now)
        (void)snprintf(value, sizeof value, "failed, next try %s", when_both(when, d->not_before, now));
    else
        (void)snprintf(value, sizeof value, d->attempts > 0 ? "next try now" : "next");
    (void)snprintf(label, sizeof label, "  %s", deployment_step_to_str(step));
    add_value(out, t, label, value);
}

static void add_deployment(struct buf *out, const struct status_certificate *s, const struct term *t,
                           int64_t now)
{
    const struct journal_deployment *d = &s->deployment;
    char value[2 * WHEN_MAX];
    char when[WHEN_MAX];

    if (d->generation == 0)
        return;
    if (d->step == DEPLOYMENT_DONE && d->done_at > 0)
        (void)snprintf(value, sizeof value, "generation %u, done %s", d->generation,
                       when_both(when, d->done_at, now));
    else
        (void)snprintf(value, sizeof value, "generation %u, %s", d->generation,
                       d->step == DEPLOYMENT_DONE ? "done" : "not done yet");
    (void)buf_addch(out, '\n');
    add_value(out, t, "Deployment", value);
    for (enum deployment_step i = DEPLOYMENT_COPY; i < DEPLOYMENT_DONE; i++)
        add_step(out, s, t, i, now);
    if (d->step != DEPLOYMENT_DONE)
        add_error(out, t, "  failure", &d->error, d->attempts, now);
    if (d->note != NULL)
        add_value(out, t, "Note", d->note);
}

static void add_generation(struct buf *out, const struct status_generation *g, bool verified,
                           const struct term *t, int column, int64_t now)
{
    char from[WHEN_MAX], to[WHEN_MAX];
    struct buf text;

    buf_init(&text, VALUE_MAX);
    (void)buf_addstr(&text, g->live ? "live" : "kept");
    if (g->served_last)
        (void)buf_addstr(&text, verified ? ", served last" : ", deployed last");
    if (g->revoked != NULL && g->revoked_at > 0)
        (void)buf_addf(&text, ", revoked (%s)", g->revoked);
    else if (g->revoked != NULL)
        (void)buf_addf(&text, ", revocation asked for (%s) but not known to be done", g->revoked);
    if (g->not_after > 0 && g->not_after <= now)
        (void)buf_addstr(&text, ", expired");
    if (!text.failed)
        text_add_wrapped(out, text.data, column, column, t->width);
    buf_clear(&text);
    if (g->serial != NULL)
        (void)buf_addf(&text, "%s to %s, serial %s", when_date(from, g->not_before),
                       when_date(to, g->not_after), g->serial);
    else
        (void)buf_addstr(&text, g->error != NULL ? g->error : "its certificate cannot be read");
    text_add_blanks(out, column);
    if (!text.failed)
        text_add_wrapped(out, text.data, column, column, t->width);
    buf_clear(&text);
}

/* What rollback and revoke may name. */
static void add_generations(struct buf *out, const struct status_certificate *s, const struct term *t,
                            int64_t now)
{
    const struct status_generation *v = s->generations.v;
    char number[16];
    char more[CONFIG_NAME_MAX + 64];
    int width;

    if (s->generations.n == 0)
        return;
    (void)buf_addch(out, '\n');
    width = snprintf(number, sizeof number, "%u", v[0].generation); /* the newest is the widest */
    for (size_t i = 0; i < s->generations.n; i++) {
        if (i == 0)
            add_label(out, t, "On disk");
        else
            text_add_blanks(out, LABEL);
        (void)buf_addf(out, "%*u  ", width, v[i].generation);
        add_generation(out, &v[i], s->verify, t, LABEL + width + 2, now);
    }
    if (s->generations_older == 0)
        return;
    (void)snprintf(more, sizeof more, "and %u older, in certs/%s", s->generations_older, s->lineage);
    text_add_blanks(out, LABEL);
    text_add_wrapped(out, more, LABEL, LABEL, t->width);
}

void detail_render(struct buf *out, const struct status_certificate *s, const struct term *t, int64_t now)
{
    char *name = name_full(s->lineage, t);
    char generation[16];

    term_add(t, out, TERM_BOLD, name != NULL ? name : s->lineage);
    free(name);
    (void)buf_addstr(out, "  ");
    term_add(t, out, table_paint(s->state), status_state_to_str(s->state));
    (void)buf_addstr(out, "\n\n");
    add_names(out, s, t);
    add_key(out, s, t);
    add_ca(out, s, t);
    if (s->challenge != NULL)
        add_value(out, t, "Challenge", s->challenge);
    if (s->profile != NULL)
        add_value(out, t, "Profile", s->profile);
    if (s->issuer != NULL)
        add_value(out, t, "Issuer", s->issuer);
    add_chain(out, s, t);
    if (s->serial != NULL)
        add_value(out, t, "Serial", s->serial);
    if (s->generation > 0) {
        (void)snprintf(generation, sizeof generation, "%u", s->generation);
        add_value(out, t, "Generation", generation);
    }
    add_time(out, t, "Issued", s->last_issued, now);
    add_time(out, t, "Valid from", s->not_before, now);
    add_time(out, t, "Expires", s->not_after, now);
    add_time(out, t, "Renewal", s->renew_at, now);
    add_ari(out, s, t, now);
    (void)buf_addch(out, '\n');
    add_next(out, s, t, now);
    if (s->alarm != NULL)
        add_value(out, t, "Alarm", s->alarm);
    if (s->alarm == NULL || s->last_error.text == NULL || strstr(s->last_error.text, s->alarm) == NULL)
        add_error(out, t, "Last error", &s->last_error, s->attempts, now);
    if (s->advice != NULL)
        add_value(out, t, "To do", s->advice);
    add_to_publish(out, s, t);
    add_deployment(out, s, t, now);
    add_generations(out, s, t, now);
}
