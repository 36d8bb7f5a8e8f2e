/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_SERVICE_PARTS_H
#define ACMED_SUPERVISOR_SERVICE_PARTS_H

/* What service.c (life of the pair, reload, stop) and service_answer.c (messages) share. */

#include "daemon/supervisor/action.h"
#include "daemon/supervisor/dns.h"
#include "daemon/supervisor/pair.h"
#include "daemon/supervisor/service.h"
#include "daemon/supervisor/watchdog.h"

#include <stdint.h>

struct service {
    struct event_base *base;
    const char *conf;
    const char *keeper_path;
    const char *engine_path;
    uid_t uid;

    struct load load; /* in force */
    struct load next; /* accepted by a reload, comes into force with the next pair */
    bool has_next;
    bool reloaded; /* the next pair is the first under a new configuration */
    int lock_fd;
    int next_lock_fd; /* -1: the same */
    struct listeners *listeners;
    char *listen_warnings; /* one a line */
    struct actions *actions;
    struct dns *dns;

    struct pair *pair; /* NULL: none at the moment */
    bool greeted;      /* both children have said hello */
    struct watchdog *watchdog;
    int config_fd;         /* snapshot of load */
    struct event *restart; /* timer of the next pair */
    unsigned backoff_ms;
    int64_t started_ms; /* monotonic, of the pair */

    struct event *signals[3];
    int64_t born_at; /* Unix seconds: acmed's start */
    bool ready;      /* the service manager knows */
    bool stopping;
    bool hooks_idle;
    bool dns_idle;
    int status; /* exit status */
};

/* The pair's callbacks. */
void service_on_hello(void *arg, const char *keeper_confinement);
bool service_on_engine_message(void *arg, const struct ipc_msg *m);
bool service_on_keeper_message(void *arg, const struct ipc_msg *m);

extern const struct action_ops service_action_ops;
extern const struct dns_ops service_dns_ops;
extern const struct watchdog_ops service_watchdog_ops;

/* Reads the configuration again. True: it is fine, and comes into force unless check_only (service_apply()
 * begins that). *messages: errors and warnings, one a line; the caller frees; NULL: out of memory. */
bool service_reload(struct service *s, bool check_only, char **messages);
void service_apply(struct service *s);

/* Nothing is left to wait for, perhaps. */
void service_check_stopped(struct service *s);

#endif
