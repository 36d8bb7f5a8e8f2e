/* SPDX-License-Identifier: MIT */
#include "daemon/engine/zone.h"

#include <stdlib.h>
#include <string.h>

struct zone_search {
    struct resolver *resolver;
    char name[DNS_NAME_MAX + 1]; /* what the aliases so far lead to */
    const char *at;              /* the name, or an ancestor: within name */
    unsigned aliases;
    void (*done)(void *arg, const char *target, const char *zone, const struct err *e);
    void *arg;
};

static void on_reply(void *arg, const struct dns_reply *reply, const struct err *e);

static void fail(struct zone_search *s, struct err *e)
{
    err_wrap(e, "where %s lies in the DNS cannot be found", s->name);
    s->done(s->arg, NULL, NULL, e);
}

static void ask(struct zone_search *s)
{
    struct err e;

    if (resolver_ask(s->resolver, s->at, DNS_TYPE_SOA, on_reply, s))
        return;
    err_nomem(&e, "a question to the DNS");
    fail(s, &e);
}

/* The zone's SOA record is the answer at its apex, and stands beside every "no such record" below. */
static const char *apex(const struct dns_reply *reply, const char *at)
{
    for (size_t i = 0; i < reply->n; i++)
        if (reply->v[i].type == DNS_TYPE_SOA && strcmp(reply->v[i].name, ".") != 0 &&
            dns_name_is_below(at, reply->v[i].name))
            return reply->v[i].name;
    return NULL;
}

static bool follow(struct zone_search *s, const char *alias, struct err *e)
{
    if (!dns_name_valid(alias))
        return err_set(e, ERR_CLASS_TRANSIENT, "its CNAME record leads to no valid name");
    if (++s->aliases > ZONE_ALIASES_MAX)
        return err_set(e, ERR_CLASS_TRANSIENT, "more than %d CNAME records lead on from one to the next",
                       ZONE_ALIASES_MAX);
    memcpy(s->name, alias, strlen(alias) + 1);
    s->at = s->name;
    return true;
}

static bool ascend(struct zone_search *s, struct err *e)
{
    const char *dot = strchr(s->at, '.');

    if (dot == NULL)
        return err_set(e, ERR_CLASS_TRANSIENT, "no zone has it");
    s->at = dot + 1;
    return true;
}

static void on_reply(void *arg, const struct dns_reply *reply, const struct err *error)
{
    struct zone_search *s = arg;
    const char *alias, *zone;
    struct err e;

    if (reply == NULL) {
        e = *error;
        fail(s, &e);
        return;
    }
    alias = s->at == s->name ? dns_reply_find(reply, s->name, DNS_TYPE_CNAME, 0) : NULL;
    zone = apex(reply, s->at);
    if (alias == NULL && zone != NULL)
        s->done(s->arg, s->name, zone, NULL);
    else if (alias != NULL ? follow(s, alias, &e) : ascend(s, &e))
        ask(s);
    else
        fail(s, &e);
}

struct zone_search *zone_search_start(struct resolver *r, const char *name,
                                      void (*done)(void *arg, const char *target, const char *zone,
                                                   const struct err *e),
                                      void *arg)
{
    struct zone_search *s = calloc(1, sizeof *s);
    size_t len = strlen(name);

    if (s == NULL || len > DNS_NAME_MAX) {
        free(s);
        return NULL;
    }
    *s = (struct zone_search){.resolver = r, .done = done, .arg = arg};
    memcpy(s->name, name, len + 1);
    s->at = s->name;
    if (!resolver_ask(r, s->at, DNS_TYPE_SOA, on_reply, s)) {
        free(s);
        return NULL;
    }
    return s;
}

void zone_search_free(struct zone_search *s)
{
    free(s);
}
