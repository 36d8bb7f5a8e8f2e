/* SPDX-License-Identifier: MIT */
#include "lib/config_value.h"

#include "lib/config.h"
#include "lib/dns_reply.h"
#include "lib/ident.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* How DNS records are set: KIND:WORDS, and where. */

#define DNS_PORT   53
#define SCRIPT_MAX 100

static bool command(struct config_dns_hook *h, const char *value, struct err *e)
{
    return config_command_parse(&h->argv, value, e);
}

/* ---- acme.sh:SCRIPT [DIRECTORY] ---- */

static bool is_script(const char *name)
{
    size_t len = strlen(name);

    return len <= SCRIPT_MAX && len > 4 && strncmp(name, "dns_", 4) == 0 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

static bool make_path(char **word, struct err *e)
{
    char *path = config_path_normalise(*word, e);

    if (path == NULL)
        return false;
    free(*word);
    *word = path;
    return true;
}

static bool acme_sh(struct config_dns_hook *h, const char *value, struct err *e)
{
    if (!config_words_parse(&h->argv, value, e))
        return false;
    if (h->argv.n < 1 || h->argv.n > 2 || !is_script(h->argv.v[0]))
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%.200s\" is not the name of one of acme.sh's DNS scripts, as dns_cf, with the directory "
            "of acme.sh behind it if need be",
            value);
    return h->argv.n == 1 || make_path(&h->argv.v[1], e);
}

/* ---- rfc2136:SERVER[:PORT] KEYFILE ---- */

/* Cuts the port off the word, and the brackets. NULL: malformed. */
static char *take_host(char *word, uint16_t *port)
{
    char *end = word[0] == '[' ? strchr(word, ']') : strchr(word, ':');
    char *host = word[0] == '[' ? word + 1 : word;

    *port = DNS_PORT;
    if (word[0] == '[') {
        if (end == NULL)
            return NULL;
        *end++ = '\0';
        if (!ident_is_address(host) || (*end != '\0' && *end != ':'))
            return NULL;
    } else if (end == NULL) {
        return host;
    }
    if (*end != '\0' && !config_port_parse(end + 1, port))
        return NULL;
    *end = '\0';
    return host;
}

static bool set_server(struct config_dns_hook *h, char *word, struct err *e)
{
    char name[IDENT_MAX + 1];
    const char *host = take_host(word, &h->port);

    if (host == NULL || (!ident_is_address(host) && !ident_dns(host, name, NULL)))
        return false;
    h->server = strdup(ident_is_address(host) ? host : name);
    return h->server != NULL || err_nomem(e, "reading the configuration");
}

static bool rfc2136(struct config_dns_hook *h, const char *value, struct err *e)
{
    if (!config_words_parse(&h->argv, value, e))
        return false;
    err_set(e, ERR_CLASS_CONFIG,
            "\"%.200s\" is not SERVER KEYFILE, with SERVER as ns1.example.com, 192.0.2.53:5353 or "
            "[2001:db8::53]:53",
            value);
    if (h->argv.n != 2 || !set_server(h, h->argv.v[0], e))
        return false;
    free(h->argv.v[0]);
    h->argv.v[0] = h->argv.v[1];
    h->argv.n = 1;
    return make_path(&h->argv.v[0], e);
}

/* ---- all ---- */

static const struct {
    const char *name;
    bool (*parse)(struct config_dns_hook *h, const char *value, struct err *e);
} kinds[] = {
    [DNS_HOOK_NONE] = {"none", NULL},          [DNS_HOOK_EXEC] = {"exec", command},
    [DNS_HOOK_LEGO] = {"lego", command},       [DNS_HOOK_DEHYDRATED] = {"dehydrated", command},
    [DNS_HOOK_ACME_SH] = {"acme.sh", acme_sh}, [DNS_HOOK_RFC2136] = {"rfc2136", rfc2136},
};
static_assert(sizeof kinds / sizeof kinds[0] == DNS_HOOK_COUNT, "every kind has a name");

const char *dns_hook_kind_to_str(enum dns_hook_kind kind)
{
    return (unsigned)kind < DNS_HOOK_COUNT ? kinds[kind].name : "unknown";
}

bool config_value_dns_hook(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    size_t len = strcspn(value, ":");

    (void)key;
    for (unsigned kind = DNS_HOOK_NONE + 1; kind < DNS_HOOK_COUNT && value[len] == ':'; kind++) {
        if (strlen(kinds[kind].name) != len || strncmp(value, kinds[kind].name, len) != 0)
            continue;
        c->dns_hook.kind = (enum dns_hook_kind)kind;
        return kinds[kind].parse(&c->dns_hook, value + len + 1, e);
    }
    return err_set(e, ERR_CLASS_CONFIG,
                   "\"%.200s\" does not begin with the convention the program follows: exec:, lego:, "
                   "dehydrated:, acme.sh: or rfc2136:",
                   value);
}

/* ---- where CNAME records may lead to ---- */

/* Other than a host's name it may have underscores. */
static bool domain(const char *value, char out[IDENT_MAX + 1], struct err *e)
{
    size_t len = strlen(value);

    if (len > IDENT_MAX)
        return ident_dns(value, out, e);
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)tolower((unsigned char)value[i]);
    return (dns_name_valid(out) && !ident_is_address(out)) || ident_dns(value, out, e);
}

bool config_value_dns_delegation(void *object, const struct config_key *key, const char *value, struct err *e)
{
    struct config_certificate *c = object;
    char name[IDENT_MAX + 1];

    (void)key;
    if (strcmp(value, "off") == 0) {
        if (c->dns_delegation_off)
            return err_set(e, ERR_CLASS_CONFIG, "\"off\" is given twice");
        c->dns_delegation_off = true;
    } else if (!domain(value, name, e)) {
        return false;
    } else if (strv_contains(&c->dns_delegation, name)) {
        return err_set(e, ERR_CLASS_CONFIG, "%s is given twice: remove one", name);
    } else if (c->dns_delegation.n >= CONFIG_LIST_MAX) {
        return err_set(e, ERR_CLASS_CONFIG, "more than %d domains", CONFIG_LIST_MAX);
    } else if (!strv_add(&c->dns_delegation, name)) {
        return err_nomem(e, "reading the configuration");
    }
    return !c->dns_delegation_off || c->dns_delegation.n == 0 ||
           err_set(e, ERR_CLASS_CONFIG, "`off` stands alone: remove it or the domains");
}
