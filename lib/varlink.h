/* SPDX-License-Identifier: MIT */
#ifndef ACMED_VARLINK_H
#define ACMED_VARLINK_H

/* Varlink messages (https://varlink.org): NUL-terminated JSON objects. Pure: the engine and acmectl do the reading
 * and writing. The interface text is lib/org.acmed.Control.varlink, compiled in. */

#include "lib/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VARLINK_REQUEST_MAX (64 * 1024)
#define VARLINK_REPLY_MAX   (8 * 1024 * 1024)

struct varlink_call {
    char *method; /* "org.acmed.Control.Status"; owned */
    bool more;
    bool oneway;
    bool upgrade;
    json_t *parameters; /* an object, never NULL; owned */
};

/* One message without its terminating NUL. Refuses duplicate members, wrong types, nesting, bad UTF-8. */
bool varlink_call_parse(struct varlink_call *c, const char *text, size_t len, struct err *e);
void varlink_call_clear(struct varlink_call *c);

/* Message text (NUL not included; the caller adds it to the wire and frees). parameters are stolen. NULL: out of memory. */
char *varlink_reply(json_t *parameters, bool continues);
char *varlink_error(const char *error, json_t *parameters);
char *varlink_request(const char *method, json_t *parameters, bool more);

struct varlink_reply {
    char *error; /* NULL: success */
    bool continues;
    json_t *parameters; /* never NULL */
};
bool varlink_reply_parse(struct varlink_reply *r, const char *text, size_t len, struct err *e);
void varlink_reply_clear(struct varlink_reply *r);

/* Interface descriptions; NULL: no such interface. Static storage. */
const char *varlink_description(const char *interface);

/* A method of org.acmed.Control or org.varlink.service and the privilege it needs. */
enum varlink_privilege { VARLINK_READ, VARLINK_CONTROL };
struct varlink_method {
    const char *name; /* full */
    enum varlink_privilege privilege;
    bool more_required;
};
/* NULL: no such method. */
const struct varlink_method *varlink_find_method(const char *name);

#endif
