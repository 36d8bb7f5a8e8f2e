/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_LIVE_H
#define ACMED_ENGINE_LIVE_H

/* The truth about what there is: live/<lineage> -> ../certs/<lineage>/<n>, as the keeper leaves it. The
 * engine only reads, and only what everybody may read. */

#include "lib/cert.h"
#include "lib/err.h"
#include "lib/status.h"
#include "lib/strv.h"

#include <stdbool.h>

struct live {
    int live_fd;
    int certs_fd;
};

bool live_open(struct live *l, const char *state_dir, struct err *e);
void live_close(struct live *l);

/* The live generation and its leaf. False with e->class NONE: there is none; else it cannot be used. */
bool live_load(const struct live *l, const char *lineage, unsigned *generation, struct cert_facts *facts,
               struct err *e);

/* Fills s->generations and s->generations_older with what is on disk beside s->generation, the live one. What
 * vanishes meanwhile is left out, what cannot be read says so itself, and without memory there are fewer. */
void live_generations(const struct live *l, const char *lineage, struct status_certificate *s);

/* Names of all entries, sorted. False: out of memory or unreadable. */
bool live_list(const struct live *l, struct strv *names, struct err *e);

#endif
