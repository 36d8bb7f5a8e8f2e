/* SPDX-License-Identifier: MIT */
#ifndef ACMED_VARLINK_H
#define ACMED_VARLINK_H

/* Varlink messages (https://varlink.org): NUL-terminated JSON objects. Pure: the engine and acmectl do the
 * reading and writing. The interface text is lib/org.acmed.Control.varlink, compiled in. */

#include "lib/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VARLINK_REQUEST_MAX (64 * 1024)
#define VARLINK_REPLY_MAX   (8 * 1024 * 1024)
#define VARLINK_METHOD_MAX  256 /* bytes of a method's or error's full name */

#define VARLINK_SERVICE           "org.varlink.service"
#define VARLINK_CONTROL_INTERFACE "org.acmed.Control"

/* Errors of org.varlink.service; the comment names the member of their parameters. */
#define VARLINK_INTERFACE_NOT_FOUND    VARLINK_SERVICE ".InterfaceNotFound"    /* interface */
#define VARLINK_METHOD_NOT_FOUND       VARLINK_SERVICE ".MethodNotFound"       /* method */
#define VARLINK_METHOD_NOT_IMPLEMENTED VARLINK_SERVICE ".MethodNotImplemented" /* method */
#define VARLINK_INVALID_PARAMETER      VARLINK_SERVICE ".InvalidParameter"     /* parameter */
#define VARLINK_PERMISSION_DENIED      VARLINK_SERVICE ".PermissionDenied"
#define VARLINK_EXPECTED_MORE          VARLINK_SERVICE ".ExpectedMore"

struct varlink_call {
    char *method; /* "org.acmed.Control.Status"; owned */
    bool more;
    bool oneway;
    bool upgrade;
    json_t *parameters; /* an object, never NULL; owned */
};

/* One message without its terminating NUL. Refuses more than VARLINK_REQUEST_MAX bytes, duplicate members,
 * wrong types, deep nesting, bad UTF-8, `more` together with `oneway`. Absent or null parameters become an
 * empty object; members of the call itself that varlink.org does not name are ignored. After a failure the
 * connection has lost its footing: the engine closes it. c is untouched on failure. */
bool varlink_call_parse(struct varlink_call *c, const char *text, size_t len, struct err *e);
void varlink_call_clear(struct varlink_call *c);

/* Message text (NUL not included; the caller adds it to the wire and frees). parameters are stolen, in any
 * case; NULL stands for an empty object. Returns NULL when memory is out. */
char *varlink_reply(json_t *parameters, bool continues);
char *varlink_error(const char *error, json_t *parameters);
char *varlink_request(const char *method, json_t *parameters, bool more);

struct varlink_reply {
    char *error; /* NULL: success */
    bool continues;
    json_t *parameters; /* never NULL */
};
/* One message of at most VARLINK_REPLY_MAX bytes; as strict as varlink_call_parse(). */
bool varlink_reply_parse(struct varlink_reply *r, const char *text, size_t len, struct err *e);
void varlink_reply_clear(struct varlink_reply *r);

/* Interface descriptions; NULL: no such interface. Static storage. */
const char *varlink_description(const char *interface);

/* A method of org.acmed.Control or org.varlink.service and the privilege it needs. */
enum varlink_privilege {
    VARLINK_READ,
    VARLINK_CONTROL,
    VARLINK_GRANT /* like CONTROL, and the supervisor must see for itself who asks (lib/act.h) */
};
enum varlink_method_id {
    VARLINK_GET_INFO,
    VARLINK_GET_INTERFACE_DESCRIPTION,
    VARLINK_STATUS,
    VARLINK_WATCH,
    VARLINK_HISTORY,
    VARLINK_PLAN,
    VARLINK_CHECK,
    VARLINK_RENEW,
    VARLINK_TEST,
    VARLINK_DEPLOY,
    VARLINK_RELOAD,
    VARLINK_REVOKE,
    VARLINK_ROLLBACK,
    VARLINK_ACCOUNTS,
    VARLINK_ACCOUNT_UPDATE,
    VARLINK_ACCOUNT_ROLLOVER,
    VARLINK_ACCOUNT_DEACTIVATE,
    VARLINK_METHOD_COUNT
};
struct varlink_method {
    const char *name;          /* full */
    enum varlink_method_id id; /* to dispatch by */
    enum varlink_privilege privilege;
    bool more_required;
};
/* NULL: no such method; varlink_has_interface() then tells whether MethodNotFound or InterfaceNotFound is the
 * answer. */
const struct varlink_method *varlink_find_method(const char *name);

/* The interface of a method's full name ("org.acmed.Control.Status") is one of those described here. */
bool varlink_has_interface(const char *method);

#endif
