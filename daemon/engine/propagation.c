/* SPDX-License-Identifier: MIT */
#include "daemon/engine/propagation.h"

#include "daemon/engine/nameservers.h"
#include "daemon/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_FIRST_MS 1000
#define POLL_TOLD_MS  4000 /* the third pause */
#define POLL_MAX_MS   15000

struct zone {
    struct zone *next;
    struct propagation *owner;
    char *name;
    struct nameservers *servers;
};

struct record {
    struct record *next;
    char *name;
    char *value;
    const struct zone *zone;
    unsigned has; /* servers that have it, in this round */
};

/* One server in a round: it is asked for one record after the other. */
struct visit {
    struct visit *next;
    struct propagation *owner;
    const struct zone *zone;
    const struct nameserver *server;
    struct resolver *resolver;
    struct record *at;
};

struct propagation {
    struct propagation_spec spec;
    struct resolver *resolver;
    struct zone *zones;
    struct record *records;
    struct visit *visits; /* of this round */
    size_t pending;       /* zones whose servers are sought, or visits under way */
    struct loop_delay *delay;
    int64_t started_ms;
    int64_t pause_ms;
    struct err missing; /* the first record that a server lacks in this round; class NONE: none does */
    struct err silent;  /* the last server that did not answer; class NONE: all did */
};

struct propagation *propagation_new(const struct propagation_spec *spec)
{
    struct propagation *p = calloc(1, sizeof *p);

    if (p != NULL)
        p->spec = *spec;
    return p;
}

static void end_visits(struct propagation *p)
{
    struct visit *next;

    for (struct visit *v = p->visits; v != NULL; v = next) {
        next = v->next;
        resolver_free(v->resolver);
        free(v);
    }
    p->visits = NULL;
}

void propagation_free(struct propagation *p)
{
    if (p == NULL)
        return;
    end_visits(p);
    resolver_free(p->resolver);
    for (struct record *r = p->records, *next; r != NULL; r = next) {
        next = r->next;
        free(r->name);
        free(r->value);
        free(r);
    }
    for (struct zone *z = p->zones, *next; z != NULL; z = next) {
        next = z->next;
        nameservers_free(z->servers);
        free(z->name);
        free(z);
    }
    loop_delay_free(p->delay);
    free(p);
}

static const struct zone *zone_get(struct propagation *p, const char *name)
{
    struct zone *z = p->zones;

    while (z != NULL && strcmp(z->name, name) != 0)
        z = z->next;
    if (z != NULL)
        return z;
    z = calloc(1, sizeof *z);
    if (z == NULL)
        return NULL;
    *z = (struct zone){.next = p->zones, .owner = p, .name = strdup(name)};
    if (z->name == NULL) {
        free(z);
        return NULL;
    }
    p->zones = z;
    return z;
}

bool propagation_add(struct propagation *p, const char *name, const char *zone, const char *value)
{
    struct record *r = calloc(1, sizeof *r);

    if (r == NULL)
        return false;
    *r = (struct record){.next = p->records, .name = strdup(name), .value = strdup(value)};
    p->records = r;
    r->zone = zone_get(p, zone);
    return r->name != NULL && r->value != NULL && r->zone != NULL;
}

/* ---- rounds ---- */

static void start_round(void *arg);

static void finish(struct propagation *p, const struct err *e)
{
    p->spec.on_done(p->spec.arg, e);
}

/* Is every record at a server at least, and at none not? */
static bool is_complete(const struct propagation *p, struct err *e)
{
    const struct record *r = p->records;

    *e = p->missing;
    if (p->missing.class != ERR_CLASS_NONE)
        return false;
    while (r != NULL && r->has > 0)
        r = r->next;
    if (r == NULL)
        return true;
    *e = p->silent;
    err_wrap(e, "no server of the zone %s answers for %s", r->zone->name, r->name);
    return false;
}

/* Most zones take a moment: it is worth a line only when it takes longer. */
static void tell_wait(struct propagation *p, const struct err *e)
{
    if (p->pause_ms == POLL_TOLD_MS)
        log_info(
            p->spec.certificate,
            "the DNS records are not at all servers of their zone yet: %s; the CA is told when they are, "
            "within %lld min",
            e->text, (long long)(p->spec.patience_ms / 60000));
    else
        log_debug(p->spec.certificate, "%s; looked at again in %lld s", e->text,
                  (long long)(p->pause_ms / 1000));
}

static void end_round(struct propagation *p)
{
    int64_t waited = loop_monotonic_ms() - p->started_ms;
    struct err e;

    end_visits(p);
    if (is_complete(p, &e)) {
        finish(p, NULL);
    } else if (waited + p->pause_ms > p->spec.patience_ms) {
        err_wrap(&e,
                 "the CA was not told, as after %lld s the DNS records are not at all servers of their zone",
                 (long long)(waited / 1000));
        finish(p, &e);
    } else {
        tell_wait(p, &e);
        loop_delay_start(p->delay, p->pause_ms);
        p->pause_ms = p->pause_ms * 2 < POLL_MAX_MS ? p->pause_ms * 2 : POLL_MAX_MS;
    }
}

static bool has_value(const struct dns_reply *reply, const struct record *r)
{
    const char *value;

    for (size_t i = 0; (value = dns_reply_find(reply, r->name, DNS_TYPE_TXT, i)) != NULL; i++)
        if (strcmp(value, r->value) == 0)
            return true;
    return false;
}

/* The next record at or behind r that lies in the zone. */
static struct record *of_zone(struct record *r, const struct zone *z)
{
    while (r != NULL && r->zone != z)
        r = r->next;
    return r;
}

static void visit_next(struct visit *v);

static void on_txt(void *arg, const struct dns_reply *reply, const struct err *e)
{
    struct visit *v = arg;
    struct propagation *p = v->owner;
    struct record *r = v->at;

    if (reply == NULL) { /* nor will it for the others */
        p->silent = *e;
        err_wrap(&p->silent, "%s (%s)", v->server->name, v->server->address);
        v->at = NULL;
    } else {
        if (has_value(reply, r))
            r->has++;
        else if (p->missing.class == ERR_CLASS_NONE)
            err_set(&p->missing, ERR_CLASS_TRANSIENT, "%s (%s) has %s at %s", v->server->name,
                    v->server->address,
                    dns_reply_find(reply, r->name, DNS_TYPE_TXT, 0) != NULL ? "other TXT records"
                                                                            : "no TXT record",
                    r->name);
        v->at = of_zone(r->next, v->zone);
    }
    visit_next(v);
}

static void visit_next(struct visit *v)
{
    struct propagation *p = v->owner;

    if (v->at != NULL && resolver_ask(v->resolver, v->at->name, DNS_TYPE_TXT, on_txt, v))
        return;
    if (v->at != NULL)
        err_nomem(&p->silent, "a question to the DNS");
    if (--p->pending == 0)
        end_round(p);
}

/* A channel of its own for each server and round: newer versions of c-ares remember answers. */
static bool visit_add(struct propagation *p, const struct zone *z, const struct nameserver *server)
{
    struct visit *v = calloc(1, sizeof *v);
    struct strv list = {0};
    char address[80];
    bool v6 = strchr(server->address, ':') != NULL;

    if (v == NULL)
        return err_nomem(&p->silent, "a question to the DNS");
    *v = (struct visit){
        .next = p->visits, .owner = p, .zone = z, .server = server, .at = of_zone(p->records, z)};
    (void)snprintf(address, sizeof address, "%s%s%s:%u", v6 ? "[" : "", server->address, v6 ? "]" : "",
                   p->spec.port);
    if (strv_add(&list, address))
        v->resolver = resolver_new(p->spec.loop, &list, false, &p->silent);
    else
        err_nomem(&p->silent, "a question to the DNS");
    strv_clear(&list);
    if (v->resolver == NULL) {
        free(v);
        return false;
    }
    p->visits = v;
    return true;
}

static void start_round(void *arg)
{
    struct propagation *p = arg;

    p->missing.class = ERR_CLASS_NONE;
    err_set(&p->silent, ERR_CLASS_TRANSIENT, "none was asked");
    for (struct record *r = p->records; r != NULL; r = r->next)
        r->has = 0;
    for (struct zone *z = p->zones; z != NULL; z = z->next) {
        size_t n;
        const struct nameserver *list = nameservers_list(z->servers, &n);

        for (size_t i = 0; i < n; i++)
            (void)visit_add(p, z, &list[i]);
    }
    p->pending = 1; /* until all are begun */
    for (struct visit *v = p->visits; v != NULL; v = v->next) {
        p->pending++;
        visit_next(v);
    }
    if (--p->pending == 0)
        end_round(p);
}

/* ---- the servers ---- */

static void on_servers(void *arg, const struct err *e)
{
    struct zone *z = arg;
    struct propagation *p = z->owner;

    if (e != NULL && p->missing.class == ERR_CLASS_NONE)
        p->missing = *e;
    if (--p->pending > 0)
        return;
    if (p->missing.class != ERR_CLASS_NONE)
        finish(p, &p->missing);
    else
        start_round(p);
}

bool propagation_start(struct propagation *p, struct err *e)
{
    p->started_ms = loop_monotonic_ms();
    p->pause_ms = POLL_FIRST_MS;
    p->delay = loop_delay_new(p->spec.loop, start_round, p);
    if (p->delay == NULL)
        return err_nomem(e, "a wait for the DNS");
    p->resolver = resolver_new(p->spec.loop, p->spec.resolvers, true, e);
    if (p->resolver == NULL)
        return false;
    for (struct zone *z = p->zones; z != NULL; z = z->next) {
        z->servers = nameservers_new(p->resolver, z->name, on_servers, z);
        if (z->servers == NULL)
            return err_nomem(e, "the servers of a zone");
        p->pending++;
    }
    return true;
}
