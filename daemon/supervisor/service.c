/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/service.h"

#include "daemon/log.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/notify.h"
#include "daemon/supervisor/refusal.h"
#include "daemon/supervisor/service_parts.h"
#include "daemon/supervisor/state_dir.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GRACE_S        5
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 60000
#define LISTEN_WAIT_MS 2000  /* at the start, for what a killed predecessor still holds */
#define STEADY_MS      60000 /* a pair that lived so long was fine */

static int64_t now_ms(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void service_check_stopped(struct service *s)
{
    if (s->stopping && s->pair == NULL && s->hooks_idle && s->dns_idle)
        (void)event_base_loopbreak(s->base);
}

/* The accepted configuration comes into force; no pair runs. */
static void take_next(struct service *s)
{
    if (!s->has_next)
        return;
    load_clear(&s->load);
    s->load = s->next;
    s->next = (struct load){0};
    s->has_next = false;
    s->reloaded = true;
    if (s->next_lock_fd >= 0) {
        (void)close(s->lock_fd);
        s->lock_fd = s->next_lock_fd;
        s->next_lock_fd = -1;
    }
    if (s->config_fd >= 0)
        (void)close(s->config_fd);
    s->config_fd = -1;
    listeners_prune(s->listeners);
    log_set_level(s->load.config->log_level);
}

static void schedule(struct service *s)
{
    const struct timeval tv = {.tv_sec = s->backoff_ms / 1000, .tv_usec = s->backoff_ms % 1000 * 1000};

    notify_status("keeper and engine ended and are started again; the journal says why");
    log_notice(NULL, "keeper and engine are started again in %u.%u s", s->backoff_ms / 1000,
               s->backoff_ms % 1000 / 100);
    (void)event_add(s->restart, &tv);
    s->backoff_ms = s->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : s->backoff_ms * 2;
}

static void on_end(void *arg, bool asked, bool mismatch);

static const struct pair_ops pair_ops = {
    .on_hello = service_on_hello,
    .on_engine_message = service_on_engine_message,
    .on_keeper_message = service_on_keeper_message,
    .on_end = on_end,
};

static bool start_pair(struct service *s, struct err *e)
{
    const struct load *l = &s->load;
    struct pair_spec spec = {.keeper_path = s->keeper_path,
                             .engine_path = s->engine_path,
                             .lock_fd = s->lock_fd,
                             .switch_user = l->engine_uid != s->uid,
                             .engine_uid = l->engine_uid,
                             .engine_gid = l->engine_gid};

    if (s->config_fd < 0)
        s->config_fd = load_snapshot(l, e);
    if (s->config_fd < 0 || !state_dir_give(l->config->state_dir, l->engine_uid, l->engine_gid, e))
        return false;
    spec.config_fd = s->config_fd;
    s->started_ms = now_ms();
    s->pair = pair_start(s->base, &spec, &pair_ops, s, e);
    return s->pair != NULL;
}

static void start_or_retry(struct service *s)
{
    struct err e;

    if (start_pair(s, &e))
        return;
    log_error(NULL, "%s", e.text);
    schedule(s);
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    start_or_retry(arg);
}

static void on_end(void *arg, bool asked, bool mismatch)
{
    struct service *s = arg;

    pair_free(s->pair);
    s->pair = NULL;
    s->greeted = false;
    watchdog_excuse(s->watchdog);
    listeners_release(s->listeners, NULL);
    actions_detach(s->actions);
    dns_detach(s->dns);
    refusal_settle();
    if (mismatch && !s->stopping) {
        s->status = 75;
        s->stopping = true;
        actions_stop(s->actions);
        dns_stop(s->dns);
    }
    if (s->stopping) {
        service_check_stopped(s);
        return;
    }
    if (now_ms() - s->started_ms >= STEADY_MS || asked)
        s->backoff_ms = BACKOFF_MIN_MS;
    take_next(s);
    if (asked)
        start_or_retry(s);
    else
        schedule(s);
}

/* The lock of another state directory than the one in force: -1 with true when it is the same. A reload just
 * before this one may have taken it already. */
static bool lock_next(const struct service *s, const char *dir, int *lock_fd, struct err *e)
{
    *lock_fd = -1;
    if (strcmp(dir, s->load.config->state_dir) == 0)
        return true;
    if (s->has_next && strcmp(dir, s->next.config->state_dir) == 0) {
        *lock_fd = s->next_lock_fd;
        return true;
    }
    if (!state_dir_prepare(dir, s->uid, e))
        return false;
    *lock_fd = lock_take(dir, 0, e);
    return *lock_fd >= 0;
}

/* Whatever can fail is done before the old pair is told to go. */
static bool accept_next(struct service *s, struct load *l, struct err *e)
{
    char *listen_warnings = NULL;
    int lock_fd;

    if (!lock_next(s, l->config->state_dir, &lock_fd, e))
        return false;
    if (!listeners_apply(s->listeners, l->config, 0, &listen_warnings, e)) {
        if (lock_fd >= 0 && lock_fd != s->next_lock_fd)
            (void)close(lock_fd);
        return false;
    }
    free(s->listen_warnings);
    s->listen_warnings = listen_warnings;
    if (s->next_lock_fd >= 0 && s->next_lock_fd != lock_fd)
        (void)close(s->next_lock_fd);
    s->next_lock_fd = lock_fd;
    load_clear(&s->next);
    s->next = *l;
    s->has_next = true;
    return true;
}

bool service_reload(struct service *s, bool check_only, char **messages)
{
    struct load l;
    struct err e;
    bool fine = load_read(&l, s->conf, s->uid);

    if (fine && !check_only && s->stopping) {
        (void)config_messages_add(&l.messages, "", 0, false, "acmed stops");
        fine = false;
    }
    if (fine && !check_only && !accept_next(s, &l, &e)) {
        (void)config_messages_add(&l.messages, s->conf, 0, false, "%s", e.text);
        fine = false;
    }
    *messages = load_messages(&l.messages, true, true);
    if (!check_only)
        load_log_messages(&l.messages, true, fine);
    if (!fine && !check_only)
        log_error(NULL, "the reload is refused: the configuration in force stays (%zu errors)",
                  l.messages.errors);
    if (!fine || check_only)
        load_clear(&l);
    return fine;
}

static void stop_pair(struct service *s)
{
    watchdog_excuse(s->watchdog);
    pair_stop(s->pair, GRACE_S);
}

void service_apply(struct service *s)
{
    log_notice(NULL, "the new configuration is fine and comes into force; keeper and engine start anew");
    s->ready = false;
    if (s->pair != NULL) {
        stop_pair(s);
        return;
    }
    (void)event_del(s->restart);
    s->backoff_ms = BACKOFF_MIN_MS;
    take_next(s);
    start_or_retry(s);
}

static void on_hangup(evutil_socket_t signal, short what, void *arg)
{
    struct service *s = arg;
    char *messages = NULL;

    (void)signal;
    (void)what;
    notify_reloading();
    if (service_reload(s, false, &messages))
        service_apply(s); /* ready when the next pair is */
    else if (s->ready)
        notify_ready();
    free(messages);
}

static void on_terminate(evutil_socket_t signal, short what, void *arg)
{
    struct service *s = arg;

    (void)signal;
    (void)what;
    if (s->stopping) { /* a second one means it */
        (void)event_base_loopbreak(s->base);
        return;
    }
    log_notice(NULL, "stopping: requests in flight get %d s to finish, orders are resumed at the next start",
               GRACE_S);
    notify_stopping();
    s->stopping = true;
    (void)event_del(s->restart);
    if (s->pair != NULL)
        stop_pair(s);
    actions_stop(s->actions);
    dns_stop(s->dns);
    service_check_stopped(s);
}

static bool watch_signals(struct service *s)
{
    static const struct {
        int signal;
        event_callback_fn handler;
    } wanted[] = {{SIGTERM, on_terminate}, {SIGINT, on_terminate}, {SIGHUP, on_hangup}};

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        s->signals[i] = evsignal_new(s->base, wanted[i].signal, wanted[i].handler, s);
        if (s->signals[i] == NULL || event_add(s->signals[i], NULL) != 0)
            return false;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return true;
}

static bool service_init(struct service *s, const struct service_setup *setup, struct err *e)
{
    s->conf = setup->conf;
    s->keeper_path = setup->keeper_path;
    s->engine_path = setup->engine_path;
    s->uid = setup->uid;
    s->load = *setup->load;
    *setup->load = (struct load){0};
    s->lock_fd = setup->lock_fd;
    s->next_lock_fd = s->config_fd = -1;
    s->backoff_ms = BACKOFF_MIN_MS;
    s->born_at = time(NULL);
    s->listeners = listeners_new();
    s->base = event_base_new();
    if (s->base != NULL) {
        s->restart = evtimer_new(s->base, on_restart, s);
        s->watchdog = watchdog_new(s->base, &service_watchdog_ops, s);
        s->actions = actions_new(s->base, &service_action_ops, s, setup->systemctl);
        s->dns = dns_new(s->base, &s->load, &service_dns_ops, s);
    }
    if (s->listeners == NULL || s->restart == NULL || s->watchdog == NULL || s->actions == NULL ||
        s->dns == NULL || !watch_signals(s))
        return err_nomem(e, "supervisor");
    return listeners_apply(s->listeners, s->load.config, LISTEN_WAIT_MS, &s->listen_warnings, e);
}

static void service_clear(struct service *s)
{
    pair_free(s->pair);
    actions_free(s->actions);
    dns_free(s->dns);
    for (size_t i = 0; i < sizeof s->signals / sizeof s->signals[0]; i++)
        if (s->signals[i] != NULL)
            event_free(s->signals[i]);
    if (s->restart != NULL)
        event_free(s->restart);
    watchdog_free(s->watchdog);
    if (s->base != NULL)
        event_base_free(s->base);
    listeners_free(s->listeners);
    free(s->listen_warnings);
    if (s->config_fd >= 0)
        (void)close(s->config_fd);
    if (s->next_lock_fd >= 0)
        (void)close(s->next_lock_fd);
    (void)close(s->lock_fd);
    load_clear(&s->next);
    load_clear(&s->load);
}

static void log_lines(const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0';) {
        int len = (int)strcspn(p, "\n");

        log_warning(NULL, "%.*s", len, p);
        p += p[len] == '\n' ? len + 1 : len;
    }
}

int service_run(struct service_setup *setup)
{
    struct service s = {.status = 0};
    struct err e;

    if (!service_init(&s, setup, &e)) {
        log_error(NULL, "%s", e.text);
        s.status = e.class == ERR_CLASS_CONFIG ? 2 : 1;
    } else {
        log_lines(s.listen_warnings);
        start_or_retry(&s);
        if (event_base_dispatch(s.base) < 0)
            s.status = 1;
        log_notice(NULL, s.status == 75 ? "ends, to be started again" : "stopped");
    }
    service_clear(&s);
    return s.status;
}
