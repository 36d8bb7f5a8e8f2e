/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/dns.h"

#include "daemon/log.h"
#include "daemon/supervisor/convention.h"
#include "daemon/supervisor/hook.h"
#include "daemon/supervisor/refusal.h"
#include "lib/dns_delegation.h"
#include "lib/dns_reply.h"

#include <stdlib.h>
#include <string.h>

#define TASKS_MAX   10000       /* a hostile engine asks for no more at once */
#define RUNNING_MAX 8           /* programs at a time */
#define FIRST_ID    0x80000000U /* questions to the keeper, apart from those of actions */

struct task {
    struct task *next;   /* in the order of the requests */
    struct task *before; /* the last earlier one for the same record; NULL: none */
    struct task *after;  /* the first later one */
    struct dns *owner;
    uint32_t id;      /* of its question to the keeper */
    uint32_t request; /* 0: nobody waits any more */
    char *lineage;
    char *identifier;
    char *token;
    char *target; /* "": the record is where its name says */
    bool cleanup;
    char *name;  /* of the record; NULL: the keeper has not answered */
    char *value; /* of the record */
    struct job *job;
};

struct dns {
    struct event_base *base;
    const struct load *load; /* borrowed */
    const struct dns_ops *ops;
    void *arg;
    struct task *list;
    size_t n;
    struct task *running[RUNNING_MAX]; /* those with a job */
    size_t n_running;
    uint32_t last_id;
    bool stopping;
};

struct dns *dns_new(struct event_base *base, const struct load *load, const struct dns_ops *ops, void *arg)
{
    struct dns *d = calloc(1, sizeof *d);

    if (d != NULL)
        *d = (struct dns){.base = base, .load = load, .ops = ops, .arg = arg};
    return d;
}

static void set_job(struct task *t, struct job *job)
{
    struct dns *d = t->owner;

    for (size_t i = 0; t->job != NULL && i < d->n_running; i++)
        if (d->running[i] == t)
            d->running[i] = d->running[--d->n_running];
    t->job = job;
    if (job != NULL)
        d->running[d->n_running++] = t;
}

static void task_free(struct task *t)
{
    free(t->lineage);
    free(t->identifier);
    free(t->token);
    free(t->target);
    free(t->name);
    free(t->value);
    free(t);
}

static void task_drop(struct task *t)
{
    struct task **p = &t->owner->list;

    while (*p != t)
        p = &(*p)->next;
    *p = t->next;
    if (t->before != NULL)
        t->before->after = t->after;
    if (t->after != NULL)
        t->after->before = t->before;
    t->owner->n--;
    job_free(t->job);
    set_job(t, NULL);
    task_free(t);
}

void dns_free(struct dns *d)
{
    if (d == NULL)
        return;
    while (d->list != NULL)
        task_drop(d->list);
    free(d);
}

static void finish(struct task *t, bool ok, const struct err *e, const char *output)
{
    struct dns *d = t->owner;
    uint32_t request = t->request;

    task_drop(t);
    if (request != 0)
        d->ops->reply(d->arg, request, ok, ok ? ERR_CLASS_NONE : e->class, ok ? "" : e->text, output);
}

static void check_idle(struct dns *d)
{
    if (d->stopping && d->list == NULL)
        d->ops->idle(d->arg);
}

/* ---- running ---- */

static const struct config_certificate *config_of(const struct task *t)
{
    const struct config_certificate *c = config_find(t->owner->load->config, t->lineage);

    return c != NULL && c->dns_hook.kind != DNS_HOOK_NONE ? c : NULL;
}

static bool is_same_record(const struct task *a, const struct task *b)
{
    return strcmp(a->lineage, b->lineage) == 0 && strcmp(a->identifier, b->identifier) == 0 &&
           strcmp(a->token, b->token) == 0;
}

/* Beside what runs; whether there is a place for it is another matter. Setting a record waits for its
 * removal, and the other way round: what was asked for last has the last word. */
static bool may_run(const struct task *wanted, const struct config_certificate *c)
{
    const struct dns *d = wanted->owner;

    if (wanted->before != NULL)
        return false;
    for (size_t i = 0; i < d->n_running && !convention_is_parallel(c->dns_hook.kind); i++) {
        const struct config_certificate *other = config_of(d->running[i]);

        if (other != NULL && strcmp(other->dns_hook.argv.v[0], c->dns_hook.argv.v[0]) == 0)
            return false;
    }
    return true;
}

static struct convention_record record_of(const struct task *t)
{
    return (struct convention_record){.cleanup = t->cleanup,
                                      .identifier = t->identifier,
                                      .token = t->token,
                                      .target = t->target,
                                      .name = t->name,
                                      .value = t->value};
}

static bool variables(const struct convention_record *r, struct strv *env)
{
    return hook_set(env, "ACMED_DNS_ACTION=%s", r->cleanup ? "cleanup" : "present") &&
           hook_set(env, "ACMED_DNS_DOMAIN=%s", r->identifier) &&
           hook_set(env, "ACMED_DNS_NAME=%s", r->name) &&
           hook_set(env, "ACMED_DNS_TARGET=%s", convention_place(r)) &&
           hook_set(env, "ACMED_DNS_VALUE=%s", r->value);
}

static void run_waiting(struct dns *d);

static void on_done(void *arg, const struct job_result *result)
{
    struct task *t = arg;
    struct dns *d = t->owner;
    struct convention_record r = record_of(t);

    set_job(t, NULL);
    if (result->ok)
        log_debug(t->lineage, "the record %s is %s", convention_place(&r), t->cleanup ? "removed" : "set");
    finish(t, result->ok, &result->error, result->output);
    run_waiting(d);
    check_idle(d);
}

static struct job *launch(struct task *t, const struct config_certificate *c, struct err *e)
{
    const struct load *l = t->owner->load;
    struct convention_record r = record_of(t);
    struct strv argv = {0}, env = {0};
    char *input = NULL, *home = NULL;
    struct job *job = NULL;
    uid_t uid;

    if (hook_identity(l, c, &uid, &home, e) &&
        convention_words(&c->dns_hook, &r, uid, home, &argv, &input, e) &&
        (variables(&r, &env) || err_nomem(e, "dns_hook")))
        job = hook_launch(t->owner->base, l, c, &argv, &env, input, on_done, t, e);
    strv_clear(&argv);
    strv_clear(&env);
    free(input);
    free(home);
    return job;
}

/* Begins it, if it can begin now. True: it has failed, and is gone. */
static bool begin(struct task *t)
{
    const struct dns *d = t->owner;
    const struct config_certificate *c;
    struct job *job;
    struct err e;

    if (t->job != NULL || t->name == NULL || d->n_running == RUNNING_MAX)
        return false;
    c = config_of(t);
    if (c != NULL && !d->stopping) {
        if (!may_run(t, c))
            return false;
        job = launch(t, c, &e);
        if (job != NULL) {
            set_job(t, job);
            return false;
        }
    } else {
        err_set(&e, ERR_CLASS_TRANSIENT, c == NULL ? "no dns_hook is configured any more" : "acmed stops");
    }
    finish(t, false, &e, "");
    return true;
}

/* Likewise; who waited for the same record is next when it fails. */
static void consider(struct task *t)
{
    while (t != NULL) {
        struct task *heir = t->after;

        if (!begin(t))
            return;
        t = heir;
    }
}

/* In the order of the requests, as far as there are places. */
static void run_waiting(struct dns *d)
{
    struct task *next;

    for (struct task *t = d->list; t != NULL && d->n_running < RUNNING_MAX; t = next) {
        next = t->next;
        (void)begin(t); /* its heirs are further on */
    }
}

/* ---- requests ---- */

static struct task *add(struct dns *d, const char *lineage, const char *identifier, const char *token,
                        const char *target)
{
    struct task *t = d->n < TASKS_MAX ? calloc(1, sizeof *t) : NULL;
    struct task **p = &d->list;

    if (t == NULL)
        return NULL;
    t->owner = d;
    t->lineage = strdup(lineage);
    t->identifier = strdup(identifier);
    t->token = strdup(token);
    t->target = strdup(target);
    if (t->lineage == NULL || t->identifier == NULL || t->token == NULL || t->target == NULL) {
        task_free(t);
        return NULL;
    }
    t->id = FIRST_ID | ++d->last_id;
    for (; *p != NULL; p = &(*p)->next)
        if (is_same_record(*p, t))
            t->before = *p;
    if (t->before != NULL)
        t->before->after = t;
    *p = t;
    d->n++;
    return t;
}

/* What the engine may ask for; where CNAME records lead to is its word alone. */
static bool check_request(const struct dns *d, const struct config_certificate *c, const char *identifier,
                          const char *action, const char *target, struct err *e)
{
    if (c == NULL || c->dns_hook.kind == DNS_HOOK_NONE)
        return err_set(e, ERR_CLASS_INTERNAL, "no such certificate with a dns_hook is configured");
    if (strcmp(action, "cleanup") != 0 && strcmp(action, "present") != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "no such action");
    if (target[0] != '\0' && !dns_name_valid(target))
        return err_set(e, ERR_CLASS_INTERNAL, "the target is no name of a record");
    if (target[0] != '\0' && !dns_delegation_check(c, identifier, target, e))
        return false;
    return !d->stopping || err_set(e, ERR_CLASS_TRANSIENT, "acmed stops");
}

void dns_request(struct dns *d, uint32_t request, const char *lineage, const char *identifier,
                 const char *token, const char *ca, const char *action, const char *target)
{
    const struct config_certificate *c = config_find(d->load->config, lineage);
    struct task *t = NULL;
    struct err e;

    if (check_request(d, c, identifier, action, target, &e)) {
        t = add(d, lineage, identifier, token, target);
        if (t == NULL)
            err_set(&e, ERR_CLASS_INTERNAL, "out of memory, or too many at once");
    }
    if (t == NULL) {
        refusal_log(REFUSAL_RECORD, c != NULL ? c->name : NULL, "a request for a DNS record is refused",
                    e.text);
        d->ops->reply(d->arg, request, false, e.class, e.text, "");
        return;
    }
    t->request = request;
    t->cleanup = strcmp(action, "cleanup") == 0;
    d->ops->ask_record(d->arg, t->id, lineage, identifier, token, ca);
}

/* The task whose record was asked for and has not come yet. */
static struct task *find_id(struct dns *d, uint32_t id)
{
    struct task *t = d->list;

    while (t != NULL && (t->id != id || t->name != NULL))
        t = t->next;
    return t;
}

void dns_record(struct dns *d, uint32_t id, const char *name, const char *value)
{
    struct task *t = find_id(d, id);

    if (t == NULL)
        return;
    t->value = strdup(value);
    t->name = t->value != NULL ? strdup(name) : NULL;
    if (t->name != NULL) {
        consider(t);
    } else {
        struct err e;

        err_nomem(&e, "a DNS record");
        dns_record_failed(d, id, &e);
    }
}

void dns_record_failed(struct dns *d, uint32_t id, const struct err *error)
{
    struct task *t = find_id(d, id);
    struct task *heir;

    if (t == NULL)
        return;
    heir = t->after;
    finish(t, false, error, "");
    consider(heir);
}

void dns_detach(struct dns *d)
{
    struct task *next;

    for (struct task *t = d->list; t != NULL; t = next) {
        next = t->next;
        t->request = 0;
        if (t->job == NULL)
            task_drop(t);
    }
}

void dns_stop(struct dns *d)
{
    struct task *next;

    d->stopping = true;
    for (struct task *t = d->list; t != NULL; t = next) {
        next = t->next;
        if (t->job != NULL)
            job_cancel(t->job);
        else
            task_drop(t);
    }
    check_idle(d);
}
