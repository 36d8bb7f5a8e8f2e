/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_ISSUANCE_H
#define ACMED_ENGINE_ISSUANCE_H

/* One attempt to obtain a certificate: performs the actions of the order machine (lib/order.h) and feeds
 * back what came of them. */

#include "daemon/engine/certificate.h"
#include "daemon/engine/authority.h"

/* Begins (or resumes) an order for c; the attempt is counted in its journal before anything is sent. The end
 * is certificate_issued() or certificate_failed(), never before this returns. NULL: out of memory. */
struct issuance *issuance_start(struct certificate *c, struct authority *a);
/* Gives up at once; what is known of the order stays in the journal. NULL is ignored. */
void issuance_cancel(struct issuance *i);

/* One clause for status: "waiting for the CA to validate a.example.com". */
void issuance_describe(const struct issuance *i, char *out, size_t size);

#endif
