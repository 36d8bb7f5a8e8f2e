/* SPDX-License-Identifier: MIT */
#include "daemon/engine/nameservers.h"

#include <stdlib.h>
#include <string.h>

#define ADDRESSES_MAX 64

/* The question for the addresses of one server. */
struct lookup {
    struct nameservers *owner;
    char *name;
    enum dns_type type;
};

struct nameservers {
    struct resolver *resolver;
    char *zone;
    struct lookup lookups[2 * NAMESERVERS_MAX];
    size_t n_lookups;
    size_t pending;
    struct err error; /* the last */
    struct nameserver v[ADDRESSES_MAX];
    size_t n;
    void (*on_done)(void *arg, const struct err *e);
    void *arg;
};

static void finish(struct nameservers *ns)
{
    if (ns->n > 0) {
        ns->on_done(ns->arg, NULL);
        return;
    }
    err_wrap(&ns->error, "the servers of the zone %s cannot be found", ns->zone);
    ns->on_done(ns->arg, &ns->error);
}

static void add(struct nameservers *ns, const char *name, const char *address)
{
    struct nameserver s = {0};

    for (size_t i = 0; i < ns->n; i++)
        if (strcmp(ns->v[i].address, address) == 0)
            return;
    if (ns->n == ADDRESSES_MAX)
        return;
    s.name = strdup(name);
    s.address = strdup(address);
    if (s.name != NULL && s.address != NULL) {
        ns->v[ns->n++] = s;
        return;
    }
    free(s.name);
    free(s.address);
    err_nomem(&ns->error, "the servers of a zone");
}

/* A server may be called by an alias, though it should not: all addresses of the reply are its. */
static void on_address(void *arg, const struct dns_reply *reply, const struct err *e)
{
    struct lookup *l = arg;
    struct nameservers *ns = l->owner;

    if (reply == NULL)
        ns->error = *e;
    for (size_t i = 0; reply != NULL && i < reply->n; i++)
        if (reply->v[i].answer && reply->v[i].type == l->type)
            add(ns, l->name, reply->v[i].data);
    if (--ns->pending == 0)
        finish(ns);
}

static void ask_address(struct nameservers *ns, const char *name, enum dns_type type)
{
    struct lookup *l = &ns->lookups[ns->n_lookups];

    *l = (struct lookup){.owner = ns, .name = strdup(name), .type = type};
    if (l->name == NULL || !resolver_ask(ns->resolver, l->name, type, on_address, l)) {
        free(l->name);
        err_nomem(&ns->error, "the servers of a zone");
        return;
    }
    ns->n_lookups++;
    ns->pending++;
}

static void on_names(void *arg, const struct dns_reply *reply, const struct err *e)
{
    struct nameservers *ns = arg;
    const char *name;

    if (reply == NULL)
        ns->error = *e;
    for (size_t i = 0; reply != NULL && i < NAMESERVERS_MAX &&
                       (name = dns_reply_find(reply, ns->zone, DNS_TYPE_NS, i)) != NULL;
         i++) {
        ask_address(ns, name, DNS_TYPE_A);
        ask_address(ns, name, DNS_TYPE_AAAA);
    }
    if (ns->pending == 0)
        finish(ns);
}

struct nameservers *nameservers_new(struct resolver *r, const char *zone,
                                    void (*on_done)(void *arg, const struct err *e), void *arg)
{
    struct nameservers *ns = calloc(1, sizeof *ns);

    if (ns == NULL)
        return NULL;
    ns->resolver = r;
    ns->on_done = on_done;
    ns->arg = arg;
    ns->zone = strdup(zone);
    err_set(&ns->error, ERR_CLASS_TRANSIENT, "the DNS has no NS records of it, or no addresses of theirs");
    if (ns->zone == NULL || !resolver_ask(r, zone, DNS_TYPE_NS, on_names, ns)) {
        nameservers_free(ns);
        return NULL;
    }
    return ns;
}

void nameservers_free(struct nameservers *ns)
{
    if (ns == NULL)
        return;
    for (size_t i = 0; i < ns->n_lookups; i++)
        free(ns->lookups[i].name);
    for (size_t i = 0; i < ns->n; i++) {
        free(ns->v[i].name);
        free(ns->v[i].address);
    }
    free(ns->zone);
    free(ns);
}

const char *nameservers_zone(const struct nameservers *ns)
{
    return ns->zone;
}

const struct nameserver *nameservers_list(const struct nameservers *ns, size_t *n)
{
    *n = ns->n;
    return ns->v;
}
