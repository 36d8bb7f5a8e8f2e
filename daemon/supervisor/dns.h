/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_DNS_H
#define ACMED_SUPERVISOR_DNS_H

/* The DNS records of challenges, through the program that `dns_hook` names. The engine says for which
 * lineage, name and token; what the record is called and what it holds comes from the keeper. */

#include "daemon/supervisor/load.h"

#include <event2/event.h>
#include <stdint.h>

struct dns;

struct dns_ops {
    /* Asks the keeper for the record; dns_record() or dns_record_failed() with the same id follows. */
    void (*ask_record)(void *arg, uint32_t id, const char *lineage, const char *identifier, const char *token,
                       const char *ca);
    /* The answer to a request. */
    void (*reply)(void *arg, uint32_t request, bool ok, enum err_class class, const char *text,
                  const char *output);
    /* After dns_stop(): nothing runs any more. */
    void (*idle)(void *arg);
};

/* load: the configuration in force, borrowed; its content may change between calls. NULL: out of memory. */
struct dns *dns_new(struct event_base *base, const struct load *load, const struct dns_ops *ops, void *arg);
void dns_free(struct dns *d);

/* Does, or refuses, what the request says; action: "present" or "cleanup"; target: where CNAME records lead
 * to from the record's name, as the engine saw it; "": nowhere. It is not the keeper's word, and is held to
 * `dns_delegation`; the record's content is the keeper's, and proves nothing but for an order that it signs.
 * Some programs run side by side, others one at a time (convention_is_parallel()). */
void dns_request(struct dns *d, uint32_t request, const char *lineage, const char *identifier,
                 const char *token, const char *ca, const char *action, const char *target);

void dns_record(struct dns *d, uint32_t id, const char *name, const char *value);
void dns_record_failed(struct dns *d, uint32_t id, const struct err *error);

/* The pair ended: nobody waits for answers. What runs goes on, what has not begun is dropped. */
void dns_detach(struct dns *d);

/* Ends the running programs; ops->idle follows, perhaps before it returns. */
void dns_stop(struct dns *d);

#endif
