/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_LOCK_H
#define ACMED_SUPERVISOR_LOCK_H

/* One acmed a state directory: a flock(2) on its file `lock`, inherited by the keeper, so that it is held as
 * long as anybody can write there. */

#include "lib/err.h"

/* The locked descriptor (the caller's), or -1. Waits up to wait_ms for whoever holds it (an old keeper
 * finishing). */
int lock_take(const char *state_dir, unsigned wait_ms, struct err *e);

#endif
