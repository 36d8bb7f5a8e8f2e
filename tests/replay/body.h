/* SPDX-License-Identifier: MIT */
#ifndef ACMED_REPLAY_BODY_H
#define ACMED_REPLAY_BODY_H

/* What the scripted CA of a replay says. */

#include "lib/buf.h"
#include "lib/strv.h"

#include <stdint.h>

#define REPLAY_CA "https://ca.test/"

/* Writes the body that a scenario's words describe into out: `order pending`, `authz 1 valid`, ...
 * (tests/replay/README). False: not understood. */
bool body_build(struct buf *out, const char *words, const struct strv *names, int64_t now);

/* Appends a file of tests/unit/data/crypto. */
bool body_file(struct buf *out, const char *name);

/* "authz/1" -> "https://ca.test/authz/1"; what has a scheme already, and is quoted nowhere, stays. To be
 * freed. */
char *body_url(const char *word);

/* U,V as a Link header has them, so that what acmed would not request is left out. */
void body_links(struct strv *alternates, const char *urls);

/* The next blank-separated word of *text, "" at its end, moved past it. In static storage of the caller's
 * choice. */
const char *body_word(const char **text, char *word, size_t size);

#endif
