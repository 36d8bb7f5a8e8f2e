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

    if (!c->has_facts || c->generation == j->issued_generation)
        return;
    if (journal_has_order(j) && c->generation > j->issued_generation &&
        c->facts.not_after > j->order_created) {
        log_notice(c->name, "generation %u was installed just before the last stop; it is deployed now",
                   c->generation);
        journal_issued(j, c->generation, engine_now());
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
}
