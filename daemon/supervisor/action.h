/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_ACTION_H
#define ACMED_SUPERVISOR_ACTION_H

/* What the engine asks to be done on the system: the reload and hook steps of a deployment. An action belongs
 * to the supervisor and is known by (lineage, generation, step): a new engine that asks for one that runs
 * joins it, and gets the result of one that ended while there was no engine. */

#include "daemon/supervisor/load.h"

#include <event2/event.h>
#include <stdint.h>

struct actions;

struct action_ops {
    /* Asks the keeper for the facts of a generation; actions_facts() or actions_facts_failed() with the same
     * id follows. */
    void (*ask_facts)(void *arg, uint32_t id, const char *lineage, unsigned generation);
    /* The answer to a request. */
    void (*reply)(void *arg, uint32_t request, bool ok, enum err_class class, const char *text,
                  const char *output);
    /* After actions_stop(): nothing runs any more. */
    void (*idle)(void *arg);
};

/* systemctl: for tests; NULL: the machine's. NULL: out of memory. */
struct actions *actions_new(struct event_base *base, const struct action_ops *ops, void *arg,
                            const char *systemctl);
void actions_free(struct actions *a);

/* Does, or refuses, what the request says; everything in it is checked. */
void actions_request(struct actions *a, const struct load *l, uint32_t request, const char *lineage,
                     uint64_t generation, const char *step, const char *event);

void actions_facts(struct actions *a, const struct load *l, uint32_t id, const char *dir, int64_t not_after,
                   const char *serial, const char *names);
void actions_facts_failed(struct actions *a, uint32_t id, const struct err *error);

/* The pair ended: nobody waits for answers, no facts will come. What runs goes on. */
void actions_detach(struct actions *a);

/* Ends the running hooks; ops->idle follows, perhaps before it returns. */
void actions_stop(struct actions *a);

#endif
