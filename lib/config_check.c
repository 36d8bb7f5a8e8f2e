/* SPDX-License-Identifier: MIT */
#include "lib/config_reading.h"

#include "lib/ca.h"
#include "lib/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What only all sections together can tell. */

struct check {
    struct config_reading *r;
    const struct config *c;
    const struct config_read_section *const *of;
    const struct config_read_section *defaults;
};

struct place {
    size_t file;
    unsigned line;
};

/* Where a certificate's value of this key comes from: its own entry, that of [defaults], else its heading. */
static struct place place_of(const struct check *k, size_t i, const char *name)
{
    const struct config_key *key = config_key_find(CONFIG_SECTION_CERTIFICATE, name);
    const struct config_read_section *s = k->of[i];
    const struct config_entry *entry = config_reading_entry(k->r, s, key);

    if (entry == NULL) {
        entry = config_reading_entry(k->r, k->defaults, key);
        if (entry != NULL)
            s = k->defaults;
    }
    return (struct place){s->file, entry != NULL ? entry->line : s->line};
}

static bool reads_before(const struct config_read_section *a, const struct config_read_section *b)
{
    return a->file != b->file ? a->file < b->file : a->line < b->line;
}

/* Once for each CA, at the first certificate that uses it. */
static void check_terms(struct check *k)
{
    const struct config *c = k->c;
    size_t *first = calloc(c->n_cas, sizeof *first);
    size_t ca;

    if (first == NULL) {
        k->r->nomem = true;
        return;
    }
    for (size_t i = 0; i < c->n_certificates; i++) {
        for (size_t j = 0; j < c->certificates[i].n_cas; j++) {
            if (c->certificates[i].cas[j]->agree_terms)
                continue;
            ca = (size_t)(c->certificates[i].cas[j] - c->cas);
            if (first[ca] == 0 || reads_before(k->of[i], k->of[first[ca] - 1]))
                first[ca] = i + 1;
        }
    }
    for (ca = 0; ca < c->n_cas; ca++) {
        if (first[ca] == 0)
            continue;
        config_note(
            k->r, k->of[first[ca] - 1]->file, k->of[first[ca] - 1]->line, false,
            "[certificate %s] is to come from %s, whose terms of service are not agreed to: read them, then "
            "add the line `agree_terms = yes` to [acmed] or to [ca %s]",
            c->certificates[first[ca] - 1].section, c->cas[ca].name, c->cas[ca].name);
    }
    free(first);
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

static void check_copy(struct check *k, const struct named_copy *copy, const struct named_copy *before)
{
    const struct config_certificate *cert = &k->c->certificates[copy->certificate];
    struct place here = place_of(k, copy->certificate, "copy");
    struct place there;

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
    there = place_of(k, before->certificate, "copy");
    config_note(
        k->r, here.file, here.line, false,
        "copy: [certificate %s] and [certificate %s] (%s:%u) both write %s: give each a path of its own",
        cert->section, k->c->certificates[before->certificate].section, k->r->files[there.file].path,
        there.line, copy->path);
}

static void check_copies(struct check *k)
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

static void warn_same_names(struct check *k, const struct name_set *set, const struct name_set *before)
{
    const struct config_certificate *a = &k->c->certificates[set->certificate];
    const struct config_certificate *b = &k->c->certificates[before->certificate];
    struct place here = place_of(k, set->certificate, "domains");

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
static void check_lineages(struct check *k)
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
static void check_names(struct check *k)
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

/* "http-01 or tls-alpn-01": the types that a predicate is true for. */
static void list_challenges(char *out, size_t size, bool (*proves)(enum challenge_type type))
{
    size_t len = 0;

    out[0] = '\0';
    for (enum challenge_type t = 0; t < CHALLENGE_TYPE_COUNT && len < size; t++)
        if (proves(t))
            len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? " or " : "",
                                    challenge_type_to_str(t));
}

/* The first of a certificate's identifiers which its challenge cannot prove. */
static void check_provable(struct check *k, size_t i, bool (*concerned)(const char *ident),
                           bool (*proves)(enum challenge_type type), const char *what, const char *otherwise)
{
    const struct config_certificate *cert = &k->c->certificates[i];
    struct place here = place_of(k, i, "domains");
    char types[100];

    if (proves(cert->challenge))
        return;
    list_challenges(types, sizeof types, proves);
    for (size_t d = 0; d < cert->domains.n; d++) {
        if (!concerned(cert->domains.v[d]))
            continue;
        config_note(k->r, here.file, here.line, false,
                    "domains: [certificate %s] has the %s %s, which %s cannot prove: it needs `challenge = "
                    "%s`",
                    cert->section, what, cert->domains.v[d], challenge_type_to_str(cert->challenge),
                    types[0] != '\0' ? types : otherwise);
        return;
    }
}

static bool is_ip(const char *ident)
{
    return ident_type(ident) == IDENT_IP;
}

/* A CA of one's own may issue for what no public CA does. */
static void warn_not_public(struct check *k, size_t i)
{
    const struct config_certificate *cert = &k->c->certificates[i];
    struct place here = place_of(k, i, "domains");
    const struct config_ca *public = NULL;

    for (size_t c = 0; c < cert->n_cas && public == NULL; c++)
        if (config_ca_is_built_in(cert->cas[c]))
    public = cert->cas[c];
    for (size_t d = 0; public != NULL && d < cert->domains.n; d++) {
        const char *why = ident_not_public(cert->domains.v[d]);

        if (why != NULL)
            config_note(k->r, here.file, here.line, true,
                        "domains: %s is %s, for which no public CA issues a certificate, %s neither: remove "
                        "it, or use a CA of your own",
                        cert->domains.v[d], why, public->name);
    }
}

static void check_identifiers(struct check *k)
{
    for (size_t i = 0; i < k->c->n_certificates && !k->r->nomem; i++) {
        if (i > 0 && k->of[i] == k->of[i - 1]) /* another type of key, the same names */
            continue;
        check_provable(k, i, ident_is_wildcard, challenge_type_proves_wildcard, "wildcard", "dns-01");
        check_provable(k, i, is_ip, challenge_type_proves_ip, "IP address", "http-01");
        warn_not_public(k, i);
    }
}

static bool answers_tls_alpn(const struct config *c)
{
    return c->n_tls_alpn_listen > 0 && c->tls_alpn_listen[0].kind != LISTEN_OFF;
}

static void check_challenges(struct check *k)
{
    for (size_t i = 0; i < k->c->n_certificates; i++) {
        const struct config_certificate *c = &k->c->certificates[i];
        struct place here = place_of(k, i, "challenge");

        if (c->challenge == CHALLENGE_TYPE_TLS_ALPN_01 && c->key == c->keys[0] && !answers_tls_alpn(k->c))
            config_note(
                k->r, here.file, here.line, false,
                "challenge: tls-alpn-01 of [certificate %s] is answered nowhere: set `tls_alpn_listen` in "
                "[acmed], to 0.0.0.0:443 or to where what has port 443 hands it on",
                c->section);
        if (c->challenge == CHALLENGE_TYPE_DNS_ACCOUNT_01 && c->dns_hook.kind == DNS_HOOK_DEHYDRATED &&
            c->key == c->keys[0])
            config_note(k->r, here.file, here.line, false,
                        "challenge: dehydrated's hooks know the records of dns-01 only, not those of "
                        "dns-account-01: use another dns_hook for [certificate %s]",
                        c->section);
        if (c->challenge == CHALLENGE_TYPE_DNS_PERSIST_01 && !k->c->dns_persist && c->key == c->keys[0])
            config_note(
                k->r, here.file, here.line, false,
                "challenge: dns-persist-01 of [certificate %s] may still change: it needs `experimental = "
                "dns-persist-01` in [acmed]",
                c->section);
        if (!challenge_type_is_dns(c->challenge) || c->dns_hook.kind != DNS_HOOK_NONE || c->key != c->keys[0])
            continue;
        config_note(
            k->r, here.file, here.line, false,
            "challenge: %s needs to know how to set records: add `dns_hook = exec:/path/to/program` to "
            "[certificate %s]",
            challenge_type_to_str(c->challenge), c->section);
    }
}

/* One that [defaults] gives is for those which can use it. */
static void check_webroots(struct check *k)
{
    const struct config_key *key = config_key_find(CONFIG_SECTION_CERTIFICATE, "webroot");

    for (size_t i = 0; i < k->c->n_certificates; i++) {
        const struct config_certificate *c = &k->c->certificates[i];
        const struct config_entry *entry = config_reading_entry(k->r, k->of[i], key);

        if (entry != NULL && c->challenge != CHALLENGE_TYPE_HTTP_01 && c->key == c->keys[0])
            config_note(
                k->r, k->of[i]->file, entry->line, false,
                "webroot is for http-01, but [certificate %s] has `challenge = %s`: remove one of them",
                c->section, challenge_type_to_str(c->challenge));
    }
}

static bool is_for_trials(const struct config *c, const struct config_ca *ca)
{
    for (size_t i = 0; i < c->n_cas; i++)
        if (c->cas[i].staging == ca)
            return true;
    return false;
}

static void check_rehearsals(struct check *k)
{
    for (size_t i = 0; i < k->c->n_certificates; i++) {
        const struct config_certificate *c = &k->c->certificates[i];
        struct place here = place_of(k, i, "rehearse");

        /* At a CA for trials the order itself is the trial. */
        if (!c->rehearse || c->n_cas == 0 || c->key != c->keys[0] || config_rehearsal_ca(c) != NULL ||
            is_for_trials(k->c, c->ca))
            continue;
        config_note(
            k->r, here.file, here.line, false,
            "rehearse: acmed knows no CA for trials that goes with %s, which is to issue [certificate "
            "%s]: add `staging = NAME` to [ca %s], or `rehearse = no` to the certificate",
            c->ca->name, c->section, c->ca->name);
    }
}

static void check_global(struct check *k)
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

/* Half a binding is none. */
static void check_bindings(struct check *k)
{
    const struct config_key *kid = config_key_find(CONFIG_SECTION_CA, "eab_kid");
    const struct config_key *hmac_file = config_key_find(CONFIG_SECTION_CA, "eab_hmac_file");

    for (size_t i = 0; i < k->c->n_cas; i++) {
        const struct config_ca *ca = &k->c->cas[i];
        const struct config_read_section *s = config_reading_find(k->r, CONFIG_SECTION_CA, ca->name);
        bool has_kid = s != NULL && config_reading_entry(k->r, s, kid) != NULL;

        if (s != NULL && has_kid != (config_reading_entry(k->r, s, hmac_file) != NULL))
            config_note(k->r, s->file, s->line, false,
                        "[ca %s] has %s but no %s: an external account binding needs both", ca->name,
                        has_kid ? "eab_kid" : "eab_hmac_file", has_kid ? "eab_hmac_file" : "eab_kid");
    }
}

/* A CA that has a directory for each type of key refuses the wrong one. */
static void check_rsa(struct check *k)
{
    for (size_t i = 0; i < k->c->n_certificates; i++) {
        const struct config_certificate *c = &k->c->certificates[i];
        struct place here = place_of(k, i, "key");

        for (size_t j = 0; j < c->n_cas && c->key >= KEY_TYPE_RSA_2048; j++) {
            const struct ca_info *known = ca_by_directory(c->cas[j]->directory);

            if (known != NULL && known->rsa_directory != NULL &&
                strcmp(c->cas[j]->directory, known->directory) == 0)
                config_note(k->r, here.file, here.line, true,
                            "[certificate %s] has an RSA key, but %s is the CA's directory for ECDSA keys: "
                            "write a section [ca %s-rsa] with `directory = %s` and the same eab_* keys, and "
                            "give `ca = %s-rsa`",
                            c->section, known->directory, c->cas[j]->name, known->rsa_directory,
                            c->cas[j]->name);
        }
    }
}

void config_check(struct config_reading *r, const struct config *c,
                  const struct config_read_section *const *of)
{
    struct check k = {
        .r = r, .c = c, .of = of, .defaults = config_reading_find(r, CONFIG_SECTION_DEFAULTS, "")};

    check_terms(&k);
    if (!r->nomem)
        check_copies(&k);
    if (!r->nomem)
        check_lineages(&k);
    if (!r->nomem)
        check_names(&k);
    if (!r->nomem)
        check_identifiers(&k);
    if (!r->nomem)
        check_bindings(&k);
    if (!r->nomem)
        check_rsa(&k);
    if (!r->nomem)
        check_challenges(&k);
    if (!r->nomem)
        check_webroots(&k);
    if (!r->nomem)
        check_rehearsals(&k);
    if (!r->nomem)
        check_global(&k);
}
