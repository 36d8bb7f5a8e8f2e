/* SPDX-License-Identifier: MIT */
#include "lib/config_value.h"

#include "lib/config.h"
#include "lib/ident.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(void *object, const struct config_key *key)
{
    return (char *)object + key->offset;
}

bool config_string_set(char **string, const char *value, struct err *e)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return err_nomem(e, "reading the configuration");
    free(*string);
    *string = copy;
    return true;
}

bool config_number_parse(const char *s, size_t len, int64_t *out)
{
    int64_t n = 0;

    if (len == 0 || len > 18)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)s[i]))
            return false;
        n = n * 10 + (s[i] - '0');
    }
    *out = n;
    return true;
}

bool config_port_parse(const char *s, uint16_t *port)
{
    int64_t n;

    if (!config_number_parse(s, strlen(s), &n) || n < 1 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

bool config_value_bool(void *object, const struct config_key *key, const char *value, struct err *e)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"no", false},  {"true", true}, {"false", false},
                 {"on", true},  {"off", false}, {"1", true},    {"0", false}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i].word) == 0) {
            *(bool *)field(object, key) = words[i].value;
            return true;
        }
    }
    return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is neither yes nor no", value);
}

bool config_value_unsigned(void *object, const struct config_key *key, const char *value, struct err *e)
{
    int64_t n;

    if (!config_number_parse(value, strlen(value), &n) || n < key->min || n > key->max)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is not a number from %lld to %lld", value,
                       (long long)key->min, (long long)key->max);
    *(unsigned *)field(object, key) = (unsigned)n;
    return true;
}

static const struct {
    char letter;
    int64_t seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

bool config_duration_parse(const struct config_key *key, const char *value, int64_t *seconds, struct err *e)
{
    size_t len = strlen(value);
    int64_t n;

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (len == 0 || value[len - 1] != units[i].letter || !config_number_parse(value, len - 1, &n))
            continue;
        if (n > key->max / units[i].seconds || n * units[i].seconds < key->min)
            return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is out of bounds: from %llds to %lldd", value,
                           (long long)key->min, (long long)(key->max / 86400));
        *seconds = n * units[i].seconds;
        return true;
    }
    return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is not a duration like 90s, 5m, 12h or 30d", value);
}

bool config_value_seconds(void *object, const struct config_key *key, const char *value, struct err *e)
{
    int64_t seconds;

    if (!config_duration_parse(key, value, &seconds, e))
        return false;
    *(unsigned *)field(object, key) = (unsigned)seconds;
    return true;
}

bool config_value_renew_before(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    size_t len = strlen(value);
    int64_t n;

    if (value[len - 1] != '%')
        return config_duration_parse(key, value, &c->renew_before, e);
    if (!config_number_parse(value, len - 1, &n) || n < 1 || n > 99)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is not a share of the lifetime from 1%% to 99%%",
                       value);
    c->renew_before_percent = (unsigned)n;
    return true;
}

/* Copies one component of a path; false when it is one that leads elsewhere. */
static bool add_component(char **out, const char *s, size_t len)
{
    if (len == 0 || (len == 1 && s[0] == '.'))
        return true;
    if (len == 2 && s[0] == '.' && s[1] == '.')
        return false;
    *(*out)++ = '/';
    memcpy(*out, s, len);
    *out += len;
    return true;
}

char *config_path_normalise(const char *value, struct err *e)
{
    size_t len = strlen(value);
    char *path;
    char *out;
    size_t n;

    if (value[0] != '/') {
        err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" is not an absolute path: it has to begin with /", value);
        return NULL;
    }
    if (len > CONFIG_PATH_MAX) {
        err_set(e, ERR_CLASS_CONFIG, "\"%.200s...\" is longer than %d bytes", value, CONFIG_PATH_MAX);
        return NULL;
    }
    path = malloc(len + 2);
    if (path == NULL) {
        err_nomem(e, "reading the configuration");
        return NULL;
    }
    out = path;
    for (const char *s = value; *s != '\0'; s += n) {
        s += *s == '/' ? 1 : 0;
        n = strcspn(s, "/");
        if (!add_component(&out, s, n)) {
            err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" contains `..`: write the path without it", value);
            free(path);
            return NULL;
        }
    }
    *out = '\0';
    if (out == path)
        memcpy(path, "/", 2);
    return path;
}

bool config_value_path(void *object, const struct config_key *key, const char *value, struct err *e)
{
    char **string = field(object, key);
    char *path = config_path_normalise(value, e);

    if (path == NULL)
        return false;
    if (strcmp(path, "/") == 0) {
        free(path);
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is the root directory: name something below it",
                       value);
    }
    free(*string);
    *string = path;
    return true;
}

bool config_value_socket_path(void *object, const struct config_key *key, const char *value, struct err *e)
{
    if (!config_value_path(object, key, value, e))
        return false;
    if (strlen(*(char **)field(object, key)) > CONFIG_SOCKET_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" is longer than the %d bytes a socket's path may have",
                       value, CONFIG_SOCKET_MAX);
    return true;
}

bool config_value_user(void *object, const struct config_key *key, const char *value, struct err *e)
{
    size_t len = strlen(value);
    int64_t id;

    if (config_number_parse(value, len, &id)) {
        /* The highest number is -1, which means "leave as it is" to chown(2). */
        if (id >= UINT32_MAX)
            return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is too large for a user or group number", value);
        return config_string_set(field(object, key), value, e);
    }
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)value[i]) &&
            (strchr("_.-$@", value[i]) == NULL || (i == 0 && value[i] != '_')))
            return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no name (or number) of a user or group", value);
    if (len > 255)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is too long for a name of a user or group", value);
    return config_string_set(field(object, key), value, e);
}

bool config_value_email(void *object, const struct config_key *key, const char *value, struct err *e)
{
    const char *at = strrchr(value, '@');
    char domain[IDENT_MAX + 1];
    char address[64 + 1 + IDENT_MAX + 1];
    struct err why;

    if (strncasecmp(value, "mailto:", 7) == 0)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\": write the address without mailto:", value);
    if (at == NULL || at == value || at - value > 64)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no e-mail address like admin@example.com", value);
    for (const char *p = value; p < at; p++)
        if (!isalnum((unsigned char)*p) && strchr("!#$&'*+-/=^_`{|}~.", *p) == NULL)
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.80s\" is not one plain e-mail address like admin@example.com", value);
    if (!ident_dns(at + 1, domain, &why))
        return err_set(e, why.class, "\"%.80s\" is no e-mail address: %s", value, why.text);
    (void)snprintf(address, sizeof address, "%.*s@%s", (int)(at - value), value, domain);
    return config_string_set(field(object, key), address, e);
}

/* host, host:port or [v6]:port of a URL. */
static bool check_authority(const char *s, size_t len)
{
    char host[IDENT_MAX + 10];
    char *colon;
    char *end;
    uint16_t port;
    char name[IDENT_MAX + 1];

    if (len == 0 || len >= sizeof host)
        return false;
    memcpy(host, s, len);
    host[len] = '\0';
    end = strchr(host, ']');
    colon = strchr(end != NULL ? end : host, ':');
    if (colon != NULL) {
        if (!config_port_parse(colon + 1, &port))
            return false;
        *colon = '\0';
    }
    if (host[0] == '[') {
        if (end == NULL || end[1] != '\0')
            return false;
        *end = '\0';
        return ident_is_address(host + 1) && strchr(host + 1, ':') != NULL;
    }
    return ident_is_address(host) || ident_dns(host, name, NULL);
}

bool config_value_https_url(void *object, const struct config_key *key, const char *value, struct err *e)
{
    static const char scheme[] = "https://";
    const char *authority = value + sizeof scheme - 1;

    if (strncmp(value, scheme, sizeof scheme - 1) != 0)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.200s\" is no https URL: ACME is spoken over https://... only", value);
    if (strlen(value) > 2000)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is longer than 2000 bytes", value);
    for (const char *p = value; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f || strchr("#\"<>\\^`{|}", *p) != NULL)
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.200s\" contains a character that URLs of directories have not", value);
    if (!check_authority(authority, strcspn(authority, "/?")))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.200s\" is no URL like https://acme.example.com/directory",
                       value);
    return config_string_set(field(object, key), value, e);
}
