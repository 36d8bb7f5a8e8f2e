/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_ROLLBACK_H
#define ACMED_ENGINE_ROLLBACK_H

/* An earlier generation made live again, and deployed. The deploy record for it is durable before the flip:
 * whatever moment acmed is killed at, what is live is deployed. */

#include "daemon/engine/certificate.h"

struct rollback;

/* The keeper has the permit for this generation. Progress and outcome are told by the feed. c->rollback is
 * set while it lasts, and nothing is issued meanwhile. False: out of memory. */
bool rollback_start(struct certificate *c, unsigned generation, const char *who);
/* NULL is ignored. */
void rollback_cancel(struct rollback *r);

#endif
