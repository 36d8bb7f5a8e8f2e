/* SPDX-License-Identifier: MIT */
#include "lib/config_value.h"

#include "lib/config.h"
#include "lib/ident.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const key_type_names[] = {
    [KEY_TYPE_ECDSA_P256] = "ecdsa-p256", [KEY_TYPE_ECDSA_P384] = "ecdsa-p384",
    [KEY_TYPE_RSA_2048] = "rsa-2048",     [KEY_TYPE_RSA_3072] = "rsa-3072",
    [KEY_TYPE_RSA_4096] = "rsa-4096",
};
static_assert(sizeof key_type_names / sizeof key_type_names[0] == KEY_TYPE_COUNT,
              "every key type has a name");

static const char *const copy_kind_names[] = {
    [COPY_PRIVKEY] = "privkey",     [COPY_CERT] = "cert",       [COPY_CHAIN] = "chain",
    [COPY_FULLCHAIN] = "fullchain", [COPY_HAPROXY] = "haproxy",
};
static_assert(sizeof copy_kind_names / sizeof copy_kind_names[0] == COPY_HAPROXY + 1,
              "every kind has a name");

const char *key_type_to_str(enum key_type type)
{
    return (unsigned)type < KEY_TYPE_COUNT ? key_type_names[type] : "unknown";
}

bool key_type_is_slow(enum key_type type)
{
    return type >= KEY_TYPE_RSA_2048;
}

bool key_type_from_str(const char *s, enum key_type *type)
{
    for (unsigned i = 0; i < KEY_TYPE_COUNT; i++) {
        if (strcmp(s, key_type_names[i]) == 0) {
            *type = (enum key_type)i;
            return true;
        }
    }
    return false;
}

const char *copy_kind_to_str(enum copy_kind kind)
{
    return (unsigned)kind <= COPY_HAPROXY ? copy_kind_names[kind] : "unknown";
}

bool config_name_parse(const char *s, char *out, size_t size)
{
    size_t len = strlen(s);

    if (len == 0 || len > CONFIG_NAME_MAX || len >= size || !isalnum((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && strchr("._-", s[i]) == NULL)
            return false;
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)tolower((unsigned char)s[i]);
    return true;
}

/* The other one may be written in another way. */
static bool is_twice(const char *value, const char *ident, struct err *e)
{
    char *people = ident_to_people(ident);

    if (people == NULL)
        return err_nomem(e, "reading the configuration");
    if (strcmp(value, ident) == 0)
        err_set(e, ERR_CLASS_CONFIG, "%s is given twice: remove one", people);
    else
        err_set(e, ERR_CLASS_CONFIG, "\"%.300s\" is given twice, it means %s: remove one", value, people);
    free(people);
    return false;
}

bool config_value_domain(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    char name[IDENT_MAX + 1];

    (void)key;
    if (!ident_parse(value, name, e))
        return false;
    if (strv_contains(&c->domains, name))
        return is_twice(value, name, e);
    if (c->domains.n >= CONFIG_DOMAINS_MAX)
        return err_set(e, ERR_CLASS_CONFIG,
                       "more than %d names, which no CA puts into one certificate: split it",
                       CONFIG_DOMAINS_MAX);
    return strv_add(&c->domains, name) || err_nomem(e, "reading the configuration");
}

/* Only the form: whether there is such a CA is checked when all sections are known. */
bool config_ca_name_parse(const char *s, char *out, size_t size, struct err *e)
{
    if (strstr(s, "://") != NULL)
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%.80s\" is a URL: write a section [ca NAME] with `directory = %.200s` and give its NAME here",
            s, s);
    if (!config_name_parse(s, out, size))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is not the name of a CA", s);
    return true;
}

bool config_value_ca(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    char name[CONFIG_NAME_MAX + 1];

    (void)key;
    if (!config_ca_name_parse(value, name, sizeof name, e))
        return false;
    if (strv_contains(&c->ca_names, name))
        return err_set(e, ERR_CLASS_CONFIG, "\"%s\" is given twice: remove one", name);
    if (c->ca_names.n >= CONFIG_CAS_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "more than %d CAs", CONFIG_CAS_MAX);
    return strv_add(&c->ca_names, name) || err_nomem(e, "reading the configuration");
}

bool config_value_key_type(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    enum key_type type;

    (void)key;
    if (key_type_from_str(value, &type)) {
        for (unsigned i = 0; i < c->n_keys; i++)
            if (c->keys[i] == type)
                return err_set(e, ERR_CLASS_CONFIG, "\"%s\" is given twice: remove one", value);
        c->keys[c->n_keys++] = type;
        return true;
    }
    return err_set(e, ERR_CLASS_CONFIG,
                   "\"%.80s\" is none of ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 and rsa-4096", value);
}

bool config_value_challenge(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;

    (void)key;
    if (challenge_type_from_str(value, &c->challenge))
        return true;
    return err_set(e, ERR_CLASS_CONFIG,
                   "\"%.80s\" is not supported: the challenges are http-01, tls-alpn-01, dns-01, "
                   "dns-account-01 and dns-persist-01",
                   value);
}

bool config_profile_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return n >= 1 && n <= CONFIG_PROFILE_MAX && name[n] == '\0';
}

bool config_value_profile(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;

    (void)key;
    if (!config_profile_valid(value))
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" is no name of a profile: 1 to %d letters, digits, `.`, `_` and `-`", value,
                       CONFIG_PROFILE_MAX);
    return config_string_set(&c->profile, value, e);
}

bool config_value_mode(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    size_t len = strlen(value);
    unsigned long mode;

    (void)key;
    if (len < 3 || len > 4 || strspn(value, "01234567") != len)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is not a mode like 0600 or 0640", value);
    mode = strtoul(value, NULL, 8);
    if ((mode & 07) != 0)
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%s\" would give everybody access to the private key; use 0600, or 0640 with a `group`", value);
    if ((mode & ~0660UL) != 0 || (mode & 0400) == 0)
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%s\" makes no sense for a file with a key: the owner has to read it, nobody to execute it; "
            "use 0600 or 0640",
            value);
    c->mode = (unsigned)mode;
    return true;
}

static bool parse_copy_kind(const char *s, size_t len, enum copy_kind *kind)
{
    for (unsigned i = 0; i <= COPY_HAPROXY; i++) {
        if (strlen(copy_kind_names[i]) == len && memcmp(copy_kind_names[i], s, len) == 0) {
            *kind = (enum copy_kind)i;
            return true;
        }
    }
    return false;
}

bool config_value_copy(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    size_t len = strcspn(value, ":");
    struct config_copy *v;
    enum copy_kind kind;
    char *path;

    (void)key;
    if (value[len] == '\0' || !parse_copy_kind(value, len, &kind))
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%.200s\" is not KIND:PATH, where KIND is fullchain, privkey, haproxy, cert or chain", value);
    if (value[strlen(value) - 1] == '/')
        return err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" names a directory: give the path of a file", value);
    if (c->n_copies >= CONFIG_LIST_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "more than %d copies", CONFIG_LIST_MAX);
    path = config_path_normalise(value + len + 1, e);
    if (path == NULL)
        return false;
    if (strcmp(path, "/") == 0) {
        free(path);
        return err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" names a directory: give the path of a file", value);
    }
    v = realloc(c->copies, (c->n_copies + 1) * sizeof *v);
    if (v == NULL) {
        free(path);
        return err_nomem(e, "reading the configuration");
    }
    c->copies = v;
    v[c->n_copies++] = (struct config_copy){.kind = kind, .path = path};
    return true;
}

static bool has_unit_suffix(const char *unit)
{
    static const char *const suffixes[] = {".service", ".socket", ".target", ".timer", ".path"};
    const char *dot = strrchr(unit, '.');

    for (size_t i = 0; dot != NULL && i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (strcmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

bool config_value_unit(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    char unit[256];
    size_t len = strlen(value);
    const char *at;

    (void)key;
    if (value[0] == '-' || value[0] == '.' || value[0] == '@')
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no name of a unit: it begins with `%c`", value,
                       value[0]);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)value[i]) && strchr(":-_.\\@", value[i]) == NULL)
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.80s\" is no name of a systemd unit (a command to run goes into `hook`)",
                           value);
    if (len + sizeof ".service" > sizeof unit)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is too long for the name of a unit", value);
    memcpy(unit, value, len + 1);
    if (!has_unit_suffix(unit))
        memcpy(unit + len, ".service", sizeof ".service");
    at = strchr(unit, '@');
    if (at != NULL && at[1 + strcspn(at + 1, ".")] == '.' && has_unit_suffix(at + 1) &&
        strrchr(unit, '.') == at + 1)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is a template: name an instance, as in %.*s@NAME",
                       value, (int)(at - unit), unit);
    if (strv_contains(&c->reload, unit))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is given twice: remove one", unit);
    if (c->reload.n >= CONFIG_LIST_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "more than %d units", CONFIG_LIST_MAX);
    return strv_add(&c->reload, unit) || err_nomem(e, "reading the configuration");
}

/* Splits HOST:PORT or [ADDRESS]:PORT and checks both; host is the part without brackets. */
static bool parse_host_port(const char *value, char *host, size_t size, uint16_t *port, struct err *e)
{
    const char *colon = strrchr(value, ':');
    size_t len = colon != NULL ? (size_t)(colon - value) : 0;
    bool v6 = value[0] == '[' && len > 2 && value[len - 1] == ']';

    if (len == 0 || !config_port_parse(colon + 1, port))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" is not HOST:PORT, as in localhost:443 or [::1]:443",
                       value);
    if (v6) {
        value++;
        len -= 2;
    }
    if (len >= size)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.200s...\" is too long for the name of a host", value);
    memcpy(host, value, len);
    host[len] = '\0';
    if (v6 != (strchr(host, ':') != NULL))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.200s\": IPv6 addresses stand in brackets, as in [::1]:443",
                       value);
    if (!ident_is_address(host))
        return !v6 ? ident_dns(host, host, e)
                   : err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" is not an IPv6 address", host);
    return true;
}

bool config_value_verify(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    char host[IDENT_MAX + 2];
    uint16_t port = 0;

    (void)key;
    if (!parse_host_port(value, host, sizeof host, &port, e))
        return false;
    if (!config_string_set(&c->verify_host, host, e))
        return false;
    c->verify_port = port;
    return true;
}
