/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/reload.h"

#include "daemon/supervisor/job.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GATHER_MS  100  /* before a reload begins: those issued together come together */
#define SPACING_MS 2000 /* between the beginnings of two reloads of one unit */
#define TIMEOUT_S  120

struct request {
    struct request *next;
    void (*done)(void *arg, const struct reload_result *result);
    void *arg;
};

struct unit {
    struct unit *next;
    struct reloads *owner;
    char *name;
    struct request *waiting; /* for the next run */
    struct request *current; /* served by the run under way */
    struct job *job;
    bool reloading; /* the job is the reload, not the question whether the unit runs */
    struct event *timer;
    int64_t last_ms; /* when the last run began; 0: never */
};

struct reloads {
    struct event_base *base;
    const char *systemctl;
    struct unit *units; /* one for each name ever asked for: as many as the configuration has */
};

static int64_t now_ms(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct reloads *reloads_new(struct event_base *base, const char *systemctl)
{
    struct reloads *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->base = base;
    if (systemctl == NULL)
        systemctl = access("/usr/bin/systemctl", X_OK) == 0 ? "/usr/bin/systemctl" : "/bin/systemctl";
    r->systemctl = systemctl;
    return r;
}

static void free_requests(struct request *list)
{
    while (list != NULL) {
        struct request *next = list->next;

        free(list);
        list = next;
    }
}

void reloads_free(struct reloads *r)
{
    if (r == NULL)
        return;
    while (r->units != NULL) {
        struct unit *u = r->units;

        r->units = u->next;
        job_free(u->job);
        free_requests(u->waiting);
        free_requests(u->current);
        if (u->timer != NULL)
            event_free(u->timer);
        free(u->name);
        free(u);
    }
    free(r);
}

static void schedule(struct unit *u)
{
    int64_t wait = u->last_ms != 0 ? u->last_ms + SPACING_MS - now_ms() : 0;
    struct timeval tv;

    if (wait < GATHER_MS)
        wait = GATHER_MS;
    tv.tv_sec = (time_t)(wait / 1000);
    tv.tv_usec = (suseconds_t)(wait % 1000 * 1000);
    (void)event_add(u->timer, &tv);
}

static void finish(struct unit *u, const struct reload_result *result)
{
    struct request *list = u->current;

    u->current = NULL;
    while (list != NULL) {
        struct request *q = list;

        list = q->next;
        q->done(q->arg, result);
        free(q);
    }
    if (u->waiting != NULL)
        schedule(u);
}

static void on_done(void *arg, const struct job_result *r);

static bool systemctl(struct unit *u, const char *verb, const char *option, struct err *e)
{
    struct strv argv = {0}, env = {0};
    const struct runner_spec spec = {.argv = &argv, .env = &env, .timeout_s = TIMEOUT_S, .term_s = 5};

    if (!strv_add(&argv, u->owner->systemctl) || !strv_add(&argv, verb) || !strv_add(&argv, option) ||
        !strv_add(&argv, "--") || !strv_add(&argv, u->name) ||
        !strv_add(&env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin") || !strv_add(&env, "LC_ALL=C.UTF-8"))
        err_nomem(e, "reload");
    else
        u->job = job_start(u->owner->base, &spec, on_done, u, e);
    strv_clear(&argv);
    strv_clear(&env);
    return u->job != NULL;
}

/* "LoadState=loaded" and the like on a line of its own. */
static bool says(const char *output, const char *line)
{
    size_t len = strlen(line);

    for (const char *p = strstr(output, line); p != NULL; p = strstr(p + 1, line))
        if ((p == output || p[-1] == '\n') && (p[len] == '\n' || p[len] == '\0'))
            return true;
    return false;
}

/* What `systemctl show` said of the unit. True: it runs and is to be reloaded; else result is filled in. */
static bool is_running(const struct unit *u, const char *output, struct reload_result *result, char *note,
                       size_t size)
{
    if (says(output, "LoadState=not-found"))
        return err_set(&result->error, ERR_CLASS_CONFIG, "there is no unit %s (reload = names it)", u->name);
    if (says(output, "LoadState=masked"))
        return err_set(&result->error, ERR_CLASS_CONFIG, "unit %s is masked", u->name);
    if (says(output, "ActiveState=inactive") || says(output, "ActiveState=failed") ||
        says(output, "ActiveState=deactivating")) {
        (void)snprintf(note, size, "%s is not running; it will read the new files when it starts", u->name);
        result->ok = true;
        return false;
    }
    return true;
}

static void on_done(void *arg, const struct job_result *r)
{
    struct unit *u = arg;
    struct reload_result result = {.unit = u->name, .note = "", .output = r->output};
    char note[512] = "";

    u->job = NULL;
    if (!r->ok) {
        result.error = r->error;
        (void)err_wrap(&result.error, u->reloading ? "reloading %s" : "asking systemd about %s", u->name);
    } else if (u->reloading) {
        result.ok = true;
    } else if (is_running(u, r->output, &result, note, sizeof note)) {
        u->reloading = true;
        if (systemctl(u, "try-reload-or-restart", "--no-ask-password", &result.error))
            return;
    }
    if (!u->reloading)
        result.output = "";
    result.note = note;
    finish(u, &result);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct unit *u = arg;
    struct reload_result result = {.unit = u->name, .note = "", .output = ""};

    (void)fd;
    (void)what;
    u->current = u->waiting;
    u->waiting = NULL;
    u->last_ms = now_ms();
    u->reloading = false;
    if (!systemctl(u, "show", "--property=LoadState,ActiveState", &result.error))
        finish(u, &result);
}

static struct unit *unit_get(struct reloads *r, const char *name)
{
    struct unit *u = r->units;

    while (u != NULL && strcmp(u->name, name) != 0)
        u = u->next;
    if (u != NULL)
        return u;
    u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    u->owner = r;
    u->name = strdup(name);
    u->timer = evtimer_new(r->base, on_timer, u);
    if (u->name == NULL || u->timer == NULL) {
        if (u->timer != NULL)
            event_free(u->timer);
        free(u->name);
        free(u);
        return NULL;
    }
    u->next = r->units;
    r->units = u;
    return u;
}

bool reloads_request(struct reloads *r, const char *name,
                     void (*done)(void *arg, const struct reload_result *result), void *arg)
{
    struct unit *u = unit_get(r, name);
    struct request *q = u != NULL ? calloc(1, sizeof *q) : NULL;

    if (q == NULL)
        return false;
    q->done = done;
    q->arg = arg;
    q->next = u->waiting;
    u->waiting = q;
    if (u->current == NULL && q->next == NULL)
        schedule(u);
    return true;
}
