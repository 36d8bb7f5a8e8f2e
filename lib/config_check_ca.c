/* SPDX-License-Identifier: MIT */
#include "lib/config_check.h"

#include "lib/ca.h"

#include <stdlib.h>
#include <string.h>

static bool reads_before(const struct config_read_section *a, const struct config_read_section *b)
{
    return a->file != b->file ? a->file < b->file : a->line < b->line;
}

/* Once for each CA, at the first certificate that uses it. */
void config_check_terms(struct config_check *k)
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

/* Half a binding is none. */
void config_check_bindings(struct config_check *k)
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
void config_check_rsa(struct config_check *k)
{
    for (size_t i = 0; i < k->c->n_certificates; i++) {
        const struct config_certificate *c = &k->c->certificates[i];
        struct config_place here = config_check_place(k, i, "key");

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

static bool is_for_trials(const struct config *c, const struct config_ca *ca)
{
    for (size_t i = 0; i < c->n_cas; i++)
        if (c->cas[i].staging == ca)
            return true;
    return false;
}

void config_check_rehearsals(struct config_check *k)
{
    for (size_t i = 0; i < k->c->n_certificates; i++) {
        const struct config_certificate *c = &k->c->certificates[i];
        struct config_place here = config_check_place(k, i, "rehearse");

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
