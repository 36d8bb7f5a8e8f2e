/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_CHALLENGE_H
#define ACMED_ENGINE_CHALLENGE_H

/* The tokens that are to be answered now, with their key authorizations (RFC 8555 section 8.1). */

#include <stdbool.h>
#include <stddef.h>

struct challenges;

struct challenges *challenges_new(void);
void challenges_free(struct challenges *cs);

/* Makes token answerable with "token.thumbprint". Counted: two orders may share an authorization and with it
 * the token. */
bool challenge_add(struct challenges *cs, const char *token, const char *thumbprint);
void challenge_remove(struct challenges *cs, const char *token);

/* The key authorization of the token of len bytes; NULL: not one of ours. Borrowed until the next change. */
const char *challenge_find(const struct challenges *cs, const char *token, size_t len);

#endif
