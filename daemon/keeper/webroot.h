/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_WEBROOT_H
#define ACMED_KEEPER_WEBROOT_H

/* Answers of http-01 (RFC 8555 section 8.3) as files which another server serves: DIR/.well-known/
 * acme-challenge/TOKEN. The directories may belong to the web server's user, who is not trusted: no symbolic
 * link is followed anywhere, and nothing but the token's own file is written or removed. */

#include "lib/err.h"

#include <stdbool.h>

/* dir: absolute. token: base64url, not empty. Directories that are missing below dir are made (0755), the
 * file is 0644 and complete from the first instant that it is there. */
bool webroot_publish(const char *dir, const char *token, const char *content, struct err *e);

/* Removes the file if it has this content; otherwise it is not ours. A missing one is fine. */
bool webroot_withdraw(const char *dir, const char *token, const char *content, struct err *e);

#endif
