/* SPDX-License-Identifier: MIT */
#include "lib/config.h"

#include "lib/ca.h"
#include "lib/config_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ca_clear(struct config_ca *ca)
{
    free(ca->name);
    free(ca->directory);
    free(ca->ca_file);
    free(ca->contact);
    free(ca->eab_kid);
    free(ca->eab_hmac_file);
    free(ca->chain);
    free(ca->staging_name);
}

void config_live_clear(struct config_live *live)
{
    for (size_t i = 0; i < live->n; i++)
        free(live->v[i].name);
    free(live->v);
    *live = (struct config_live){0};
}

static void listen_clear(struct listen_addr *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(v[i].text);
        free(v[i].host);
    }
    free(v);
}

/* What [acmed] says. */
static void global_clear(struct config *c)
{
    listen_clear(c->http_listen, c->n_http_listen);
    listen_clear(c->tls_alpn_listen, c->n_tls_alpn_listen);
    free(c->contact);
    free(c->user);
    free(c->state_dir);
    free(c->control_socket);
    free(c->control_group);
    strv_clear(&c->dns_resolvers);
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_certificates; i++)
        config_certificate_clear(&c->certificates[i]);
    for (size_t i = 0; i < c->n_cas; i++)
        ca_clear(&c->cas[i]);
    free(c->certificates);
    free(c->cas);
    global_clear(c);
    strv_clear(&c->files);
    free(c);
}

static void build_global(struct config_reading *r, struct config *c)
{
    struct config_build b = {
        .r = r, .object = c, .section = config_reading_find(r, CONFIG_SECTION_ACMED, "")};
    const struct config_key *listen = config_key_find(CONFIG_SECTION_ACMED, "http_listen");
    const struct config_key *orders = config_key_find(CONFIG_SECTION_ACMED, "max_orders");

    config_build_object(&b, CONFIG_SECTION_ACMED);
    c->http_listen_set = config_reading_entry(r, b.section, listen) != NULL;
    c->max_orders_set = config_reading_entry(r, b.section, orders) != NULL;
    for (size_t i = 0; i < c->n_http_listen; i++)
        c->http_listen[i].explicit_ = c->http_listen_set;
}

const char *config_build_file(const struct config *c, const struct config_read_section *s)
{
    return s->file < c->files.n ? c->files.v[s->file] : "";
}

/* One CA from its section and what is built in; either may be missing, not both. */
static void build_ca(struct config_reading *r, struct config *c, const struct config_read_section *s,
                     const char *name, const char *directory)
{
    struct config_ca *ca = &c->cas[c->n_cas++];
    struct config_build b = {.r = r, .section = s, .object = ca};

    *ca = (struct config_ca){.name = strdup(name), .file = "", .agree_terms = c->agree_terms};
    if (ca->name == NULL) {
        r->nomem = true;
        return;
    }
    if (s != NULL) {
        ca->file = config_build_file(c, s);
        ca->line = s->line;
    }
    config_build_object(&b, CONFIG_SECTION_CA);
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

static int by_ca_name(const void *a, const void *b)
{
    return strcmp(((const struct config_ca *)a)->name, ((const struct config_ca *)b)->name);
}

bool config_ca_is_built_in(const struct config_ca *ca)
{
    const struct ca_info *known;

    for (size_t i = 0; ca->directory != NULL && (known = ca_at(i)) != NULL; i++)
        if (strcmp(ca->directory, known->directory) == 0)
            return true;
    return false;
}

/* What acmed knows is for the CA's own directory: under another URL it is another CA. */
static const char *known_staging(const struct config_ca *ca)
{
    const struct ca_info *known;

    for (size_t i = 0; ca->directory != NULL && (known = ca_at(i)) != NULL; i++)
        if (strcmp(ca->directory, known->directory) == 0)
            return known->staging;
    return NULL;
}

/* All CAs are there, in the order of their names. */
static void link_staging(struct config_reading *r, struct config *c)
{
    const struct config_key *key = config_key_find(CONFIG_SECTION_CA, "staging");

    for (size_t i = 0; i < c->n_cas && !r->nomem; i++) {
        struct config_ca *ca = &c->cas[i];
        const struct config_read_section *s = config_reading_find(r, CONFIG_SECTION_CA, ca->name);
        const struct config_entry *entry = s != NULL ? config_reading_entry(r, s, key) : NULL;

        if (ca->staging_name == NULL && entry == NULL && known_staging(ca) != NULL) {
            ca->staging_name = strdup(known_staging(ca));
            r->nomem = ca->staging_name == NULL;
        }
        if (ca->staging_name == NULL)
            continue;
        ca->staging = config_find_ca(c, ca->staging_name);
        if (entry == NULL || (ca->staging != NULL && ca->staging != ca))
            continue;
        if (ca->staging == ca)
            config_note(r, s->file, entry->line, false,
                        "staging: [ca %s] names itself: give another CA, whose certificates are for trials",
                        ca->name);
        else
            config_note(
                r, s->file, entry->line, false,
                "staging: there is no CA \"%s\": give a built-in one as letsencrypt-staging, or write "
                "a section [ca %s] with the `directory` for trials",
                ca->staging_name, ca->staging_name);
    }
}

static void build_cas(struct config_reading *r, struct config *c)
{
    const struct config_read_section *s;
    const struct ca_info *known;
    size_t n_known = 0;

    while (ca_at(n_known) != NULL)
        n_known++;
    c->cas = calloc(r->n_sections + n_known, sizeof c->cas[0]);
    if (c->cas == NULL) {
        r->nomem = true;
        return;
    }
    for (size_t i = 0; (known = ca_at(i)) != NULL && !r->nomem; i++)
        build_ca(r, c, config_reading_find(r, CONFIG_SECTION_CA, known->name), known->name, known->directory);
    for (size_t i = 0; i < r->n_sections && !r->nomem; i++) {
        s = r->order[i];
        if (s->kind == CONFIG_SECTION_CA && !s->duplicate && ca_by_name(s->name) == NULL)
            build_ca(r, c, s, s->name, NULL);
    }
    if (!r->nomem)
        qsort(c->cas, c->n_cas, sizeof c->cas[0], by_ca_name);
    link_staging(r, c);
}

/* Looks at the values of a section that no object comes from: [defaults] itself, and what is given twice. */
static void try_section(struct config_reading *r, const struct config_read_section *s)
{
    struct config global = {0};
    struct config_ca ca = {0};
    struct config_certificate certificate = {0};
    struct config_build b = {.r = r, .section = s, .object = &certificate};

    if (s->kind == CONFIG_SECTION_ACMED)
        b.object = &global;
    else if (s->kind == CONFIG_SECTION_CA)
        b.object = &ca;
    config_build_try(&b);
    config_certificate_clear(&certificate);
    ca_clear(&ca);
    global_clear(&global);
}

static void try_sections(struct config_reading *r)
{
    for (size_t i = 0; i < r->n_sections && !r->nomem; i++) {
        const struct config_read_section *s = r->order[i];

        if (s->kind != CONFIG_SECTION_UNKNOWN && (s->kind == CONFIG_SECTION_DEFAULTS || s->duplicate))
            try_section(r, s);
    }
}

static struct config *build(struct config_reading *r, const struct config_live *live)
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
        try_sections(r);
    if (!r->nomem)
        config_build_certificates(r, c, live);
    return c;
}

struct config *config_parse(const struct config_file *files, size_t n, const struct config_live *live,
                            struct config_messages *messages)
{
    struct config_reading r;
    struct config *c = NULL;

    if (config_reading_read(&r, files, n))
        c = build(&r, live);
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

bool config_answers_to(const struct config_certificate *c, const char *name)
{
    size_t len = strlen(c->section);

    if (strcmp(name, c->name) == 0 || strcmp(name, c->section) == 0)
        return true;
    return strncmp(name, c->section, len) == 0 && name[len] == '.' &&
           strcmp(name + len + 1, key_type_to_str(c->key)) == 0;
}

void config_say_ambiguous(const char *section, const struct strv *key_types, struct err *e)
{
    char names[ERR_TEXT_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < key_types->n && len < sizeof names; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s.%s", i == 0 ? "" : " or ", section,
                                key_types->v[i]);
    (void)err_set(e, ERR_CLASS_CONFIG,
                  "%s has a certificate for each of its %zu types of key; say which one: %s", section,
                  key_types->n, names);
}

static const struct config_certificate *ambiguous(const struct config_certificate *c, struct err *e)
{
    struct strv key_types = {0};
    bool ok = true;

    for (unsigned i = 0; ok && i < c->n_keys; i++)
        ok = strv_add(&key_types, key_type_to_str(c->keys[i]));
    if (ok)
        config_say_ambiguous(c->section, &key_types, e);
    else
        (void)err_nomem(e, c->section);
    strv_clear(&key_types);
    return NULL;
}

const struct config_certificate *config_find_one(const struct config *c, const char *name, struct err *e)
{
    const struct config_certificate *found = config_find(c, name);
    const char *dot = strrchr(name, '.');
    char section[CONFIG_NAME_MAX + 1];

    if (found != NULL)
        return found->n_keys > 1 && strcmp(name, found->section) == 0 ? ambiguous(found, e) : found;
    if (dot != NULL &&
        snprintf(section, sizeof section, "%.*s", (int)(dot - name), name) < (int)sizeof section) {
        found = config_find(c, section);
        if (found != NULL && config_answers_to(found, name))
            return found;
    }
    (void)err_set(e, ERR_CLASS_CONFIG, "%s is no configured certificate (any more)", name);
    return NULL;
}

const struct config_ca *config_find_ca(const struct config *c, const char *name)
{
    return bsearch(name, c->cas, c->n_cas, sizeof c->cas[0], compare_ca);
}

const char *config_ca_contact(const struct config *c, const struct config_ca *ca)
{
    return ca->contact != NULL ? ca->contact : c->contact;
}

const char *config_chain(const struct config_certificate *c, const struct config_ca *ca)
{
    return c->chain != NULL ? c->chain : ca->chain;
}

const struct config_ca *config_rehearsal_ca(const struct config_certificate *c)
{
    for (size_t i = 0; i < c->n_cas; i++)
        if (c->cas[i]->staging != NULL)
            return c->cas[i]->staging;
    return NULL;
}
