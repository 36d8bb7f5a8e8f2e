/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ERR_H
#define ACMED_ERR_H

/* What went wrong, in one line a person can act on, and what kind of wrong it is.
 *
 * A function that can fail returns bool (or a pointer) and takes `struct err *` last. The one that
 * detects the failure calls err_set(); callers prepend context with err_wrap() on the way up. The
 * class decides how the attempt is repeated (lib/renewal.h). `e` may be NULL everywhere: then the
 * caller does not care why. */

#include <stdbool.h>
#include <stdint.h>

enum err_class {
    ERR_CLASS_NONE,
    ERR_CLASS_NETWORK,   /* no HTTP reply was had at all: DNS, connect, TLS, time-out */
    ERR_CLASS_TRANSIENT, /* the CA answered, and may answer otherwise later (5xx, processing, malformed reply)
                          */
    ERR_CLASS_RATE_LIMITED, /* the CA said when, or that, we are to come later */
    ERR_CLASS_PERMANENT,    /* the same request will be refused again until somebody changes something */
    ERR_CLASS_CONFIG,       /* the administrator's input */
    ERR_CLASS_INTERNAL,     /* out of memory, disk, or a bug */
    ERR_CLASS_COUNT
};

#define ERR_TEXT_MAX 2048

struct err {
    enum err_class class;
    int64_t retry_at; /* Unix seconds: not before this, as the CA said (Retry-After); 0: it said nothing */
    bool unsent;      /* of a signed request that failed: it was not even sent, so nobody can have heard it */
    char text[ERR_TEXT_MAX];
};

/* Records the cause. Control characters in the text (it may quote a hostile peer) become '?'.
 * Always returns false, so that `return err_set(...)` reads well. */
bool err_set(struct err *e, enum err_class class, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Prepends "context: " to the text; the class stays. Always returns false. */
bool err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory while doing `what`. Always returns false. */
bool err_nomem(struct err *e, const char *what);

void err_clear(struct err *e);

/* "network", "transient", "rate-limited", "permanent", "configuration", "internal", "none". Static storage.
 */
const char *err_class_to_str(enum err_class class);

/* The reverse; false when `s` is none of them, *class then untouched. */
bool err_class_from_str(const char *s, enum err_class *class);

#endif
