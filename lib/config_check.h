/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CONFIG_CHECK_H
#define ACMED_CONFIG_CHECK_H

/* What only all sections together can tell: the checks behind config_check(). Inside of the configuration's
 * room. Each notes what is wrong (config_note()) and goes on. */

#include "lib/config_reading.h"

struct config_check {
    struct config_reading *r;
    const struct config *c;
    const struct config_read_section *const *of; /* where each lineage comes from */
    const struct config_read_section *defaults;
};

struct config_place {
    size_t file;
    unsigned line;
};

/* Where a lineage's value of this key comes from: its own entry, that of [defaults], else its heading. */
struct config_place config_check_place(const struct config_check *k, size_t i, const char *name);

/* lib/config_check_ca.c */
void config_check_terms(struct config_check *k);
void config_check_bindings(struct config_check *k);
void config_check_rsa(struct config_check *k);
void config_check_rehearsals(struct config_check *k);

/* lib/config_check_challenge.c */
void config_check_identifiers(struct config_check *k);
void config_check_challenges(struct config_check *k);
void config_check_webroots(struct config_check *k);

#endif
