/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/watchdog.h"

#include "daemon/supervisor/notify.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct watchdog {
    bool (*ask)(void *arg);
    void *arg;
    struct event *timer; /* NULL: the service manager has none */
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

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct watchdog *w = arg;

    (void)fd;
    (void)what;
    w->answered[WATCHDOG_KEEPER] = w->answered[WATCHDOG_ENGINE] = false;
    if (!w->ask(w->arg))
        notify_watchdog();
}

struct watchdog *watchdog_new(struct event_base *base, bool (*ask)(void *arg), void *arg)
{
    uint64_t interval = take_interval() / 3;
    const struct timeval tv = {.tv_sec = (time_t)(interval / 1000000),
                               .tv_usec = (suseconds_t)(interval % 1000000)};
    struct watchdog *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->ask = ask;
    w->arg = arg;
    if (interval == 0)
        return w;
    w->timer = event_new(base, -1, EV_PERSIST, on_timer, w);
    if (w->timer == NULL || event_add(w->timer, &tv) != 0) {
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
    free(w);
}

void watchdog_answered(struct watchdog *w, enum watchdog_child child)
{
    bool fed = w->answered[WATCHDOG_KEEPER] && w->answered[WATCHDOG_ENGINE];

    w->answered[child] = true;
    if (!fed && w->answered[WATCHDOG_KEEPER] && w->answered[WATCHDOG_ENGINE])
        notify_watchdog();
}
