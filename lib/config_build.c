/* SPDX-License-Identifier: MIT */
#include "lib/config_build.h"

#include <stdlib.h>
#include <string.h>

static void parse_one(struct config_build *b, const struct config_key *key, const char *value, size_t file,
                      unsigned line)
{
    struct err e;

    if (key->parse(b->object, key, value, &e))
        return;
    if (e.class == ERR_CLASS_INTERNAL)
        b->r->nomem = true;
    else if (!b->silent)
        config_note(b->r, file, line, false, "%s: %s", key->name, e.text);
}

/* A value, or each word of a list. */
static void parse_value(struct config_build *b, const struct config_key *key, const char *value, size_t file,
                        unsigned line)
{
    char *word;
    size_t n;

    if (!key->list) {
        parse_one(b, key, value, file, line);
        return;
    }
    for (const char *p = value + strspn(value, " \t"); *p != '\0' && !b->r->nomem; p += strspn(p, " \t")) {
        n = strcspn(p, " \t");
        word = strndup(p, n);
        if (word == NULL) {
            b->r->nomem = true;
            return;
        }
        parse_one(b, key, word, file, line);
        free(word);
        p += n;
    }
}

/* All entries of a section for a key; false: there is none. */
static bool parse_entries(struct config_build *b, const struct config_key *key,
                          const struct config_read_section *s)
{
    const struct config_entry *entry;
    bool found = false;

    for (size_t i = 0; s != NULL && i < s->n; i++) {
        entry = &b->r->entries[s->first + i];
        if (entry->key == key) {
            found = true;
            parse_value(b, key, entry->value, s->file, entry->line);
        }
    }
    return found;
}

void config_build_object(struct config_build *b, enum config_section table)
{
    bool silent = b->silent;
    size_t n;
    const struct config_key *keys = config_keys(&n);

    for (size_t i = 0; i < n && !b->r->nomem; i++) {
        if (keys[i].section != table || parse_entries(b, &keys[i], b->section))
            continue;
        b->silent = true;
        if (!parse_entries(b, &keys[i], b->defaults) && keys[i].default_ != NULL)
            parse_value(b, &keys[i], keys[i].default_, 0, 0);
        b->silent = silent;
    }
}

void config_build_try(struct config_build *b)
{
    size_t n;
    const struct config_key *keys = config_keys(&n);

    for (size_t i = 0; i < n && !b->r->nomem; i++)
        (void)parse_entries(b, &keys[i], b->section);
}
