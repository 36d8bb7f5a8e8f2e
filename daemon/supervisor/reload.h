/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_RELOAD_H
#define ACMED_SUPERVISOR_RELOAD_H

/* Reloading systemd units: a unit has at most one reload at a time, and whoever asks while one waits to begin
 * shares it. */

#include "lib/err.h"

#include <event2/event.h>
#include <stdbool.h>

struct reloads;

struct reload_result {
    const char *unit;
    bool ok;
    const char *note;   /* ok: "" or what is to be known ("nginx.service is not running ...") */
    struct err error;   /* not ok */
    const char *output; /* what systemctl printed; "" for nothing */
};

/* systemctl: its path; NULL: found in /usr/bin or /bin. NULL: out of memory. */
struct reloads *reloads_new(struct event_base *base, const char *systemctl);
/* No callbacks any more. */
void reloads_free(struct reloads *r);

/* done is called once, from the loop. False: out of memory. */
bool reloads_request(struct reloads *r, const char *unit,
                     void (*done)(void *arg, const struct reload_result *result), void *arg);

#endif
