/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ACME_INTERNAL_H
#define ACMED_ACME_INTERNAL_H

/* What the files acme_*.c share and nobody else needs. */

#include "lib/acme.h"

#include <jansson.h>

/* The reply's body as a JSON object, or an error "what: ...". A Content-Type is not asked for: CAs differ. */
json_t *acme_body(const struct http_reply *reply, const char *what, struct err *e);

/* A copy of a URL that acmed will request: acceptable and of the directory's origin. A foreign one is a
 * permanent error: asking again will not make it ours. *out is untouched on failure. */
bool acme_url_copy(char **out, const struct acme_directory *d, const char *what, const char *url,
                   struct err *e);

/* A problem document within an order or a challenge, as one owned line in *text (with `suffix`, which may be
 * "") and the class it gives the attempt. */
bool acme_problem_describe(const json_t *problem, const char *suffix, char **text,
                           enum acme_problem_type *type, enum err_class *class, struct err *e);

/* Which entry of a name table a string is; -1: none. */
int acme_name_find(const char *const *names, size_t n, const char *name);

#endif
