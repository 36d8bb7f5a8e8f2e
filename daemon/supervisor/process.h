/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_PROCESS_H
#define ACMED_SUPERVISOR_PROCESS_H

/* A child process as an event: its end, once. */

#include <event2/event.h>
#include <sys/types.h>

struct process;

/* on_exit(arg, status as waitpid(2) has it) is called once from the loop; the process is reaped by then.
 * on_exit NULL: the owner calls process_wait(). NULL: errno says why. */
struct process *process_watch(struct event_base *base, pid_t pid, void (*on_exit)(void *arg, int status),
                              void *arg);
/* Ends the watching (also from within on_exit); reaps the process if it has ended, and leaves it to itself if
 * it has not. */
void process_free(struct process *p);
void process_kill(const struct process *p, int signal);
/* Waits for its end, which is near, and frees. */
void process_wait(struct process *p);
/* Kills it, waits for it and frees. */
void process_end(struct process *p);

pid_t process_pid(const struct process *p);

#endif
