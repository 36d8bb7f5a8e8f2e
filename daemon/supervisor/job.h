/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_JOB_H
#define ACMED_SUPERVISOR_JOB_H

/* A program with a time-out and captured output, run under a runner (daemon/supervisor/runner.h), as an
 * asynchronous job with one completion callback. */

#include "daemon/supervisor/runner.h"
#include "lib/err.h"

#include <event2/event.h>

#define JOB_OUTPUT_MAX (64 * 1024) /* bytes kept; the rest is read and counted */

struct job;

struct job_result {
    bool ok;          /* ended with status 0 */
    struct err error; /* else: "exited with status 1", "was ended by signal 9 (Killed)", "ran longer than 300
                         s ..." */
    const char *output; /* NUL-terminated, printable; says at its end how much is missing. Borrowed */
};

/* Starts it, if it is still a program that is to be trusted (daemon/supervisor/trust.h); done is called once,
 * from the loop; the job is gone afterwards. NULL with e: it could not be started. */
struct job *job_start(struct event_base *base, const struct runner_spec *spec,
                      void (*done)(void *arg, const struct job_result *result), void *arg, struct err *e);

/* Ends the program and all its descendants (a few seconds); done is called when that is so. */
void job_cancel(struct job *j);

/* Likewise, but without waiting and without done. NULL is accepted. */
void job_free(struct job *j);

#endif
