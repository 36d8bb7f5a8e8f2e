/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_MURMUR_H
#define ACMED_SUPERVISOR_MURMUR_H

/* What a child writes to its stderr: the last words of libraries and sanitizers, or whatever a child that was
 * taken over likes to write. It is no log, so it never reaches the journal or the terminal as it is: line by
 * line, cleaned, bounded, under the child's name. */

#include <event2/event.h>

struct murmur;

/* NULL: out of memory or descriptors. name is borrowed. */
struct murmur *murmur_new(struct event_base *base, const char *name);
int murmur_child_fd(const struct murmur *m); /* to become the child's stderr */
void murmur_started(struct murmur *m);       /* the child has it: closes ours */
void murmur_free(struct murmur *m);          /* takes what is still there; NULL is fine */

#endif
