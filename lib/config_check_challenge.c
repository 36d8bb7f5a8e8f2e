/* SPDX-License-Identifier: MIT */
#include "lib/config_check.h"

#include "lib/ca.h"
#include "lib/ident.h"

#include <stdio.h>
#include <string.h>

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
static void check_provable(struct config_check *k, size_t i, bool (*concerned)(const char *ident),
                           bool (*proves)(enum challenge_type type), const char *what, const char *otherwise)
{
    const struct config_certificate *cert = &k->c->certificates[i];
    struct config_place here = config_check_place(k, i, "domains");
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
static void warn_not_public(struct config_check *k, size_t i)
{
    const struct config_certificate *cert = &k->c->certificates[i];
    struct config_place here = config_check_place(k, i, "domains");
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

void config_check_identifiers(struct config_check *k)
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

void config_check_challenges(struct config_check *k)
{
    for (size_t i = 0; i < k->c->n_certificates; i++) {
        const struct config_certificate *c = &k->c->certificates[i];
        struct config_place here = config_check_place(k, i, "challenge");

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
void config_check_webroots(struct config_check *k)
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
