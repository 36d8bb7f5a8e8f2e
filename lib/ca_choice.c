/* SPDX-License-Identifier: MIT */
#include "lib/ca_choice.h"

#include <stdlib.h>
#include <string.h>

#define HOUR            3600
#define PATIENCE_LEAST  (15 * 60)   /* before any CA is passed over for something that may pass */
#define PASSED_OVER     (6 * HOUR)  /* for that */
#define PASSED_FOR_GOOD (24 * HOUR) /* for a refusal: what is mended is noticed within a day */

#define CHOICE(field) offsetof(struct ca_choice, field)

static const struct record_field fields[] = {
    {"at", RECORD_TIME, CHOICE(at)},
    {"since", RECORD_TIME, CHOICE(since)},
    {"passed", RECORD_STRINGS, CHOICE(passed), .max = CONFIG_CAS_MAX},
    {"until", RECORD_TIMES, CHOICE(until), .max = CONFIG_CAS_MAX},
};

const struct record_type ca_choice_record = {fields, sizeof fields / sizeof fields[0], CHOICE(at)};

void ca_choice_clear(struct ca_choice *ch)
{
    strv_clear(&ch->passed);
    *ch = (struct ca_choice){0};
}

static int64_t passed_until(const struct ca_choice *ch, const struct config_ca *ca)
{
    for (size_t i = 0; i < ch->passed.n; i++)
        if (strcmp(ch->passed.v[i], ca->name) == 0)
            return ch->until[i];
    return 0;
}

const struct config_ca *ca_choice_now(const struct ca_choice *ch, const struct config_certificate *c,
                                      int64_t now, bool *again)
{
    const struct config_ca *best = c->cas[0];

    for (size_t i = 0; i < c->n_cas; i++) {
        int64_t until = passed_until(ch, c->cas[i]);

        /* A time too far ahead was written under another clock. */
        if (until <= now || until > now + PASSED_FOR_GOOD) {
            if (again != NULL)
                *again = false;
            return c->cas[i];
        }
        if (until < passed_until(ch, best))
            best = c->cas[i];
    }
    if (again != NULL)
        *again = true;
    return best;
}

static bool is_refusal(enum err_class class)
{
    return class == ERR_CLASS_PERMANENT || class == ERR_CLASS_CONFIG;
}

int64_t ca_choice_patience(const struct ca_choice *ch, const struct config_certificate *c,
                           const struct cert_facts *facts, int64_t renew_at, const struct ca_trouble *t,
                           int64_t now)
{
    int64_t since = ch->since != 0 && ch->since <= now ? ch->since : now;
    int64_t room;

    if (c->n_cas < 2 || t->class == ERR_CLASS_INTERNAL)
        return CA_CHOICE_NEVER;
    if (is_refusal(t->class))
        return now;
    if (facts == NULL || facts->not_after <= now) {
        if (t->limit)
            return CA_CHOICE_NEVER;
        return t->opens_at > since + PATIENCE_LEAST ? now : since + PATIENCE_LEAST;
    }
    room = facts->not_after > renew_at ? facts->not_after - renew_at : 0;
    if (t->opens_at > facts->not_after - room / 4)
        return now;
    if (facts->not_after - room / 2 > since + PATIENCE_LEAST)
        return facts->not_after - room / 2;
    return since + PATIENCE_LEAST;
}

void ca_choice_failing(struct ca_choice *ch, int64_t now)
{
    if (ch->since == 0 || ch->since > now)
        ch->since = ch->at = now;
}

bool ca_choice_pass(struct ca_choice *ch, const struct config_ca *ca, const struct ca_trouble *t, int64_t now)
{
    int64_t until = now + (is_refusal(t->class) ? PASSED_FOR_GOOD : PASSED_OVER);
    size_t i = 0;

    while (i < ch->passed.n && strcmp(ch->passed.v[i], ca->name) != 0)
        i++;
    /* Names that the configuration does not have any more give way. */
    if (i == CONFIG_CAS_MAX) {
        strv_clear(&ch->passed);
        i = 0;
    }
    if (i == ch->passed.n && !strv_add(&ch->passed, ca->name))
        return false;
    ch->until[i] = until;
    ch->since = 0;
    ch->at = now;
    return true;
}
