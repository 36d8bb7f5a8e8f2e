/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ALPN_SERVER_H
#define ACMED_ALPN_SERVER_H

/* One connection to the tls-alpn-01 responder (RFC 8737 section 3) as a pure machine: bytes in, bytes out.
 * Nobody gets to see a certificate who does not offer the protocol acme-tls/1 and ask for a name that is
 * being validated; after the handshake there is nothing to say. */

#include "lib/alpn_certificate.h"
#include "lib/buf.h"

struct alpn_server;

/* find: the certificate for a server name (lower case, len bytes, no NUL behind it), or NULL; it is
 * held while the connection lasts. NULL: out of memory. */
struct alpn_server *alpn_server_new(struct alpn_certificate *(*find)(void *arg, const char *name, size_t len),
                                    void *arg);
void alpn_server_free(struct alpn_server *s);

enum alpn_result {
    ALPN_MORE,    /* the handshake goes on: send the output, then feed what comes */
    ALPN_DONE,    /* it is over, and the certificate was shown: send the output, then close */
    ALPN_REFUSED, /* not for us, or broken: send the output (an alert, or nothing), then close */
    ALPN_NOMEM
};

/* Takes what has arrived. Not after another result than ALPN_MORE. */
enum alpn_result alpn_server_feed(struct alpn_server *s, const char *data, size_t len);

/* What is to be sent; the caller consumes it. */
struct buf *alpn_server_output(struct alpn_server *s);

#endif
