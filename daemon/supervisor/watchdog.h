/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_WATCHDOG_H
#define ACMED_SUPERVISOR_WATCHDOG_H

/* The service manager's watchdog (WatchdogSec=): fed only after both children have answered. */

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct watchdog;

enum watchdog_child { WATCHDOG_KEEPER, WATCHDOG_ENGINE, WATCHDOG_CHILDREN };

struct watchdog_ops {
    /* Pings both children; what they answer carries the id. False: there are none just now, or they have
     * only been started or are about to end, which has its own time limits. */
    bool (*ask)(void *arg, uint32_t id);
    /* This child has not answered for so many seconds; it, and then the other, have to be ended. */
    void (*hung)(void *arg, enum watchdog_child child, unsigned seconds);
};

/* Looks for WATCHDOG_USEC and takes it out of the environment (sd_watchdog_enabled(3)). Half of that time
 * apart the children are asked, and have a third of it to answer; the watchdog is fed when both did, and
 * where there are none to be asked. Without a watchdog nothing ever happens: no timer runs. ops and arg are
 * borrowed. NULL: out of memory. */
struct watchdog *watchdog_new(struct event_base *base, const struct watchdog_ops *ops, void *arg);
void watchdog_free(struct watchdog *w);

/* A child has answered the ping of that id; answers to earlier ones do not count. */
void watchdog_answered(struct watchdog *w, enum watchdog_child child, uint32_t id);
/* The children asked are ended, or were told to end: nobody waits for their answers any more. */
void watchdog_excuse(struct watchdog *w);

#endif
