/* SPDX-License-Identifier: MIT */
/* [certificate NAME] -> its lineages, one for each type of key. */

#include "lib/config_build.h"

#include "lib/config_value.h"
#include "lib/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_PLACE "{key}" /* in the path of a copy: the lineage's type of key */

/* What the lineages are collected in. */
struct lineages {
    struct config_reading *r;
    struct config *c;
    const struct config_live *live;         /* may be NULL */
    const struct config_read_section *read; /* the section at hand */
    const struct config_read_section **of;  /* where each lineage comes from; owned */
    size_t cap;
};

void config_certificate_clear(struct config_certificate *c)
{
    free(c->name);
    free(c->section);
    strv_clear(&c->domains);
    strv_clear(&c->ca_names);
    free(c->cas);
    free(c->profile);
    free(c->webroot);
    free(c->owner);
    free(c->group);
    for (size_t i = 0; i < c->n_copies; i++)
        free(c->copies[i].path);
    free(c->copies);
    strv_clear(&c->reload);
    strv_clear(&c->hook);
    strv_clear(&c->dns_hook.argv);
    free(c->dns_hook.server);
    strv_clear(&c->dns_delegation);
    free(c->hook_user);
    free(c->verify_host);
    free(c->chain);
}

/* The entry that gives a certificate's value, and its section; NULL: neither it nor [defaults] does. */
static const struct config_entry *given(const struct config_build *b, const char *name,
                                        const struct config_read_section **s)
{
    const struct config_key *key = config_key_find(CONFIG_SECTION_CERTIFICATE, name);
    const struct config_entry *entry = config_reading_entry(b->r, b->section, key);

    *s = b->section;
    if (entry != NULL)
        return entry;
    entry = config_reading_entry(b->r, b->defaults, key);
    if (entry != NULL)
        *s = b->defaults;
    return entry;
}

/* Without `domains` the section's name is the domain. */
static void default_domain(struct config_build *b, struct config_certificate *c)
{
    const struct config_read_section *s;
    char name[IDENT_MAX + 1];
    struct err e;

    if (given(b, "domains", &s) != NULL)
        return;
    if (!ident_parse(c->section, name, &e)) {
        if (!b->silent)
            config_note(b->r, b->section->file, b->section->line, false,
                        "[certificate %s] has no `domains`, and its name does not serve as one: %s",
                        c->section, e.text);
    } else if (!strv_add(&c->domains, name)) {
        b->r->nomem = true;
    }
}

static void link_cas(struct config_build *b, const struct config *c, struct config_certificate *cert)
{
    const struct config_read_section *s;
    const struct config_entry *entry = given(b, "ca", &s);

    cert->cas = calloc(cert->ca_names.n + 1, sizeof(const struct config_ca *));
    if (cert->cas == NULL) {
        b->r->nomem = true;
        return;
    }
    for (size_t i = 0; i < cert->ca_names.n; i++) {
        const char *name = cert->ca_names.v[i];
        const struct config_ca *ca = config_find_ca(c, name);

        if (ca != NULL)
            cert->cas[cert->n_cas++] = ca;
        else if (entry != NULL && !b->silent)
            config_note(
                b->r, s->file, entry->line, false,
                "ca: there is no CA \"%s\": letsencrypt, letsencrypt-staging, zerossl, google, google-test, "
                "sslcom and actalis are built in, others need a section [ca %s]",
                name, name);
    }
    cert->ca = cert->cas[0];
}

/* Puts the type of key into the path; true: there was a place for it. */
static bool fill_path(char **path, const char *key_type, bool *nomem)
{
    const char *at = strstr(*path, KEY_PLACE);
    char *filled;

    if (at == NULL)
        return false;
    if (asprintf(&filled, "%.*s%s%s", (int)(at - *path), *path, key_type, at + strlen(KEY_PLACE)) < 0) {
        *nomem = true;
        return true;
    }
    free(*path);
    *path = filled;
    return true;
}

static void fill_copies(struct config_build *b, struct config_certificate *c)
{
    const struct config_read_section *s;
    const struct config_entry *entry = given(b, "copy", &s);

    for (size_t i = 0; i < c->n_copies && !b->r->nomem; i++) {
        if (fill_path(&c->copies[i].path, key_type_to_str(c->key), &b->r->nomem) || c->n_keys < 2 ||
            b->silent || entry == NULL)
            continue;
        config_note(b->r, s->file, entry->line, false,
                    "copy: [certificate %s] has %u types of key, each with a certificate of its own: put "
                    "\"" KEY_PLACE "\" into %s, where each has its type (as %s)",
                    c->section, c->n_keys, c->copies[i].path, key_type_to_str(c->keys[0]));
    }
}

/* The type of key whose lineage has the plain name: what is on disk keeps its place. */
static unsigned plain_key(const struct lineages *l, const struct config_certificate *c)
{
    for (size_t i = 0; l->live != NULL && i < l->live->n; i++) {
        if (strcmp(l->live->v[i].name, c->section) != 0)
            continue;
        for (unsigned k = 0; k < c->n_keys; k++)
            if (c->keys[k] == l->live->v[i].key)
                return k;
    }
    return 0;
}

static void name_lineage(struct lineages *l, struct config_certificate *c, unsigned key)
{
    const struct config_read_section *s = l->read;

    if (c->n_keys > 0)
        c->key = c->keys[key];
    if (c->n_keys == 0 || key == plain_key(l, c)) {
        c->name = strdup(c->section);
    } else if (asprintf(&c->name, "%s.%s", c->section, key_type_to_str(c->key)) < 0) {
        c->name = NULL;
    } else if (strlen(c->name) > CONFIG_NAME_MAX) {
        config_note(l->r, s->file, s->line, false,
                    "[certificate %s] is too long a name for several types of key: %s has more than %d bytes",
                    c->section, c->name, CONFIG_NAME_MAX);
    }
    l->r->nomem = l->r->nomem || c->name == NULL;
}

static bool make_room(struct lineages *l)
{
    size_t cap = l->cap * 2 + 16;
    struct config_certificate *v = realloc(l->c->certificates, cap * sizeof *v);
    const struct config_read_section **of;

    if (v == NULL)
        return false;
    l->c->certificates = v;
    of = realloc(l->of, cap * sizeof(const struct config_read_section *));
    if (of == NULL)
        return false;
    l->of = of;
    l->cap = cap;
    return true;
}

static struct config_certificate *add(struct lineages *l)
{
    struct config *c = l->c;

    if ((l->of == NULL || c->n_certificates == l->cap) && !make_room(l)) {
        l->r->nomem = true;
        return NULL;
    }
    l->of[c->n_certificates] = l->read;
    c->certificates[c->n_certificates] = (struct config_certificate){0};
    return &c->certificates[c->n_certificates++];
}

/* The section's lineage for its key-th type of key; returns how many types there are. */
static unsigned build_lineage(struct lineages *l, unsigned key)
{
    struct config_certificate *cert = add(l);
    struct config_build b = {.r = l->r, .section = l->read, .object = cert, .silent = key > 0};

    if (cert == NULL)
        return 0;
    b.defaults = config_reading_find(l->r, CONFIG_SECTION_DEFAULTS, "");
    cert->section = strdup(l->read->name);
    if (cert->section == NULL) {
        l->r->nomem = true;
        return 0;
    }
    cert->file = config_build_file(l->c, l->read);
    cert->line = l->read->line;
    config_build_object(&b, CONFIG_SECTION_CERTIFICATE);
    name_lineage(l, cert, key);
    if (l->r->nomem)
        return 0;
    default_domain(&b, cert);
    link_cas(&b, l->c, cert);
    fill_copies(&b, cert);
    return cert->n_keys;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct config_certificate *)a)->name, ((const struct config_certificate *)b)->name);
}

void config_build_certificates(struct config_reading *r, struct config *c, const struct config_live *live)
{
    struct lineages l = {.r = r, .c = c, .live = live};
    const struct config_read_section *s;
    unsigned n;

    for (size_t i = 0; i < r->n_sections && !r->nomem; i++) {
        s = r->order[i];
        if (s->kind != CONFIG_SECTION_CERTIFICATE || s->duplicate)
            continue;
        l.read = s;
        n = build_lineage(&l, 0);
        for (unsigned key = 1; key < n && !r->nomem; key++)
            (void)build_lineage(&l, key);
    }
    if (!r->nomem)
        config_check(r, c, l.of);
    free(l.of);
    if (!r->nomem && c->n_certificates > 0)
        qsort(c->certificates, c->n_certificates, sizeof c->certificates[0], by_name);
}
