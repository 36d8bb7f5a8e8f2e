/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_STANDBY_H
#define ACMED_ENGINE_STANDBY_H

/* The CAs that are a certificate's second choice: their directories are read and our accounts there made
 * before they are needed, when there is nothing else to do. What does not work is said early, and tried again
 * once a day. */

#include "daemon/engine/engine.h"

struct standby;

/* NULL: out of memory. */
struct standby *standby_new(struct engine *g);
void standby_free(struct standby *s);

/* No order is under way or waits. */
void standby_idle(struct standby *s);

#endif
