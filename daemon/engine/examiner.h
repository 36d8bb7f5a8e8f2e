/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_EXAMINER_H
#define ACMED_ENGINE_EXAMINER_H

/* Has the keeper look whether the files of the live certificates are whole, one certificate at a time: all
 * once some seconds after the start, and those that could not be deployed. What the keeper could repair is
 * deployed again; what it could not is renewed. */

#include "daemon/engine/certificate.h"

struct examiner;

struct examiner *examiner_new(struct engine *g); /* NULL: out of memory */
void examiner_free(struct examiner *x);

/* The engine serves. */
void examiner_start(struct examiner *x);
void examiner_add(struct examiner *x, struct certificate *c);

#endif
