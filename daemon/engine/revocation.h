/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_REVOCATION_H
#define ACMED_ENGINE_REVOCATION_H

/* The revocation of one generation at its CA (RFC 8555 section 7.6): vouched for by the account's key, and by
 * the certificate's own where that is refused or the account is gone. A compromised key vouches for itself
 * first: that is how a CA learns that it must never certify this key again. */

#include "daemon/engine/certificate.h"
#include "lib/act.h"

struct revocation;

struct revocation_outcome {
    bool already;        /* the CA had revoked it before */
    bool by_certificate; /* the certificate's own key vouched */
    bool unanswered;     /* a request was sent and got no answer: where that is the end of it, the CA may have
                            heard it */
};

/* The keeper has the permit. on_done is called once, never before this returns; e NULL: it is revoked. A
 * request that gets no answer is repeated once. By then what follows (a new certificate, where the revoked
 * one is live) has begun. c->revocation is set while it lasts. False with e: it has not begun; what follows
 * of a key that was given up has. */
bool revocation_start(struct certificate *c, const struct act *act,
                      void (*on_done)(void *arg, const struct revocation_outcome *outcome,
                                      const struct err *e),
                      void *arg, struct err *e);
/* Nobody waits for on_done any more; the revocation goes on. NULL is ignored. */
void revocation_forget(struct revocation *r);
/* NULL is ignored. */
void revocation_cancel(struct revocation *r);

#endif
