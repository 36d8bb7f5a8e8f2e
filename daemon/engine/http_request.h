/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_HTTP_REQUEST_H
#define ACMED_ENGINE_HTTP_REQUEST_H

/* The one kind of HTTP request that the responder understands: GET or HEAD without a body (RFC 9112).
 * Strict: whatever two implementations could read in two ways is refused. */

#include <stdbool.h>
#include <stddef.h>

#define HTTP_REQUEST_MAX     8192 /* bytes of request line and headers */
#define HTTP_REQUEST_HEADERS 100

struct http_request {
    bool head;          /* HEAD, not GET */
    const char *target; /* as sent: printable ASCII, not empty, of any form */
    const char *host;   /* canonical as in lib/ident.h: lower-cased, without port and brackets; "" when absent
                           (HTTP/1.0) or of a form that no identifier has */
};

enum http_request_result {
    HTTP_REQUEST_INCOMPLETE = 0,
    HTTP_REQUEST_COMPLETE = 200,
    HTTP_REQUEST_BAD = 400, /* malformed, ambiguous, with a body, pipelined */
    HTTP_REQUEST_METHOD = 405,
    HTTP_REQUEST_TOO_LARGE = 431
};

/* Parses the len bytes in data, which are cut into strings in place when complete. */
enum http_request_result http_request_parse(struct http_request *r, char *data, size_t len);

#endif
