/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_WATCHDOG_H
#define ACMED_SUPERVISOR_WATCHDOG_H

/* The service manager's watchdog (WatchdogSec=): fed only after both children have answered. */

#include <event2/event.h>
#include <stdbool.h>

struct watchdog;

enum watchdog_child { WATCHDOG_KEEPER, WATCHDOG_ENGINE, WATCHDOG_CHILDREN };

/* Looks for WATCHDOG_USEC and takes it out of the environment (sd_watchdog_enabled(3)). A third of that time
 * apart, ask() pings both children; false: there are none just now, or they have only been started, which has
 * its own time limits: then it is fed at once. Without a watchdog nothing ever happens. NULL: out of memory.
 */
struct watchdog *watchdog_new(struct event_base *base, bool (*ask)(void *arg), void *arg);
void watchdog_free(struct watchdog *w);

/* A child has answered the ping. */
void watchdog_answered(struct watchdog *w, enum watchdog_child child);

#endif
