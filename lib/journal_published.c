/* SPDX-License-Identifier: MIT */
/* What answers challenges and is to be removed again, and what a person is to publish. */

#include "lib/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void drop_record(struct journal_published *p, size_t i)
{
    free(p->records.v[i]);
    memmove(&p->records.v[i], &p->records.v[i + 1], (--p->records.n - i) * sizeof(char *));
    if (p->records.n > 0)
        return;
    strv_clear(&p->records);
    p->at = 0;
}

bool journal_publish(struct journal *j, const char *ca, const char *identifier, const char *token,
                     const char *place, int64_t now)
{
    struct journal_published *p = &j->published;
    char *record;
    bool ok;

    if (asprintf(&record, "%s %s %s%s%s", ca, identifier, token, place != NULL ? " " : "",
                 place != NULL ? place : "") < 0)
        return false;
    ok = strv_contains(&p->records, record);
    if (!ok) {
        if (p->records.n >= JOURNAL_PUBLISHED_MAX)
            drop_record(p, 0);
        ok = strv_add(&p->records, record);
        if (ok && p->at == 0)
            p->at = now > 0 ? now : 1;
    }
    free(record);
    return ok;
}

void journal_unpublish(struct journal *j, const char *record)
{
    for (size_t i = 0; i < j->published.records.n; i++) {
        if (strcmp(j->published.records.v[i], record) == 0) {
            drop_record(&j->published, i);
            return;
        }
    }
}

bool journal_has_published(const struct journal *j, const char *ca)
{
    size_t len = strlen(ca);

    for (size_t i = 0; i < j->published.records.n; i++)
        if (strncmp(j->published.records.v[i], ca, len) == 0 && j->published.records.v[i][len] == ' ')
            return true;
    return false;
}

bool journal_to_publish(struct journal *j, const struct strv *records)
{
    bool ok = true;

    strv_clear(&j->to_publish);
    for (size_t i = 0; ok && i < records->n; i++)
        ok = strlen(records->v[i]) > JOURNAL_NOTE_MAX || strv_add(&j->to_publish, records->v[i]);
    return ok;
}
