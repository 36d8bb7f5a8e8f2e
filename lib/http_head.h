/* SPDX-License-Identifier: MIT */
#ifndef ACMED_HTTP_HEAD_H
#define ACMED_HTTP_HEAD_H

/* The headers of a reply as they arrive, a line at a time: what ACME gives a meaning to is kept. */

#include "lib/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_head {
    char *location;         /* owned; NULL: none */
    char *replay_nonce;     /* owned; NULL: none, or not base64url (RFC 8555 section 6.5.1) */
    struct strv alternates; /* of http_link_alternates() */
    int64_t retry_after;    /* as http_retry_after() reads it; -1: none */
    bool framed;            /* more than the end of the connection tells where the body ends: its length, its
                               chunks (RFC 9112 section 6.3), or the frames of HTTP/2 */
    bool complete;          /* the empty line has come: the connection did not end within the headers */
};

void http_head_init(struct http_head *h);
void http_head_clear(struct http_head *h);

/* One line, with or without its line break: a status line, which voids what an interim reply (1xx) said
 * before, a header, or the empty line behind them. What is too long to be meant for acmed (4 KiB) is left
 * out, as is what there is no memory for. now: Unix seconds. */
void http_head_line(struct http_head *h, const char *line, size_t len, int64_t now);

#endif
