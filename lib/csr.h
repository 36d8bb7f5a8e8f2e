/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CSR_H
#define ACMED_CSR_H

#include "lib/err.h"
#include "lib/key.h"
#include "lib/strv.h"

/* A PKCS#10 request (RFC 2986) for all names (canonical identifiers, lib/ident.h: DNS names and addresses) as
 * subjectAltName, signed by the key, DER in base64url as finalize wants it (RFC 8555 section 7.4). The
 * subject is empty: names of more than 64 bytes do not fit a common name, addresses do not belong there, and
 * CAs choose it themselves. The caller frees; NULL with e set. */
char *csr_build(const struct key *k, const struct strv *names, struct err *e);

#endif
