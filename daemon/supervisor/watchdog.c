/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/watchdog.h"

#include "daemon/supervisor/notify.h"

#include <stdlib.h>
#include <unistd.h>

#define USEC 1000000

struct watchdog {
    const struct watchdog_ops *ops;
    void *arg;
    struct event *timer; /* NULL: the service manager has none */
    struct event *deadline;
    struct timeval patience;
    uint32_t asked; /* the ping that is to be answered; 0: none */
    uint32_t last_id;
    bool answered[WATCHDOG_CHILDREN];
};

/* Microseconds; 0: none, or it is meant for another process. */
static uint64_t take_interval(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t interval = usec != NULL ? strtoull(usec, NULL, 10) : 0;

    if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
        interval = 0;
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    return interval;
}

static struct timeval to_timeval(uint64_t usec)
{
    return (struct timeval){.tv_sec = (time_t)(usec / USEC), .tv_usec = (suseconds_t)(usec % USEC)};
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct watchdog *w = arg;

    (void)fd;
    (void)what;
    w->answered[WATCHDOG_KEEPER] = w->answered[WATCHDOG_ENGINE] = false;
    if (++w->last_id == 0)
        w->last_id = 1;
    w->asked = w->last_id;
    if (w->ops->ask(w->arg, w->asked)) {
        (void)event_add(w->deadline, &w->patience);
    } else {
        watchdog_excuse(w);
        notify_watchdog();
    }
}

/* The pair is ended, and the service manager need not end the rest: it is fed. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct watchdog *w = arg;
    enum watchdog_child child = w->answered[WATCHDOG_KEEPER] ? WATCHDOG_ENGINE : WATCHDOG_KEEPER;

    (void)fd;
    (void)what;
    watchdog_excuse(w);
    notify_watchdog();
    w->ops->hung(w->arg, child, (unsigned)w->patience.tv_sec);
}

struct watchdog *watchdog_new(struct event_base *base, const struct watchdog_ops *ops, void *arg)
{
    uint64_t interval = take_interval();
    const struct timeval tv = to_timeval(interval / 2);
    struct watchdog *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    *w = (struct watchdog){.ops = ops, .arg = arg, .patience = to_timeval(interval / 3)};
    if (interval == 0)
        return w;
    w->timer = event_new(base, -1, EV_PERSIST, on_timer, w);
    w->deadline = evtimer_new(base, on_deadline, w);
    if (w->timer == NULL || w->deadline == NULL || event_add(w->timer, &tv) != 0) {
        watchdog_free(w);
        return NULL;
    }
    return w;
}

void watchdog_free(struct watchdog *w)
{
    if (w == NULL)
        return;
    if (w->timer != NULL)
        event_free(w->timer);
    if (w->deadline != NULL)
        event_free(w->deadline);
    free(w);
}

void watchdog_answered(struct watchdog *w, enum watchdog_child child, uint32_t id)
{
    if (w->asked == 0 || id != w->asked)
        return;
    w->answered[child] = true;
    if (!w->answered[WATCHDOG_KEEPER] || !w->answered[WATCHDOG_ENGINE])
        return;
    watchdog_excuse(w);
    notify_watchdog();
}

void watchdog_excuse(struct watchdog *w)
{
    w->asked = 0;
    if (w->deadline != NULL)
        (void)event_del(w->deadline);
}
