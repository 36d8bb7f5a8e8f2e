/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CONFIG_BUILD_H
#define ACMED_CONFIG_BUILD_H

/* From what was read to the structs. Inside of the configuration's room: lib/config_build.c fills one object
 * from one section by the table of keys, lib/config.c puts the whole together, lib/config_certificate.c makes
 * the lineages. */

#include "lib/config_reading.h"

/* What is being built: one object from one section. */
struct config_build {
    struct config_reading *r;
    const struct config_read_section *section;  /* NULL: there is none */
    const struct config_read_section *defaults; /* [defaults], for certificates */
    void *object;
    bool silent; /* errors of these values were noted before */
};

/* Every key of the section: its own value, else that of [defaults], else the table's. */
void config_build_object(struct config_build *b, enum config_section table);
/* Only what stands in the section itself, for its errors. */
void config_build_try(struct config_build *b);

/* All lineages of all certificates into c->certificates. live: as for config_parse(). */
void config_build_certificates(struct config_reading *r, struct config *c, const struct config_live *live);
void config_certificate_clear(struct config_certificate *c);

/* The file a section stands in; borrowed from c. */
const char *config_build_file(const struct config *c, const struct config_read_section *s);

#endif
