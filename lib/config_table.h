/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CONFIG_TABLE_H
#define ACMED_CONFIG_TABLE_H

/* The one table of all configuration keys. Inside of the configuration's room; others include lib/config.h.
 */

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_section {
    CONFIG_SECTION_ACMED,
    CONFIG_SECTION_CA,
    CONFIG_SECTION_DEFAULTS,
    CONFIG_SECTION_CERTIFICATE,
    CONFIG_SECTION_UNKNOWN, /* malformed or unknown: its keys are not looked at */
    CONFIG_SECTION_COUNT
};

struct config_key {
    enum config_section section; /* never DEFAULTS: that has CERTIFICATE's keys */
    bool list;                   /* split at blanks, parsed word by word */
    const char *name;
    /* Parses a value, or one word of a list, into object (struct config, config_ca or config_certificate by
     * section). False with e: class configuration for a wrong value, internal for out of memory. */
    bool (*parse)(void *object, const struct config_key *key, const char *value, struct err *e);
    size_t offset; /* of the field, for parsers that serve several keys */
    int64_t min;   /* bounds of a number or duration */
    int64_t max;
    const char *default_; /* parsed where the key is not given; NULL: the field stays zero */
    const char *help;
};

#define CONFIG_KEYS_MAX 64 /* bound of the table, for arrays indexed by config_key_index() */

const struct config_key *config_keys(size_t *n);
size_t config_key_index(const struct config_key *key);

/* NULL when the section has no such key. */
const struct config_key *config_key_find(enum config_section section, const char *name);

/* What may have been meant by an unknown key, as the end of a message: ", did you mean `x`?" or
 * ": that is a key of [ca NAME]" or "". Written to text. */
void config_key_suggest(enum config_section section, const char *name, char *text, size_t size);

/* UNKNOWN when there is no section of that kind. */
enum config_section config_section_from_str(const char *s);
const char *config_section_to_str(enum config_section section);
bool config_section_takes_name(enum config_section section);

/* The nearest kind of section by spelling, or NULL. */
const char *config_section_suggest(const char *s);

#endif
