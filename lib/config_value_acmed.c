/* SPDX-License-Identifier: MIT */
#include "lib/config_value.h"

#include "lib/config.h"
#include "lib/ident.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const log_level_names[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};
static_assert(sizeof log_level_names / sizeof log_level_names[0] == LOG_LEVEL_DEBUG + 1,
              "every level has a name");

bool config_value_log_level(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config *c = object;

    (void)key;
    for (unsigned i = 0; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(value, log_level_names[i]) == 0) {
            c->log_level = (enum log_level)i;
            return true;
        }
    }
    return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is none of error, warning, notice, info and debug", value);
}

bool config_value_http_other(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config *c = object;

    (void)key;
    if (strcmp(value, "redirect") == 0)
        c->http_other = HTTP_OTHER_REDIRECT;
    else if (strcmp(value, "404") == 0)
        c->http_other = HTTP_OTHER_404;
    else
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is neither redirect nor 404", value);
    return true;
}

/* ADDRESS:PORT or [ADDRESS]:PORT. host and port are written on success. */
static bool parse_tcp(const char *value, char **host, uint16_t *port)
{
    const char *colon = strrchr(value, ':');
    const char *begin = value;
    size_t len;
    bool v6 = value[0] == '[';

    if (colon == NULL || !config_port_parse(colon + 1, port))
        return false;
    len = (size_t)(colon - value);
    if (v6) {
        if (len < 3 || value[len - 1] != ']')
            return false;
        begin++;
        len -= 2;
    }
    *host = strndup(begin, len);
    if (*host == NULL)
        return true; /* the caller looks */
    if (ident_is_address(*host) && (strchr(*host, ':') != NULL) == v6)
        return true;
    free(*host);
    *host = NULL;
    return false;
}

static bool parse_listen(struct listen_addr *a, const char *value, struct err *e)
{
    if (strcmp(value, "systemd") == 0) {
        a->kind = LISTEN_SYSTEMD;
    } else if (strcmp(value, "off") == 0) {
        a->kind = LISTEN_OFF;
    } else if (strncmp(value, "unix:", 5) == 0) {
        a->kind = LISTEN_UNIX;
        a->host = config_path_normalise(value + 5, e);
        if (a->host == NULL)
            return false;
        if (strlen(a->host) > CONFIG_SOCKET_MAX)
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.200s\" is longer than the %d bytes a socket's path may have", value,
                           CONFIG_SOCKET_MAX);
    } else {
        a->kind = LISTEN_TCP;
        if (!parse_tcp(value, &a->host, &a->port))
            return err_set(
                e, ERR_CLASS_CONFIG,
                "\"%.80s\" is none of ADDRESS:PORT (0.0.0.0:80), [ADDRESS]:PORT ([::]:80), unix:PATH, "
                "systemd and off",
                value);
        if (a->host == NULL)
            return err_nomem(e, "reading the configuration");
    }
    a->text = strdup(value);
    return a->text != NULL ? true : err_nomem(e, "reading the configuration");
}

static bool same_address(const struct listen_addr *a, const struct listen_addr *b)
{
    if (a->kind != b->kind || a->port != b->port)
        return false;
    return a->host == NULL || b->host == NULL || strcmp(a->host, b->host) == 0;
}

static bool check_listen(const struct listen_addr *v, size_t n, const struct listen_addr *a, struct err *e)
{
    if (n >= CONFIG_LIST_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "more than %d addresses", CONFIG_LIST_MAX);
    for (size_t i = 0; i < n; i++) {
        if (same_address(&v[i], a))
            return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is given twice", a->text);
        if ((a->kind == LISTEN_OFF) != (v[i].kind == LISTEN_OFF))
            return err_set(e, ERR_CLASS_CONFIG, "`off` stands alone: remove it or the addresses");
    }
    return true;
}

static bool add_listen(struct listen_addr **list, size_t *n, const struct config_key *key, const char *value,
                       struct err *e)
{
    struct listen_addr a = {.key = key->name, .explicit_ = true};
    struct listen_addr *v;

    if (!parse_listen(&a, value, e) || !check_listen(*list, *n, &a, e))
        goto fail;
    v = realloc(*list, (*n + 1) * sizeof *v);
    if (v == NULL) {
        err_nomem(e, "reading the configuration");
        goto fail;
    }
    *list = v;
    v[(*n)++] = a;
    return true;
fail:
    free(a.host);
    free(a.text);
    return false;
}

bool config_value_listen(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config *c = object;

    return add_listen(&c->http_listen, &c->n_http_listen, key, value, e);
}

bool config_value_tls_alpn_listen(void *object, const struct config_key *key, const char *value,
                                  struct err *e)
{
    struct config *c = object;

    return add_listen(&c->tls_alpn_listen, &c->n_tls_alpn_listen, key, value, e);
}

bool config_value_dns_resolver(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config *c = object;
    char *host = NULL;
    uint16_t port;
    bool off = strcmp(value, "off") == 0;

    (void)key;
    if (!off && !parse_tcp(value, &host, &port))
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%.80s\" is none of ADDRESS:PORT (192.0.2.53:53), [ADDRESS]:PORT ([2001:db8::53]:53) "
            "and off",
            value);
    if (!off && host == NULL)
        return err_nomem(e, "reading the configuration");
    free(host);
    if (strv_contains(&c->dns_resolvers, value) || (off && c->dns_off))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is given twice", value);
    if (off ? c->dns_resolvers.n > 0 : c->dns_off)
        return err_set(e, ERR_CLASS_CONFIG, "`off` stands alone: remove it or the addresses");
    if (c->dns_resolvers.n >= CONFIG_LIST_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "more than %d addresses", CONFIG_LIST_MAX);
    if (off)
        c->dns_off = true;
    else if (!strv_add(&c->dns_resolvers, value))
        return err_nomem(e, "reading the configuration");
    return true;
}

bool config_value_experimental(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config *c = object;

    (void)key;
    if (strcmp(value, challenge_type_to_str(CHALLENGE_TYPE_DNS_PERSIST_01)) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is nothing experimental of this version: it has %s",
                       value, challenge_type_to_str(CHALLENGE_TYPE_DNS_PERSIST_01));
    c->dns_persist = true;
    return true;
}
