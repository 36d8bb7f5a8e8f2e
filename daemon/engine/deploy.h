/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_DEPLOY_H
#define ACMED_ENGINE_DEPLOY_H

/* Brings the live generation to the server: performs the actions of the deployment machine
 * (lib/deployment.h). */

#include "daemon/engine/certificate.h"

struct deploy;

/* Goes on with the deploy record in c's journal. event: why, for hooks: "issued", "renewed", "deploy"; a
 * string constant. c->deploy is set while it lasts: with nothing to do it is over before this returns. False:
 * out of memory. */
bool deploy_start(struct certificate *c, const char *event);
/* NULL is ignored. The record stays. */
void deploy_cancel(struct deploy *d);

/* It waits for the time of the next try. */
bool deploy_is_waiting(const struct deploy *d);

#endif
