/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_SUMMARY_H
#define ACMED_ENGINE_SUMMARY_H

/* The fleet in one sentence (lib/tally.h), told to the supervisor for the service manager: IPC_READY. */

#include "daemon/engine/engine.h"

#define SUMMARY_PAUSE_MS 2000 /* of many changes in that time one sentence comes */

struct summary;

/* NULL: out of memory. */
struct summary *summary_new(struct engine *g);
void summary_free(struct summary *s);

/* The engine serves: says the first sentence now, and from here on every one that is another than the last.
 */
void summary_start(struct summary *s);

#endif
