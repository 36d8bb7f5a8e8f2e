/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/action.h"

#include "daemon/log.h"
#include "daemon/supervisor/hook.h"
#include "daemon/supervisor/hook_limit.h"
#include "daemon/supervisor/refusal.h"
#include "daemon/supervisor/reload.h"
#include "lib/buf.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX    8192  /* of an answer */
#define ACTIONS_MAX 20000 /* a hostile engine asks for no more at once, */
#define JOINED_MAX  64    /* nor more often for the same */

/* Of a program's output, in the log. */
#define LOG_LINES_MAX 40
#define LOG_LINE_MAX  1000

enum step { STEP_RELOAD, STEP_HOOK };

struct action {
    struct action *next;
    struct actions *owner;
    uint32_t id; /* of its question to the keeper */
    char *lineage;
    unsigned generation;
    enum step step;
    char *event;
    uint32_t *requests; /* who waits */
    size_t n_requests;
    bool asked; /* facts were asked for */
    struct job *job;
    size_t pending; /* units not yet reloaded */
    bool over;
    /* the result */
    bool failed;
    struct err error; /* the first */
    struct buf text;  /* notes, or all errors */
    struct buf output;
};

struct actions {
    struct event_base *base;
    const struct action_ops *ops;
    void *arg;
    struct reloads *reloads;
    struct hook_limits *limits;
    struct action *list;
    size_t n;
    uint32_t next_id;
    bool stopping;
};

struct actions *actions_new(struct event_base *base, const struct action_ops *ops, void *arg,
                            const char *systemctl)
{
    struct actions *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->base = base;
    a->ops = ops;
    a->arg = arg;
    a->reloads = reloads_new(base, systemctl);
    a->limits = hook_limits_new();
    if (a->reloads == NULL || a->limits == NULL) {
        actions_free(a);
        return NULL;
    }
    return a;
}

static void action_free(struct action *x)
{
    job_free(x->job);
    free(x->lineage);
    free(x->event);
    free(x->requests);
    buf_clear(&x->text);
    buf_clear(&x->output);
    free(x);
}

static void action_drop(struct action *x)
{
    struct action **p = &x->owner->list;

    while (*p != x)
        p = &(*p)->next;
    *p = x->next;
    x->owner->n--;
    action_free(x);
}

void actions_free(struct actions *a)
{
    if (a == NULL)
        return;
    reloads_free(a->reloads);
    hook_limits_free(a->limits);
    while (a->list != NULL)
        action_drop(a->list);
    free(a);
}

static void check_idle(struct actions *a)
{
    if (!a->stopping)
        return;
    for (const struct action *x = a->list; x != NULL; x = x->next)
        if (x->job != NULL)
            return;
    a->ops->idle(a->arg);
}

static struct action *action_new(struct actions *a, const char *lineage, unsigned generation, enum step step,
                                 const char *event)
{
    struct action *x = calloc(1, sizeof *x);

    if (x == NULL)
        return NULL;
    x->owner = a;
    x->id = ++a->next_id;
    x->generation = generation;
    x->step = step;
    x->lineage = strdup(lineage);
    x->event = strdup(event);
    buf_init(&x->text, TEXT_MAX);
    buf_init(&x->output, JOB_OUTPUT_MAX + 256);
    if (x->lineage == NULL || x->event == NULL) {
        action_free(x);
        return NULL;
    }
    x->next = a->list;
    a->list = x;
    a->n++;
    return x;
}

static struct action *find(struct actions *a, const char *lineage, unsigned generation, enum step step)
{
    struct action *x = a->list;

    while (x != NULL && (x->generation != generation || x->step != step || strcmp(x->lineage, lineage) != 0))
        x = x->next;
    return x;
}

static struct action *find_id(struct actions *a, uint32_t id)
{
    struct action *x = a->list;

    while (x != NULL && (x->id != id || !x->asked))
        x = x->next;
    return x;
}

static bool join(struct action *x, uint32_t request)
{
    uint32_t *grown;

    if (x->n_requests >= JOINED_MAX)
        return false;
    grown = realloc(x->requests, (x->n_requests + 1) * sizeof *grown);

    if (grown == NULL)
        return false;
    x->requests = grown;
    x->requests[x->n_requests++] = request;
    return true;
}

/* A result that is kept for the next engine makes older ones of the same step worthless. */
static void forget_older(const struct action *kept)
{
    struct action *x = kept->owner->list, *next;

    for (; x != NULL; x = next) {
        next = x->next;
        if (x != kept && x->over && x->step == kept->step && strcmp(x->lineage, kept->lineage) == 0)
            action_drop(x);
    }
}

/* Tells everybody who waits; with nobody there the result is kept for the next engine. */
static void conclude(struct action *x)
{
    struct actions *a = x->owner;

    x->over = true;
    for (size_t i = 0; i < x->n_requests; i++)
        a->ops->reply(a->arg, x->requests[i], !x->failed, x->failed ? x->error.class : ERR_CLASS_NONE,
                      x->text.len > 0 ? x->text.data : "", x->output.len > 0 ? x->output.data : "");
    if (x->n_requests > 0 || a->stopping)
        action_drop(x);
    else
        forget_older(x);
    check_idle(a);
}

static void add_text(struct action *x, const char *text)
{
    (void)buf_addf(&x->text, "%s%s", x->text.len > 0 ? "; " : "", text);
    x->text.failed = false; /* what does not fit is not told */
}

static void fail(struct action *x, const struct err *e)
{
    if (!x->failed)
        x->error = *e;
    x->failed = true;
    add_text(x, e->text);
}

/* What a program printed, line by line; all of it is in the history. */
static void log_output(const struct action *x, bool failed, const char *output)
{
    const char *p = output;

    for (unsigned n = 0; *p != '\0'; n++) {
        int len = (int)strcspn(p, "\n");

        if (n == LOG_LINES_MAX) {
            log_write(failed ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, x->lineage,
                      "... (acmectl history %s shows the rest)", x->lineage);
            return;
        }
        if (len > 0)
            log_write(failed ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, x->lineage, "%s: %.*s",
                      x->step == STEP_HOOK ? "hook" : "reload", len > LOG_LINE_MAX ? LOG_LINE_MAX : len, p);
        p += p[len] == '\n' ? len + 1 : len;
    }
}

static void on_reloaded(void *arg, const struct reload_result *r)
{
    struct action *x = arg;

    if (!r->ok)
        fail(x, &r->error);
    else if (r->note[0] != '\0')
        add_text(x, r->note);
    log_output(x, !r->ok, r->output);
    (void)buf_addstr(&x->output, r->output);
    x->output.failed = false;
    x->pending--;
    if (x->pending == 0)
        conclude(x);
}

static void start_reload(struct action *x, const struct config_certificate *c)
{
    struct err e;

    x->pending = 1; /* until all are asked for */
    for (size_t i = 0; i < c->reload.n; i++) {
        x->pending++;
        if (!reloads_request(x->owner->reloads, c->reload.v[i], on_reloaded, x)) {
            x->pending--;
            err_nomem(&e, "reload");
            fail(x, &e);
        }
    }
    x->pending--;
    if (x->pending == 0)
        conclude(x);
}

static void on_hook_done(void *arg, const struct job_result *r)
{
    struct action *x = arg;

    x->job = NULL;
    if (!r->ok)
        fail(x, &r->error);
    log_output(x, !r->ok, r->output);
    (void)buf_addstr(&x->output, r->output);
    x->output.failed = false;
    if (r->ok)
        log_info(x->lineage, "the hook succeeded");
    conclude(x);
}

static void refuse(struct actions *a, uint32_t request, const char *lineage, enum err_class class,
                   const char *why)
{
    refusal_log(REFUSAL_STEP, lineage, "a deployment step is refused", why);
    a->ops->reply(a->arg, request, false, class, why, "");
}

static bool step_from_str(const char *s, enum step *step)
{
    if (strcmp(s, "reload") == 0)
        *step = STEP_RELOAD;
    else if (strcmp(s, "hook") == 0)
        *step = STEP_HOOK;
    else
        return false;
    return true;
}

static void begin(struct actions *a, const struct config_certificate *c, uint32_t request,
                  unsigned generation, enum step step, const char *event)
{
    struct action *x = a->n < ACTIONS_MAX ? action_new(a, c->name, generation, step, event) : NULL;

    if (x == NULL || !join(x, request)) {
        refuse(a, request, c->name, ERR_CLASS_INTERNAL, "out of memory, or too many at once");
        if (x != NULL)
            action_drop(x);
    } else if (step == STEP_RELOAD) {
        start_reload(x, c);
    } else {
        x->asked = true;
        a->ops->ask_facts(a->arg, x->id, x->lineage, generation);
    }
}

void actions_request(struct actions *a, const struct load *l, uint32_t request, const char *lineage,
                     uint64_t generation, const char *step_name, const char *event)
{
    const struct config_certificate *c = config_find(l->config, lineage);
    struct action *x;
    enum step step;

    if (c == NULL) {
        refuse(a, request, NULL, ERR_CLASS_PERMANENT, "no such certificate is configured");
    } else if (!step_from_str(step_name, &step) || !hook_event_known(event) || generation == 0 ||
               generation > UINT32_MAX) {
        refuse(a, request, c->name, ERR_CLASS_PERMANENT, "no such step, event or generation");
    } else if (step == STEP_RELOAD ? c->reload.n == 0 : c->hook.n == 0) {
        a->ops->reply(a->arg, request, true, ERR_CLASS_NONE, "nothing is configured", "");
    } else if (a->stopping) {
        refuse(a, request, c->name, ERR_CLASS_TRANSIENT, "acmed stops");
    } else if ((x = find(a, c->name, (unsigned)generation, step)) != NULL) {
        if (!join(x, request)) {
            refuse(a, request, c->name, ERR_CLASS_INTERNAL, "out of memory, or asked for too often");
            return;
        }
        log_debug(c->name, "joins the %s that runs already", step_name);
        if (x->over)
            conclude(x);
    } else {
        begin(a, c, request, (unsigned)generation, step, event);
    }
}

static bool may_run(struct actions *a, const struct action *x, struct err *e)
{
    struct timespec t = {0};
    int64_t wait;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    if (hook_limits_take(a->limits, x->lineage, t.tv_sec, &wait))
        return true;
    if (wait == 0)
        return err_nomem(e, "hook");
    return err_set(e, ERR_CLASS_TRANSIENT,
                   "the hook has run %d times in a short time, and does not run again for the next %lld min",
                   HOOK_LIMIT_BURST, (long long)((wait + 59) / 60));
}

void actions_facts(struct actions *a, const struct load *l, uint32_t id, const char *dir, int64_t not_after,
                   const char *serial, const char *names)
{
    struct action *x = find_id(a, id);
    const struct config_certificate *c = x != NULL ? config_find(l->config, x->lineage) : NULL;
    struct hook_facts f = {.dir = dir, .not_after = not_after, .serial = serial, .names = names};
    struct err e;

    if (x == NULL || x->job != NULL)
        return;
    x->asked = false;
    f.generation = x->generation;
    if (c == NULL || c->hook.n == 0)
        err_set(&e, ERR_CLASS_PERMANENT, "no hook is configured any more");
    else if (!a->stopping && may_run(a, x, &e))
        x->job = hook_start(a->base, l, c, x->event, &f, on_hook_done, x, &e);
    else if (a->stopping)
        err_set(&e, ERR_CLASS_TRANSIENT, "acmed stops");
    if (x->job != NULL)
        return;
    fail(x, &e);
    conclude(x);
}

void actions_facts_failed(struct actions *a, uint32_t id, const struct err *error)
{
    struct action *x = find_id(a, id);

    if (x == NULL || x->job != NULL)
        return;
    fail(x, error);
    conclude(x);
}

void actions_detach(struct actions *a)
{
    struct action *x = a->list, *next;

    for (; x != NULL; x = next) {
        next = x->next;
        x->n_requests = 0;
        if (x->asked) /* its facts will never come: the next engine asks again */
            action_drop(x);
    }
}

void actions_stop(struct actions *a)
{
    a->stopping = true;
    for (struct action *x = a->list; x != NULL; x = x->next)
        if (x->job != NULL)
            job_cancel(x->job);
    check_idle(a);
}
