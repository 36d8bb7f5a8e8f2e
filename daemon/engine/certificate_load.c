/* SPDX-License-Identifier: MIT */
#include "daemon/engine/certificate.h"

#include "daemon/log.h"
#include "lib/deployment.h"

#include <stdlib.h>

bool certificate_load_live(struct certificate *c)
{
    struct cert_facts facts = {0};
    unsigned generation = 0;
    struct err e;

    if (!live_load(&c->engine->live, c->name, &generation, &facts, &e)) {
        if (e.class != ERR_CLASS_NONE)
            log_error(c->name, "%s", e.text);
        return false;
    }
    cert_facts_clear(&c->facts);
    c->facts = facts;
    c->has_facts = true;
    c->generation = generation;
    return true;
}

static void load_journal(struct certificate *c)
{
    struct err e;
    size_t len = 0;
    char *text = state_files_load(&c->engine->files, c->name, &len, &e);

    if (text == NULL) {
        if (e.class != ERR_CLASS_NONE)
            log_error(c->name, "%s", e.text);
        return;
    }
    if (!journal_from_json(&c->journal, text, len, &e)) {
        log_error(c->name,
                  "the journal state/%s.json cannot be used: %s; it is kept as %s.json.bad, and acmed goes "
                  "on from the "
                  "certificate on disk",
                  c->name, e.text, c->name);
        state_files_quarantine(&c->engine->files, c->name);
    }
    free(text);
}

/* Between the flip of live/ and the journal's note of it the process may have been killed; or somebody else
 * made the link point elsewhere; or the journal is gone. live/ is the truth. */
static void reconcile(struct certificate *c)
{
    struct journal *j = &c->journal;

    if (!c->has_facts)
        return;
    if (c->generation == j->issued_generation) {
        /* A rollback that was cut off before the flip: how far this one had come is not known any more. */
        if (j->deployment.generation != 0 && j->deployment.generation < c->generation)
            deployment_restart(&j->deployment, c->generation);
        return;
    }
    if (journal_has_order(j) && c->generation > j->issued_generation &&
        c->facts.not_after > j->order_created) {
        log_notice(c->name, "generation %u was installed just before the last stop; it is deployed now",
                   c->generation);
        journal_issued(j, c->generation, NULL, engine_now());
        return;
    }
    if (j->deployment.generation != c->generation) {
        log_notice(c->name, "generation %u is live and taken over as it is", c->generation);
        journal_taken_over(j, c->generation);
        deployment_restart(&j->deployment, c->generation);
        j->deployment.step = DEPLOYMENT_DONE;
    }
}

void certificate_load(struct certificate *c)
{
    (void)certificate_load_live(c);
    if (c->config == NULL)
        return;
    load_journal(c);
    reconcile(c);
    if (c->journal.damaged_generation != c->generation)
        c->journal.damaged_generation = 0; /* another one took its place */
}

/* Journals of older versions do not tell which orders were for new names: there the first of all was. */
static bool was_counted(const struct journal *j, size_t i)
{
    int64_t counted = j->limits.counted_at;
    bool known_oldest = i + 1 < JOURNAL_ISSUED_MAX && j->issued[i + 1] == 0;

    if (counted == 0)
        return known_oldest;
    return j->issued[i] >= counted && (i + 1 == JOURNAL_ISSUED_MAX || j->issued[i + 1] < counted);
}

size_t certificate_recall(const struct certificate *c, struct gate_past past[CERTIFICATE_PAST_MAX])
{
    const struct journal *j = &c->journal;
    const struct strv *names = &c->config->domains;
    size_t n = 0;
    bool here = journal_is_issued_by(j, c->ca->directory);

    for (size_t i = 0; here && i < JOURNAL_ISSUED_MAX && j->issued[i] != 0; i++)
        past[n++] = (struct gate_past){
            .at = j->issued[i],
            .names = names,
            .exemption = was_counted(j, i) ? LEDGER_COUNTED : LEDGER_RENEWAL,
        };
    if (j->order_created != 0 && (!c->has_facts || j->limits.counted_at > j->issued[0]))
        past[n++] = (struct gate_past){.at = j->order_created, .names = names, .exemption = LEDGER_COUNTED};
    for (size_t i = 0; i < JOURNAL_FAILED_MAX && j->limits.failed[i] != 0; i++)
        past[n++] = (struct gate_past){.at = j->limits.failed[i], .names = names, .failed = true};
    return n;
}
