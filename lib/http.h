/* SPDX-License-Identifier: MIT */
#ifndef ACMED_HTTP_H
#define ACMED_HTTP_H

/* An HTTP reply as the pure code sees it: what arrived, with the few headers ACME gives a meaning
 * to (RFC 8555 section 6, RFC 9110), and URLs. No I/O. */

#include "lib/err.h"
#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_REPLY_BODY_MAX (1024 * 1024)
#define HTTP_REPLY_HEAD_MAX (64 * 1024) /* all headers of a reply, with those of interim ones */
#define HTTP_URL_MAX        2048
#define HTTP_ALTERNATES_MAX 8 /* other forms of one reply that are told of */

struct http_reply {
    int status;       /* 100..599 */
    const char *body; /* NUL-terminated, may hold NULs within; never NULL */
    size_t body_len;
    const char *location;     /* NULL: none or malformed */
    const char *replay_nonce; /* NULL: none or malformed (RFC 8555 section 6.5.1: base64url only) */
    int64_t retry_after; /* seconds from now, already clamped to 1..86400; -1: header absent or unusable */
    const struct strv *alternates; /* Link: rel="alternate", of http_link_alternates(); NULL: none */
    bool resent; /* a POST that was sent again when its connection ended. The CA takes a nonce only once: a
                    reply of badNonce means that the first was heard, and its reply is lost; any other that it
                    was not */
};

/* Parses a Retry-After value, delay-seconds or HTTP-date (RFC 9110 section 10.2.3), against `now` (Unix
 * seconds). A date in the past gives 1, nothing above 86400; -1 when it is neither form. */
int64_t http_retry_after(const char *value, int64_t now);

/* Adds the targets of a Link header's value (RFC 8288) which are other forms of what was asked for
 * (rel="alternate"), in their order: URLs that pass http_url_check(), none twice, HTTP_ALTERNATES_MAX in all;
 * the rest, and what is malformed and behind that, is left out. False: out of memory. */
bool http_link_alternates(const char *value, struct strv *urls);

/* An https URL that acmed may request: no user info, no fragment, no control characters or blanks, at
 * most HTTP_URL_MAX bytes, a host. False with the reason in e (class transient) otherwise. */
bool http_url_check(const char *url, struct err *e);

/* True when both are acceptable https URLs of the same host (case-insensitive) and port (443 by default). */
bool http_same_origin(const char *a, const char *b);

#endif
