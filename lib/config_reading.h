/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CONFIG_READING_H
#define ACMED_CONFIG_READING_H

/* One reading of a configuration: the sections and entries as they stand in the files, and what is wrong with
 * them. Inside of the configuration's room: config_parse() fills it (lib/config_reading.c), builds the
 * structs from it (lib/config.c) and checks them together (lib/config_check.c). */

#include "lib/config.h"
#include "lib/config_table.h"

#define CONFIG_FILES_MAX    1000
#define CONFIG_SECTIONS_MAX 100000
#define CONFIG_NOTES_MAX    10000 /* what is wrong beyond these is only counted */

struct config_entry {
    const struct config_key *key;
    char *value; /* owned */
    unsigned line;
};

struct config_read_section {
    enum config_section kind;
    char *name; /* owned, lower case; "" where the kind has none */
    size_t file;
    unsigned line;
    size_t first; /* entries[first .. first + n) */
    size_t n;
    bool duplicate; /* there was one of that kind and name before: looked at for errors only */
};

struct config_note {
    size_t file;
    unsigned line;
    size_t number; /* keeps the order within a line */
    bool warning;
    char *text; /* owned */
};

struct config_reading {
    const struct config_file *files; /* borrowed */
    size_t n_files;
    struct config_read_section *sections;
    size_t n_sections;
    size_t cap_sections;
    struct config_entry *entries;
    size_t n_entries;
    size_t cap_entries;
    struct config_note *notes;
    size_t n_notes;
    size_t cap_notes;
    size_t dropped; /* notes beyond CONFIG_NOTES_MAX */
    size_t errors;
    /* Where each key of the section being read was first given; 0: not yet. */
    unsigned first_line[CONFIG_KEYS_MAX];
    struct config_read_section *
        *order; /* owned array: sections by kind and name, from config_reading_sort() */
    bool nomem;
};

/* What is wrong at a line (0: the file as a whole). Out of memory sets r->nomem. */
void config_note(struct config_reading *r, size_t file, unsigned line, bool warning, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Reads all files. Everything wrong becomes a note; false only when memory is out. */
bool config_reading_read(struct config_reading *r, const struct config_file *files, size_t n);

/* Sorts the sections by kind and name into r->order and notes those given twice. False: out of memory. */
bool config_reading_sort(struct config_reading *r);

/* The section of that kind and name ("" for none) that counts, or NULL. After config_reading_sort(). */
const struct config_read_section *config_reading_find(const struct config_reading *r,
                                                      enum config_section kind, const char *name);

/* The last entry for the key in this section, or NULL. s may be NULL. */
const struct config_entry *config_reading_entry(const struct config_reading *r,
                                                const struct config_read_section *s,
                                                const struct config_key *key);

/* Hands the notes over, in the order of files and lines. */
void config_reading_report(struct config_reading *r, struct config_messages *messages);
void config_reading_clear(struct config_reading *r);

/* Whether this is a CA that acmed knows without a section: a public one. */
bool config_ca_is_built_in(const struct config_ca *ca);

/* Checks across sections, after all were built. c->certificates[i] comes from of[i]. */
void config_check(struct config_reading *r, const struct config *c,
                  const struct config_read_section *const *of);

#endif
