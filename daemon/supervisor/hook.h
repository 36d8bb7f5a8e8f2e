/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_HOOK_H
#define ACMED_SUPERVISOR_HOOK_H

/* A certificate's hook: which program, as whom, with which environment. All of that comes from the
 * configuration and the keeper; of the engine's words only the event, from a closed set. */

#include "daemon/supervisor/job.h"
#include "daemon/supervisor/load.h"

#include <stdint.h>

/* What the keeper says of a generation. */
struct hook_facts {
    unsigned generation;
    const char *dir; /* of the generation's files */
    int64_t not_after;
    const char *serial;
    const char *names; /* joined by blanks */
};

/* True for "issued", "renewed", "deploy". */
bool hook_event_known(const char *event);

/* Appends "NAME=value". False: out of memory. */
bool hook_set(struct strv *env, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Who runs the programs of a certificate: uid, and the home directory, which the caller frees. False with e.
 */
bool hook_identity(const struct load *l, const struct config_certificate *c, uid_t *uid, char **home,
                   struct err *e);

/* A program of a certificate's, as its hook_user and with its hook_timeout: env gets what every such program
 * finds, besides what it holds; input: what it reads; NULL: nothing. As job_start(). */
struct job *hook_launch(struct event_base *base, const struct load *l, const struct config_certificate *c,
                        const struct strv *argv, struct strv *env, const char *input,
                        void (*done)(void *arg, const struct job_result *result), void *arg, struct err *e);

/* The certificate's hook. As job_start(). */
struct job *hook_start(struct event_base *base, const struct load *l, const struct config_certificate *c,
                       const char *event, const struct hook_facts *f,
                       void (*done)(void *arg, const struct job_result *result), void *arg, struct err *e);

#endif
