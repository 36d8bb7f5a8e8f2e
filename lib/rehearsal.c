/* SPDX-License-Identifier: MIT */
#include "lib/rehearsal.h"

#include <stdlib.h>
#include <string.h>

static bool is_proven(const struct journal *j, const struct config_certificate *c)
{
    char *names = strv_join(&c->domains, " ");
    bool same = names != NULL && j->rehearsed_names != NULL && strcmp(names, j->rehearsed_names) == 0;

    free(names);
    return same;
}

bool rehearsal_is_due(const struct config_certificate *c, const struct cert_facts *facts,
                      const struct journal *j, const struct renewal_plan *p, int64_t now)
{
    if (!c->rehearse || config_rehearsal_ca(c) == NULL || journal_has_order(j))
        return false;
    if (p->reason != RENEWAL_MISSING && p->reason != RENEWAL_NAMES)
        return false;
    if (facts != NULL && renewal_deadline(facts, j) <= now)
        return false;
    return !is_proven(j, c);
}

bool rehearsal_note(struct journal *j, const struct config_certificate *c)
{
    char *names = strv_join(&c->domains, " ");

    if (names == NULL)
        return false;
    free(j->rehearsed_names);
    j->rehearsed_names = names;
    return true;
}
