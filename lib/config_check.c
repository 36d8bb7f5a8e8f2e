/* SPDX-License-Identifier: MIT */
#include "lib/config_check.h"

#include <stdlib.h>
#include <string.h>

struct config_place config_check_place(const struct config_check *k, size_t i, const char *name)
{
    const struct config_key *key = config_key_find(CONFIG_SECTION_CERTIFICATE, name);
    const struct config_read_section *s = k->of[i];
    const struct config_entry *entry = config_reading_entry(k->r, s, key);

    if (entry == NULL) {
        entry = config_reading_entry(k->r, k->defaults, key);
        if (entry != NULL)
            s = k->defaults;
    }
    return (struct config_place){s->file, entry != NULL ? entry->line : s->line};
}

struct named_copy {
    const char *path;
    size_t certificate;
};

static int by_path(const void *a, const void *b)
{
    const struct named_copy *x = a;
    const struct named_copy *y = b;
    int c = strcmp(x->path, y->path);

    return c != 0 ? c : (x->certificate < y->certificate ? -1 : x->certificate > y->certificate);
}

static bool is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void check_copy(struct config_check *k, const struct named_copy *copy, const struct named_copy *before)
{
    const struct config_certificate *cert = &k->c->certificates[copy->certificate];
    struct config_place here = config_check_place(k, copy->certificate, "copy");
    struct config_place there;

    if (k->c->state_dir != NULL && is_below(copy->path, k->c->state_dir))
        config_note(
            k->r, here.file, here.line, false,
            "copy: %s lies in the state directory, where acmed keeps its own files: use another directory",
            copy->path);
    if (before == NULL || strcmp(before->path, copy->path) != 0)
        return;
    if (before->certificate == copy->certificate) {
        config_note(k->r, here.file, here.line, false,
                    "copy: [certificate %s] has two copies to %s: remove one", cert->section, copy->path);
        return;
    }
    if (strcmp(cert->section, k->c->certificates[before->certificate].section) == 0)
        return; /* two types of key: said when the lineages were made */
    there = config_check_place(k, before->certificate, "copy");
    config_note(
        k->r, here.file, here.line, false,
        "copy: [certificate %s] and [certificate %s] (%s:%u) both write %s: give each a path of its own",
        cert->section, k->c->certificates[before->certificate].section, k->r->files[there.file].path,
        there.line, copy->path);
}

static void check_copies(struct config_check *k)
{
    const struct config *c = k->c;
    struct named_copy *copies;
    size_t n = 0;

    for (size_t i = 0; i < c->n_certificates; i++)
        n += c->certificates[i].n_copies;
    copies = calloc(n + 1, sizeof *copies);
    if (copies == NULL) {
        k->r->nomem = true;
        return;
    }
    n = 0;
    for (size_t i = 0; i < c->n_certificates; i++)
        for (size_t j = 0; j < c->certificates[i].n_copies; j++)
            copies[n++] = (struct named_copy){c->certificates[i].copies[j].path, i};
    qsort(copies, n, sizeof *copies, by_path);
    for (size_t i = 0; i < n && !k->r->nomem; i++)
        check_copy(k, &copies[i], i > 0 ? &copies[i - 1] : NULL);
    free(copies);
}

struct name_set {
    const char **names; /* sorted; borrowed strings, owned array */
    size_t n;
    size_t certificate;
    enum key_type key;
};

static int by_string(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_names(const struct name_set *x, const struct name_set *y)
{
    int c;

    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    for (size_t i = 0; i < x->n; i++) {
        c = strcmp(x->names[i], y->names[i]);
        if (c != 0)
            return c;
    }
    return 0;
}

static int by_names(const void *a, const void *b)
{
    const struct name_set *x = a;
    const struct name_set *y = b;
    int c = compare_names(x, y);

    return c != 0 ? c : (x->certificate < y->certificate ? -1 : x->certificate > y->certificate);
}

static bool fill_name_set(struct name_set *set, const struct config_certificate *cert, size_t i)
{
    set->names = calloc(cert->domains.n + 1, sizeof set->names[0]);
    if (set->names == NULL)
        return false;
    for (size_t j = 0; j < cert->domains.n; j++)
        set->names[j] = cert->domains.v[j];
    if (cert->domains.n > 0)
        qsort(set->names, cert->domains.n, sizeof set->names[0], by_string);
    set->n = cert->domains.n;
    set->certificate = i;
    set->key = cert->key;
    return true;
}

static void warn_same_names(struct config_check *k, const struct name_set *set, const struct name_set *before)
{
    const struct config_certificate *a = &k->c->certificates[set->certificate];
    const struct config_certificate *b = &k->c->certificates[before->certificate];
    struct config_place here = config_check_place(k, set->certificate, "domains");

    config_note(k->r, here.file, here.line, true,
                "[certificate %s] has the same names and key type as [certificate %s] (%s:%u): one of them "
                "is enough, "
                "and CAs limit how often a set of names is issued",
                a->section, b->section, b->file, b->line);
}

static int by_lineage(const void *a, const void *b)
{
    const struct config_certificate *x = *(const struct config_certificate *const *)a;
    const struct config_certificate *y = *(const struct config_certificate *const *)b;
    int c = strcmp(x->name, y->name);

    return c != 0 ? c : strcmp(x->section, y->section);
}

/* The second type of key of [certificate a] may be called what another section is called. */
static void check_lineages(struct config_check *k)
{
    const struct config *c = k->c;
    const struct config_certificate **v = calloc(c->n_certificates + 1, sizeof(*v));

    k->r->nomem = k->r->nomem || v == NULL;
    for (size_t i = 0; v != NULL && i < c->n_certificates; i++)
        v[i] = &c->certificates[i];
    if (v != NULL && c->n_certificates > 1)
        qsort(v, c->n_certificates, sizeof(*v), by_lineage);
    for (size_t i = 1; v != NULL && i < c->n_certificates; i++) {
        const struct config_read_section *s;

        if (strcmp(v[i - 1]->name, v[i]->name) != 0)
            continue;
        s = k->of[v[i] - c->certificates];
        config_note(
            k->r, s->file, s->line, false,
            "[certificate %s]: a second type of key of [certificate %s] (%s:%u) has the name %s, too: "
            "rename one of the sections",
            v[i]->section, v[i - 1]->section, v[i - 1]->file, v[i - 1]->line, v[i]->name);
    }
    free(v);
}

/* The same names with another type of key are two certificates on purpose. */
static void check_names(struct config_check *k)
{
    size_t n = k->c->n_certificates;
    struct name_set *sets = calloc(n + 1, sizeof *sets);

    k->r->nomem = k->r->nomem || sets == NULL;
    for (size_t i = 0; i < n && !k->r->nomem; i++)
        k->r->nomem = !fill_name_set(&sets[i], &k->c->certificates[i], i);
    if (!k->r->nomem)
        qsort(sets, n, sizeof *sets, by_names);
    for (size_t i = 1; i < n && !k->r->nomem; i++)
        if (sets[i].n > 0 && compare_names(&sets[i], &sets[i - 1]) == 0)
            warn_same_names(k, &sets[i], &sets[i - 1]);
    for (size_t i = 0; sets != NULL && i < n; i++)
        free(sets[i].names);
    free(sets);
}

static void check_global(struct config_check *k)
{
    const struct config_read_section *s = config_reading_find(k->r, CONFIG_SECTION_ACMED, "");
    const struct config *c = k->c;

    for (size_t i = 0; s != NULL && i < c->n_http_listen; i++)
        if (c->http_listen[i].kind == LISTEN_UNIX && c->control_socket != NULL &&
            strcmp(c->http_listen[i].host, c->control_socket) == 0)
            config_note(k->r, s->file, s->line, false,
                        "http_listen: %s is the control socket: use another path", c->control_socket);
    if (c->n_certificates == 0 && k->r->n_files > 0 && k->r->errors == 0)
        config_note(k->r, 0, 0, true, "there is no [certificate NAME] section: acmed has nothing to do");
}

void config_check(struct config_reading *r, const struct config *c,
                  const struct config_read_section *const *of)
{
    static void (*const checks[])(struct config_check * k) = {
        config_check_terms,
        config_check_bindings,
        config_check_rsa,
        config_check_rehearsals,
        check_copies,
        check_lineages,
        check_names,
        config_check_identifiers,
        config_check_challenges,
        config_check_webroots,
        check_global,
    };
    struct config_check k = {
        .r = r, .c = c, .of = of, .defaults = config_reading_find(r, CONFIG_SECTION_DEFAULTS, "")};

    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && !r->nomem; i++)
        checks[i](&k);
}
