/* SPDX-License-Identifier: MIT */
#include "lib/config_reading.h"

#include "lib/config_value.h"
#include "lib/ident.h"
#include "lib/ini.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for one more element; NULL: out of memory, the array as before. */
static void *grow(void *v, size_t n, size_t *cap, size_t size)
{
    size_t want = *cap == 0 ? 16 : *cap * 2;
    void *p;

    if (n < *cap)
        return v;
    p = reallocarray(v, want, size);
    if (p != NULL)
        *cap = want;
    return p;
}

void config_note(struct config_reading *r, size_t file, unsigned line, bool warning, const char *fmt, ...)
{
    struct config_note *v;
    char *text;
    va_list ap;
    int n;

    r->errors += warning ? 0 : 1;
    if (r->n_notes >= CONFIG_NOTES_MAX) {
        r->dropped++;
        return;
    }
    v = grow(r->notes, r->n_notes, &r->cap_notes, sizeof *v);
    if (v == NULL) {
        r->nomem = true;
        return;
    }
    r->notes = v;
    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) {
        r->nomem = true;
        return;
    }
    v[r->n_notes] = (struct config_note){
        .file = file, .line = line, .number = r->n_notes, .warning = warning, .text = text};
    r->n_notes++;
}

/* The kind and name of a heading; notes what is wrong with it and then returns UNKNOWN. */
static enum config_section parse_heading(struct config_reading *r, size_t file, const struct ini_item *item,
                                         char *name, size_t size)
{
    enum config_section kind = config_section_from_str(item->name);
    char ident[IDENT_MAX + 1];
    const char *suggestion;

    name[0] = '\0';
    if (kind == CONFIG_SECTION_UNKNOWN) {
        suggestion = config_section_suggest(item->name);
        if (suggestion != NULL)
            config_note(r, file, item->line, false, "unknown section [%.80s]: did you mean [%s]?", item->name,
                        suggestion);
        else
            config_note(
                r, file, item->line, false,
                "unknown section [%.80s]: there are [acmed], [ca NAME], [defaults] and [certificate NAME]",
                item->name);
        return kind;
    }
    if (!config_section_takes_name(kind)) {
        if (item->value[0] == '\0')
            return kind;
        config_note(r, file, item->line, false, "[%s] takes no name: write [%s]", item->name, item->name);
        return CONFIG_SECTION_UNKNOWN;
    }
    if (item->value[0] == '\0')
        config_note(r, file, item->line, false, "[%s] needs a name, as in [%s %s]", item->name, item->name,
                    kind == CONFIG_SECTION_CA ? "my-ca" : "example.com");
    else if (config_name_parse(item->value, name, size))
        return kind;
    else if (kind == CONFIG_SECTION_CERTIFICATE && ident_parse(item->value, ident, NULL))
        config_note(r, file, item->line, false,
                    "[%s %.300s]: a section's name is plain ASCII and no wildcard or address of IPv6: write "
                    "[%s %s] and below it `domains = %.300s`",
                    item->name, item->value, item->name,
                    strchr(ident, ':') != NULL ? "host" : ident_base(ident), item->value);
    else
        config_note(r, file, item->line, false,
                    "[%s %.80s]: a name has up to %d letters, digits, dots, hyphens and underscores and "
                    "begins with a "
                    "letter or digit%s",
                    item->name, item->value, CONFIG_NAME_MAX,
                    kind == CONFIG_SECTION_CERTIFICATE ? "; other names go into `domains`" : "");
    return CONFIG_SECTION_UNKNOWN;
}

static void add_section(struct config_reading *r, size_t file, unsigned line, enum config_section kind,
                        const char *name)
{
    struct config_read_section *v = grow(r->sections, r->n_sections, &r->cap_sections, sizeof *v);
    char *copy;

    if (v != NULL)
        r->sections = v;
    copy = v != NULL ? strdup(name) : NULL;
    if (copy == NULL) {
        r->nomem = true;
        return;
    }
    v[r->n_sections++] = (struct config_read_section){
        .kind = kind, .name = copy, .file = file, .line = line, .first = r->n_entries};
    memset(r->first_line, 0, sizeof r->first_line);
}

static void read_heading(struct config_reading *r, size_t file, const struct ini_item *item)
{
    char name[CONFIG_NAME_MAX + 1];
    enum config_section kind = parse_heading(r, file, item, name, sizeof name);

    add_section(r, file, item->line, kind, name);
}

/* A comment behind a value would silently become part of it. The hook's own quoting looks for it itself. */
static bool has_comment(const char *value)
{
    for (const char *p = value; *p != '\0'; p++)
        if ((*p == '#' || *p == ';') && (p == value || p[-1] == ' ' || p[-1] == '\t'))
            return true;
    return false;
}

static bool check_entry(struct config_reading *r, size_t file, const struct ini_item *item,
                        const struct config_key *key)
{
    unsigned *first = &r->first_line[config_key_index(key)];

    if (!key->list && *first != 0) {
        config_note(r, file, item->line, false, "`%s` was already given on line %u: keep one of the two",
                    key->name, *first);
        return false;
    }
    *first = item->line;
    if (item->value[0] == '\0') {
        config_note(r, file, item->line, false,
                    "`%s` has no value: give one, or remove the line for the default", key->name);
        return false;
    }
    if (key->parse != config_value_hook && has_comment(item->value)) {
        config_note(r, file, item->line, false, "%s: a comment needs a line of its own", key->name);
        return false;
    }
    return true;
}

static void read_entry(struct config_reading *r, size_t file, const struct ini_item *item)
{
    struct config_read_section *s = &r->sections[r->n_sections - 1];
    const struct config_key *key;
    struct config_entry *v;
    char suggestion[100];
    char *value;

    if (s->kind == CONFIG_SECTION_UNKNOWN)
        return;
    key = config_key_find(s->kind, item->name);
    if (key == NULL) {
        config_key_suggest(s->kind, item->name, suggestion, sizeof suggestion);
        config_note(r, file, item->line, false, "unknown key `%.80s` in [%s%s%s]%s", item->name,
                    config_section_to_str(s->kind), s->name[0] != '\0' ? " " : "", s->name, suggestion);
        return;
    }
    if (!check_entry(r, file, item, key))
        return;
    v = grow(r->entries, r->n_entries, &r->cap_entries, sizeof *v);
    if (v != NULL)
        r->entries = v;
    value = v != NULL ? strdup(item->value) : NULL;
    if (value == NULL) {
        r->nomem = true;
        return;
    }
    v[r->n_entries++] = (struct config_entry){.key = key, .value = value, .line = item->line};
    s->n++;
}

static void read_item(struct config_reading *r, size_t file, size_t before, const struct ini_item *item)
{
    switch (item->kind) {
    case INI_SECTION:
        read_heading(r, file, item);
        break;
    case INI_ENTRY:
        if (r->n_sections == before) {
            config_note(
                r, file, item->line, false,
                "`%.80s` stands before the first section: write [acmed] or [certificate NAME] above it",
                item->name);
            add_section(r, file, item->line, CONFIG_SECTION_UNKNOWN, "");
        } else {
            read_entry(r, file, item);
        }
        break;
    case INI_ERROR:
        config_note(r, file, item->line, false, "%s", item->error);
        if (item->heading)
            add_section(r, file, item->line, CONFIG_SECTION_UNKNOWN, "");
        break;
    case INI_NOMEM:
    case INI_END:
        r->nomem = r->nomem || item->kind == INI_NOMEM;
        break;
    }
}

static void read_file(struct config_reading *r, size_t file)
{
    size_t before = r->n_sections;
    struct ini_item item;
    struct ini ini;

    ini_init(&ini, r->files[file].text, r->files[file].len);
    do {
        ini_next(&ini, &item);
        if (item.kind == INI_SECTION && r->n_sections >= CONFIG_SECTIONS_MAX) {
            config_note(r, file, item.line, false, "more than %d sections: the rest of this file is not read",
                        CONFIG_SECTIONS_MAX);
            break;
        }
        read_item(r, file, before, &item);
    } while (item.kind != INI_END && !r->nomem);
    ini_clear(&ini);
}

bool config_reading_read(struct config_reading *r, const struct config_file *files, size_t n)
{
    *r = (struct config_reading){.files = files, .n_files = n};
    if (n > CONFIG_FILES_MAX) {
        config_note(r, CONFIG_FILES_MAX, 0, false,
                    "this is the %dth file, and no more than %d are read: join some of them",
                    CONFIG_FILES_MAX + 1, CONFIG_FILES_MAX);
        n = CONFIG_FILES_MAX;
    }
    for (size_t i = 0; i < n && !r->nomem; i++)
        read_file(r, i);
    return !r->nomem;
}

static int compare_kind_and_name(enum config_section kind, const char *name,
                                 const struct config_read_section *s)
{
    if (kind != s->kind)
        return kind < s->kind ? -1 : 1;
    return strcmp(name, s->name);
}

static int by_kind_and_name(const void *a, const void *b)
{
    const struct config_read_section *x = *(struct config_read_section *const *)a;
    const struct config_read_section *y = *(struct config_read_section *const *)b;
    int c = compare_kind_and_name(x->kind, x->name, y);

    /* Both are elements of one array: their addresses are in the order of reading. */
    return c != 0 ? c : (x < y ? -1 : x > y);
}

bool config_reading_sort(struct config_reading *r)
{
    struct config_read_section *s;
    struct config_read_section *first = NULL;

    r->order = reallocarray(NULL, r->n_sections + 1, sizeof(struct config_read_section *));
    if (r->order == NULL) {
        r->nomem = true;
        return false;
    }
    for (size_t i = 0; i < r->n_sections; i++)
        r->order[i] = &r->sections[i];
    qsort(r->order, r->n_sections, sizeof(struct config_read_section *), by_kind_and_name);
    for (size_t i = 0; i < r->n_sections; i++) {
        s = r->order[i];
        if (s->kind == CONFIG_SECTION_UNKNOWN)
            break;
        s->duplicate = first != NULL && compare_kind_and_name(s->kind, s->name, first) == 0;
        if (s->duplicate)
            config_note(r, s->file, s->line, false, "[%s%s%s] was already given at %s:%u: join the two",
                        config_section_to_str(s->kind), s->name[0] != '\0' ? " " : "", s->name,
                        r->files[first->file].path, first->line);
        else
            first = s;
    }
    return !r->nomem;
}

const struct config_read_section *config_reading_find(const struct config_reading *r,
                                                      enum config_section kind, const char *name)
{
    size_t lo = 0;
    size_t hi = r->n_sections;
    size_t mid;

    /* The first of equals is the one that counts. */
    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        if (compare_kind_and_name(kind, name, r->order[mid]) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < r->n_sections && compare_kind_and_name(kind, name, r->order[lo]) == 0)
        return r->order[lo];
    return NULL;
}

const struct config_entry *config_reading_entry(const struct config_reading *r,
                                                const struct config_read_section *s,
                                                const struct config_key *key)
{
    for (size_t i = s != NULL ? s->n : 0; i > 0; i--)
        if (r->entries[s->first + i - 1].key == key)
            return &r->entries[s->first + i - 1];
    return NULL;
}

static int by_place(const void *a, const void *b)
{
    const struct config_note *x = a;
    const struct config_note *y = b;

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void config_reading_report(struct config_reading *r, struct config_messages *messages)
{
    const struct config_note *last = NULL;
    const struct config_note *note;

    if (r->n_notes > 0)
        qsort(r->notes, r->n_notes, sizeof r->notes[0], by_place);
    for (size_t i = 0; i < r->n_notes; i++) {
        note = &r->notes[i];
        /* What [defaults] says wrong is wrong for every certificate, and said once. */
        if (last != NULL && last->file == note->file && last->line == note->line &&
            strcmp(last->text, note->text) == 0)
            continue;
        if (!config_messages_add(messages, r->files[note->file].path, note->line, note->warning, "%s",
                                 note->text))
            r->nomem = true;
        last = note;
    }
    if (r->dropped > 0)
        config_messages_add(messages, "", 0, false, "%zu further errors and warnings are not shown",
                            r->dropped);
}

void config_reading_clear(struct config_reading *r)
{
    for (size_t i = 0; i < r->n_sections; i++)
        free(r->sections[i].name);
    for (size_t i = 0; i < r->n_entries; i++)
        free(r->entries[i].value);
    for (size_t i = 0; i < r->n_notes; i++)
        free(r->notes[i].text);
    free(r->sections);
    free(r->entries);
    free(r->notes);
    free(r->order);
    *r = (struct config_reading){0};
}
