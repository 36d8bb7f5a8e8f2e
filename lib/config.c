/* SPDX-License-Identifier: MIT */
#include "lib/config.h"

#include "lib/config_reading.h"
#include "lib/config_value.h"
#include "lib/ident.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *directory;
} built_in[] = {
    {CONFIG_CA_DEFAULT, "https://acme-v02.api.letsencrypt.org/directory"},
    {"letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"},
};
#define N_BUILT_IN (sizeof built_in / sizeof built_in[0])

/* What is being built: one object from one section. */
struct build {
    struct config_reading *r;
    const struct config_read_section *section;  /* NULL: there is none */
    const struct config_read_section *defaults; /* [defaults], for certificates */
    void *object;
    bool silent; /* errors of these values were noted before */
};

static void parse_one(struct build *b, const struct config_key *key, const char *value, size_t file,
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
static void parse_value(struct build *b, const struct config_key *key, const char *value, size_t file,
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
static bool parse_entries(struct build *b, const struct config_key *key, const struct config_read_section *s)
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

/* Every key of the section: its own value, else that of [defaults], else the table's. */
static void build_object(struct build *b, enum config_section table)
{
    size_t n;
    const struct config_key *keys = config_keys(&n);

    for (size_t i = 0; i < n && !b->r->nomem; i++) {
        if (keys[i].section != table || parse_entries(b, &keys[i], b->section))
            continue;
        b->silent = true;
        if (!parse_entries(b, &keys[i], b->defaults) && keys[i].default_ != NULL)
            parse_value(b, &keys[i], keys[i].default_, 0, 0);
        b->silent = false;
    }
}

static void certificate_clear(struct config_certificate *c)
{
    free(c->name);
    strv_clear(&c->domains);
    free(c->owner);
    free(c->group);
    for (size_t i = 0; i < c->n_copies; i++)
        free(c->copies[i].path);
    free(c->copies);
    strv_clear(&c->reload);
    strv_clear(&c->hook);
    free(c->hook_user);
    free(c->verify_host);
}

static void ca_clear(struct config_ca *ca)
{
    free(ca->name);
    free(ca->directory);
    free(ca->ca_file);
    free(ca->contact);
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_certificates; i++)
        certificate_clear(&c->certificates[i]);
    for (size_t i = 0; i < c->n_cas; i++)
        ca_clear(&c->cas[i]);
    for (size_t i = 0; i < c->n_http_listen; i++) {
        free(c->http_listen[i].text);
        free(c->http_listen[i].host);
    }
    free(c->certificates);
    free(c->cas);
    free(c->http_listen);
    free(c->contact);
    free(c->user);
    free(c->state_dir);
    free(c->control_socket);
    free(c->control_group);
    strv_clear(&c->files);
    free(c);
}

static void build_global(struct config_reading *r, struct config *c)
{
    struct build b = {.r = r, .object = c, .section = config_reading_find(r, CONFIG_SECTION_ACMED, "")};
    const struct config_key *listen = config_key_find(CONFIG_SECTION_ACMED, "http_listen");

    build_object(&b, CONFIG_SECTION_ACMED);
    c->http_listen_set = config_reading_entry(r, b.section, listen) != NULL;
    for (size_t i = 0; i < c->n_http_listen; i++)
        c->http_listen[i].explicit_ = c->http_listen_set;
}

static const char *file_name(const struct config *c, const struct config_read_section *s)
{
    return s->file < c->files.n ? c->files.v[s->file] : "";
}

/* One CA from its section and what is built in; either may be missing, not both. */
static void build_ca(struct config_reading *r, struct config *c, const struct config_read_section *s,
                     const char *name, const char *directory)
{
    struct config_ca *ca = &c->cas[c->n_cas++];
    struct build b = {.r = r, .section = s, .object = ca};

    *ca = (struct config_ca){.name = strdup(name), .file = "", .agree_terms = c->agree_terms};
    if (ca->name == NULL) {
        r->nomem = true;
        return;
    }
    if (s != NULL) {
        ca->file = file_name(c, s);
        ca->line = s->line;
    }
    build_object(&b, CONFIG_SECTION_CA);
    if (ca->directory != NULL || r->nomem)
        return;
    if (directory != NULL) {
        ca->directory = strdup(directory);
        r->nomem = ca->directory == NULL;
    } else if (s != NULL &&
               config_reading_entry(r, s, config_key_find(CONFIG_SECTION_CA, "directory")) == NULL) {
        config_note(r, s->file, s->line, false,
                    "[ca %s] needs the URL of the CA's directory: add `directory = https://...`", name);
    }
}

static int ca_by_name(const void *a, const void *b)
{
    return strcmp(((const struct config_ca *)a)->name, ((const struct config_ca *)b)->name);
}

static bool is_built_in(const char *name)
{
    for (size_t i = 0; i < N_BUILT_IN; i++)
        if (strcmp(name, built_in[i].name) == 0)
            return true;
    return false;
}

static void build_cas(struct config_reading *r, struct config *c)
{
    const struct config_read_section *s;

    c->cas = calloc(r->n_sections + N_BUILT_IN, sizeof c->cas[0]);
    if (c->cas == NULL) {
        r->nomem = true;
        return;
    }
    for (size_t i = 0; i < N_BUILT_IN && !r->nomem; i++)
        build_ca(r, c, config_reading_find(r, CONFIG_SECTION_CA, built_in[i].name), built_in[i].name,
                 built_in[i].directory);
    for (size_t i = 0; i < r->n_sections && !r->nomem; i++) {
        s = r->order[i];
        if (s->kind == CONFIG_SECTION_CA && !s->duplicate && !is_built_in(s->name))
            build_ca(r, c, s, s->name, NULL);
    }
    if (!r->nomem)
        qsort(c->cas, c->n_cas, sizeof c->cas[0], ca_by_name);
}

/* Without `domains` the section's name is the domain. */
static void default_domain(struct config_reading *r, struct config_certificate *c, const struct build *b)
{
    const struct config_key *key = config_key_find(CONFIG_SECTION_CERTIFICATE, "domains");
    char name[IDENT_DNS_MAX + 1];
    struct err e;

    if (config_reading_entry(r, b->section, key) != NULL || config_reading_entry(r, b->defaults, key) != NULL)
        return;
    if (!ident_dns(c->name, name, &e))
        config_note(r, b->section->file, b->section->line, false,
                    "[certificate %s] has no `domains`, and its name does not serve as one: %s", c->name,
                    e.text);
    else if (!strv_add(&c->domains, name))
        r->nomem = true;
}

static void link_ca(struct config_reading *r, struct config *c, struct config_certificate *cert,
                    const struct build *b)
{
    const struct config_key *key = config_key_find(CONFIG_SECTION_CERTIFICATE, "ca");
    const struct config_read_section *s = b->section;
    const struct config_entry *entry = config_reading_entry(r, s, key);
    char name[CONFIG_NAME_MAX + 1];

    if (entry == NULL) {
        s = b->defaults;
        entry = config_reading_entry(r, s, key);
    }
    if (entry == NULL) {
        cert->ca = config_find_ca(c, CONFIG_CA_DEFAULT);
        return;
    }
    if (!config_name_parse(entry->value, name, sizeof name))
        return; /* noted when the value was parsed */
    cert->ca = config_find_ca(c, name);
    if (cert->ca == NULL)
        config_note(
            r, s->file, entry->line, false,
            "ca: there is no CA \"%s\": letsencrypt and letsencrypt-staging are built in, others need a "
            "section [ca %s]",
            name, name);
}

static void build_certificate(struct config_reading *r, struct config *c, const struct config_read_section *s)
{
    struct config_certificate *cert = &c->certificates[c->n_certificates++];
    struct build b = {.r = r, .section = s, .object = cert};

    b.defaults = config_reading_find(r, CONFIG_SECTION_DEFAULTS, "");
    cert->name = strdup(s->name);
    if (cert->name == NULL) {
        r->nomem = true;
        return;
    }
    cert->file = file_name(c, s);
    cert->line = s->line;
    build_object(&b, CONFIG_SECTION_CERTIFICATE);
    if (r->nomem)
        return;
    default_domain(r, cert, &b);
    link_ca(r, c, cert, &b);
}

/* Looks at the values of a section that no object comes from: [defaults] itself, and what is given twice. */
static void try_section(struct config_reading *r, const struct config_read_section *s)
{
    struct config global = {0};
    struct config_ca ca = {0};
    struct config_certificate certificate = {0};
    struct build b = {.r = r, .section = s, .object = &certificate};
    size_t n;
    const struct config_key *keys = config_keys(&n);

    if (s->kind == CONFIG_SECTION_ACMED)
        b.object = &global;
    else if (s->kind == CONFIG_SECTION_CA)
        b.object = &ca;
    for (size_t i = 0; i < n && !r->nomem; i++)
        (void)parse_entries(&b, &keys[i], s);
    certificate_clear(&certificate);
    ca_clear(&ca);
    for (size_t i = 0; i < global.n_http_listen; i++) {
        free(global.http_listen[i].text);
        free(global.http_listen[i].host);
    }
    free(global.http_listen);
    free(global.contact);
    free(global.user);
    free(global.state_dir);
    free(global.control_socket);
    free(global.control_group);
}

static void build_certificates(struct config_reading *r, struct config *c)
{
    const struct config_read_section **of = calloc(r->n_sections + 1, sizeof(struct config_read_section *));
    const struct config_read_section *s;

    c->certificates = calloc(r->n_sections + 1, sizeof c->certificates[0]);
    r->nomem = r->nomem || of == NULL || c->certificates == NULL;
    for (size_t i = 0; i < r->n_sections && !r->nomem; i++) {
        s = r->order[i];
        if (s->kind == CONFIG_SECTION_UNKNOWN)
            continue;
        if (s->kind == CONFIG_SECTION_DEFAULTS || s->duplicate) {
            try_section(r, s);
        } else if (s->kind == CONFIG_SECTION_CERTIFICATE) {
            of[c->n_certificates] = s;
            build_certificate(r, c, s);
        }
    }
    if (!r->nomem)
        config_check(r, c, of);
    free(of);
}

static struct config *build(struct config_reading *r)
{
    struct config *c = calloc(1, sizeof *c);

    r->nomem = r->nomem || c == NULL || !config_reading_sort(r);
    for (size_t i = 0; i < r->n_files && !r->nomem; i++)
        r->nomem = !strv_add(&c->files, r->files[i].path);
    if (!r->nomem)
        build_global(r, c);
    if (!r->nomem)
        build_cas(r, c);
    if (!r->nomem)
        build_certificates(r, c);
    return c;
}

struct config *config_parse(const struct config_file *files, size_t n, struct config_messages *messages)
{
    struct config_reading r;
    struct config *c = NULL;

    if (config_reading_read(&r, files, n))
        c = build(&r);
    config_reading_report(&r, messages);
    if (r.nomem)
        config_messages_add(messages, "", 0, false, "out of memory: the configuration is not read");
    if (r.nomem || r.errors > 0) {
        config_free(c);
        c = NULL;
    }
    config_reading_clear(&r);
    return c;
}

static int compare_certificate(const void *name, const void *certificate)
{
    return strcmp(name, ((const struct config_certificate *)certificate)->name);
}

static int compare_ca(const void *name, const void *ca)
{
    return strcmp(name, ((const struct config_ca *)ca)->name);
}

const struct config_certificate *config_find(const struct config *c, const char *name)
{
    return bsearch(name, c->certificates, c->n_certificates, sizeof c->certificates[0], compare_certificate);
}

const struct config_ca *config_find_ca(const struct config *c, const char *name)
{
    return bsearch(name, c->cas, c->n_cas, sizeof c->cas[0], compare_ca);
}

const char *config_ca_contact(const struct config *c, const struct config_ca *ca)
{
    return ca->contact != NULL ? ca->contact : c->contact;
}
