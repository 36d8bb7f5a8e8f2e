/* SPDX-License-Identifier: MIT */
#include "lib/config_table.h"

#include "lib/config.h"
#include "lib/config_value.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_ 32 /* longer names are not compared: no key is that long */

#define ACMED(field)       CONFIG_SECTION_ACMED, .offset = offsetof(struct config, field)
#define CA(field)          CONFIG_SECTION_CA, .offset = offsetof(struct config_ca, field)
#define CERTIFICATE(field) CONFIG_SECTION_CERTIFICATE, .offset = offsetof(struct config_certificate, field)

/* clang-format off */
static const struct config_key keys[] = {
    {ACMED(contact), .name = "contact", .parse = config_value_email,
     .help = "e-mail address the CA may write to"},
    {ACMED(agree_terms), .name = "agree_terms", .parse = config_value_bool, .default_ = "no",
     .help = "yes: you have read and accept the terms of service of the CAs you use"},
    {ACMED(user), .name = "user", .parse = config_value_user,
     .help = "user of the process that talks to the network; default: acmed, where that user exists, else nobody"},
    {ACMED(state_dir), .name = "state_dir", .parse = config_value_path, .default_ = "/var/lib/acmed",
     .help = "where accounts, keys and certificates are kept"},
    {ACMED(control_socket), .name = "control_socket", .parse = config_value_socket_path,
     .default_ = "/run/acmed/acmed.sock", .help = "where acmectl reaches the daemon"},
    {ACMED(control_group), .name = "control_group", .parse = config_value_user,
     .help = "members of this group may use every command of acmectl, as root may; default: no group"},
    {ACMED(http_listen), .name = "http_listen", .list = true, .parse = config_value_listen,
     .default_ = "0.0.0.0:80 [::]:80",
     .help = "where http-01 challenges are answered: ADDRESS:PORT, [ADDRESS]:PORT, unix:PATH, systemd, or off alone"},
    {ACMED(http_other), .name = "http_other", .parse = config_value_http_other, .default_ = "redirect",
     .help = "what requests get that are no challenge: redirect (to https) or 404"},
    {ACMED(tls_alpn_listen), .name = "tls_alpn_listen", .list = true, .parse = config_value_tls_alpn_listen,
     .default_ = "off", .help = "where tls-alpn-01 challenges are answered: as http_listen; off: they are not"},
    {ACMED(dns_resolvers), .name = "dns_resolver", .list = true, .parse = config_value_dns_resolver,
     .help = "recursive DNS servers to ask about the records of challenges: ADDRESS:PORT, [ADDRESS]:PORT, or off "
             "alone: nothing is looked up; default: those of /etc/resolv.conf"},
    {ACMED(max_orders), .name = "max_orders", .parse = config_value_unsigned, .min = 1, .max = 1000,
     .default_ = "8", .help = "orders in flight at the same time at one CA; while unset, more at a CA that is far away"},
    {ACMED(dns_persist), .name = "experimental", .list = true, .parse = config_value_experimental,
     .help = "what may still change, or not work: dns-persist-01 (a challenge)"},
    {ACMED(log_level), .name = "log_level", .parse = config_value_log_level, .default_ = "info",
     .help = "error, warning, notice, info or debug"},

    {CA(directory), .name = "directory", .parse = config_value_https_url,
     .help = "https URL of the CA's ACME directory"},
    {CA(ca_file), .name = "ca_file", .parse = config_value_path,
     .help = "PEM file of the roots that vouch for the CA's own HTTPS; default: the system's"},
    {CA(contact), .name = "contact", .parse = config_value_email,
     .help = "e-mail address for this CA; default: that of [acmed]"},
    {CA(agree_terms), .name = "agree_terms", .parse = config_value_bool,
     .help = "yes: you accept this CA's terms of service; default: what [acmed] says"},
    {CA(account_key), .name = "account_key", .parse = config_value_account_key, .default_ = "ecdsa-p256",
     .help = "type of a new account's key: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096"},
    {CA(eab_kid), .name = "eab_kid", .parse = config_value_eab_kid,
     .help = "key identifier of the external account binding that some CAs want for a new account"},
    {CA(eab_hmac_file), .name = "eab_hmac_file", .parse = config_value_secret,
     .help = "file with the HMAC key of that binding as the CA gave it, or credential:NAME of systemd"},
    {CA(chain), .name = "chain", .parse = config_value_common_name,
     .help = "the chain to take where the CA offers several: the common name of the issuer at its top"},
    {CA(staging_name), .name = "staging", .parse = config_value_staging,
     .help = "the CA whose certificates are for trials, where `acmectl test` rehearses orders for this one: a built-in one or a [ca NAME]"},
    {CA(limit), .name = "limits", .parse = config_value_limits, .min = 1, .max = INT64_C(30) * 86400,
     .help = "limits of this CA: new orders in a time, as 280/3h, or none; domain:50/7d, set:5/7d, failures:5/1h; "
             "default: those of letsencrypt, else none"},

    {CERTIFICATE(domains), .name = "domains", .list = true, .parse = config_value_domain,
     .help = "DNS names, wildcards and IP addresses of the certificate; default: the section's name"},
    {CERTIFICATE(cas), .name = "ca", .list = true, .parse = config_value_ca, .default_ = CONFIG_CA_DEFAULT,
     .help = "the CAs that may issue it, the preferred one first: built-in ones or the NAME of a [ca NAME]"},
    {CERTIFICATE(keys), .name = "key", .list = true, .parse = config_value_key_type, .default_ = "ecdsa-p256",
     .help = "types of the private key: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096; each has a certificate"},
    {CERTIFICATE(reuse_key), .name = "reuse_key", .parse = config_value_bool, .default_ = "no",
     .help = "yes: a renewal keeps the key, as TLSA records and pins want it"},
    {CERTIFICATE(challenge), .name = "challenge", .parse = config_value_challenge, .default_ = "http-01",
     .help = "how the CA checks that the names are yours: http-01, tls-alpn-01, dns-01, dns-account-01 or "
             "dns-persist-01"},
    {CERTIFICATE(webroot), .name = "webroot", .parse = config_value_path,
     .help = "for http-01 where another server has port 80: the directory that it serves; default: acmed answers itself"},
    {CERTIFICATE(profile), .name = "profile", .parse = config_value_profile,
     .help = "which of the CA's profiles it is of, as shortlived at letsencrypt; default: the CA's default"},
    {CERTIFICATE(dns_hook), .name = "dns_hook", .parse = config_value_dns_hook,
     .help = "what sets the DNS records of challenges: exec:COMMAND, lego:COMMAND, dehydrated:COMMAND, "
             "acme.sh:SCRIPT [DIRECTORY] or rfc2136:SERVER[:PORT] KEYFILE"},
    {CERTIFICATE(dns_delegation), .name = "dns_delegation", .list = true, .parse = config_value_dns_delegation,
     .help = "domains at or below which dns_hook may set records where a CNAME leads there, or off alone: nowhere; "
             "default: wherever one leads"},
    {CERTIFICATE(rehearse), .name = "rehearse", .parse = config_value_bool, .default_ = "no",
     .help = "yes: new names are rehearsed at the CA for trials (`staging` in [ca]) before they are ordered"},
    {CERTIFICATE(renew_before), .name = "renew_before", .parse = config_value_renew_before, .min = 3600,
     .max = INT64_C(366) * 86400,
     .help = "time (30d) or share of the lifetime (33%) left when it is renewed; default: by its lifetime"},
    {CERTIFICATE(keep), .name = "keep", .parse = config_value_unsigned, .min = 0, .max = 1000, .default_ = "3",
     .help = "older generations kept besides the live one"},
    {CERTIFICATE(owner), .name = "owner", .parse = config_value_user,
     .help = "user who owns files with the key; default: who runs acmed"},
    {CERTIFICATE(group), .name = "group", .parse = config_value_user,
     .help = "group of files with the key; default: that of who runs acmed"},
    {CERTIFICATE(mode), .name = "mode", .parse = config_value_mode, .default_ = "0600",
     .help = "permissions of files with the key"},
    {CERTIFICATE(copies), .name = "copy", .list = true, .parse = config_value_copy,
     .help = "further copies, as KIND:PATH; KIND is fullchain, privkey, haproxy, cert or chain"},
    {CERTIFICATE(reload), .name = "reload", .list = true, .parse = config_value_unit,
     .help = "systemd units to reload when the certificate is new"},
    {CERTIFICATE(hook), .name = "hook", .parse = config_value_hook,
     .help = "a command to run when the certificate is new; no shell, first word an absolute path"},
    {CERTIFICATE(hook_timeout), .name = "hook_timeout", .parse = config_value_seconds, .min = 1, .max = 86400,
     .default_ = "5m", .help = "the hook is ended when it takes longer"},
    {CERTIFICATE(hook_user), .name = "hook_user", .parse = config_value_user,
     .help = "user who runs the hook; default: who runs acmed"},
    {CERTIFICATE(verify_host), .name = "verify", .parse = config_value_verify,
     .help = "HOST:PORT or [ADDRESS]:PORT of the server that must present the new certificate"},
    {CERTIFICATE(chain), .name = "chain", .parse = config_value_common_name,
     .help = "the chain to take where the CA offers several: the common name of the issuer at its top; default: that of the CA"},
};
/* clang-format on */

#define N_KEYS (sizeof keys / sizeof keys[0])
static_assert(N_KEYS <= CONFIG_KEYS_MAX, "arrays indexed by key are large enough");

static const struct {
    const char *name;
    bool takes_name;
} sections[CONFIG_SECTION_COUNT] = {
    [CONFIG_SECTION_ACMED] = {"acmed", false},       [CONFIG_SECTION_CA] = {"ca", true},
    [CONFIG_SECTION_DEFAULTS] = {"defaults", false}, [CONFIG_SECTION_CERTIFICATE] = {"certificate", true},
    [CONFIG_SECTION_UNKNOWN] = {"", false},
};

const struct config_key *config_keys(size_t *n)
{
    *n = N_KEYS;
    return keys;
}

size_t config_key_index(const struct config_key *key)
{
    return (size_t)(key - keys);
}

static enum config_section table_section(enum config_section section)
{
    return section == CONFIG_SECTION_DEFAULTS ? CONFIG_SECTION_CERTIFICATE : section;
}

const struct config_key *config_key_find(enum config_section section, const char *name)
{
    for (size_t i = 0; i < N_KEYS; i++)
        if (keys[i].section == table_section(section) && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Insertions, deletions and replacements that make one of the other (Levenshtein). */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_ + 1];
    size_t lb = strlen(b);
    size_t diagonal;
    size_t above;

    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < lb; j++) {
            above = row[j + 1];
            row[j + 1] = min3(diagonal + (a[i] != b[j] ? 1 : 0), row[j] + 1, above + 1);
            diagonal = above;
        }
    }
    return row[lb];
}

/* Near enough that it may have been meant: a typing error in three letters, one at least. */
static bool is_near(const char *name, const char *known, size_t *best)
{
    size_t len = strlen(name);
    size_t d;

    if (len > NAME_MAX_ || strlen(known) > NAME_MAX_)
        return false;
    d = edit_distance(name, known);
    if (d >= *best || d > (len < 6 ? 1 : len / 3))
        return false;
    *best = d;
    return true;
}

void config_key_suggest(enum config_section section, const char *name, char *text, size_t size)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;

    text[0] = '\0';
    for (size_t i = 0; i < N_KEYS; i++) {
        if (keys[i].section == table_section(section)) {
            if (is_near(name, keys[i].name, &best))
                nearest = keys[i].name;
        } else if (strcmp(keys[i].name, name) == 0) {
            (void)snprintf(text, size, ": it belongs into [%s%s]", config_section_to_str(keys[i].section),
                           config_section_takes_name(keys[i].section) ? " NAME" : "");
            return;
        }
    }
    if (nearest != NULL)
        (void)snprintf(text, size, ": did you mean `%s`?", nearest);
}

enum config_section config_section_from_str(const char *s)
{
    for (unsigned i = 0; i < CONFIG_SECTION_UNKNOWN; i++)
        if (strcmp(sections[i].name, s) == 0)
            return (enum config_section)i;
    return CONFIG_SECTION_UNKNOWN;
}

const char *config_section_to_str(enum config_section section)
{
    return (unsigned)section < CONFIG_SECTION_COUNT ? sections[section].name : "";
}

bool config_section_takes_name(enum config_section section)
{
    return (unsigned)section < CONFIG_SECTION_COUNT && sections[section].takes_name;
}

const char *config_section_suggest(const char *s)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;

    for (unsigned i = 0; i < CONFIG_SECTION_UNKNOWN; i++)
        if (is_near(s, sections[i].name, &best))
            nearest = sections[i].name;
    return nearest;
}

bool config_key_info(size_t i, struct config_key_info *info)
{
    if (i >= N_KEYS)
        return false;
    *info = (struct config_key_info){.section = config_section_to_str(keys[i].section),
                                     .name = keys[i].name,
                                     .default_ = keys[i].default_,
                                     .help = keys[i].help,
                                     .list = keys[i].list};
    return true;
}
