/* SPDX-License-Identifier: MIT */
#ifndef ACMED_INI_H
#define ACMED_INI_H

/* A strict reader of INI text as systemd's users know it (systemd.syntax(7)): `[kind name]`, `key = value`,
 * full-line comments with # or ;, lines continued by a backslash at their end. There are no comments behind
 * a value. It knows nothing of what keys mean; every malformed line comes back as INI_ERROR and reading goes
 * on. */

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define INI_LINE_MAX 65536 /* bytes of a line, continuations included */

enum ini_kind {
    INI_END,
    INI_SECTION, /* [name value] */
    INI_ENTRY,   /* name = value */
    INI_ERROR,   /* this line is malformed */
    INI_NOMEM    /* out of memory; the next call is INI_END */
};

/* The strings live until the next call of ini_next() or ini_clear(). */
struct ini_item {
    enum ini_kind kind;
    unsigned line;     /* 1-based; of a continued line the first */
    const char *name;  /* SECTION, ENTRY: without blanks around it, never empty */
    const char *value; /* SECTION: what follows the first word, "" for nothing; ENTRY: "" for nothing */
    const char *error; /* ERROR: what is wrong and what would be right; static storage */
    bool heading;      /* ERROR: it was to be a section's heading: what follows belongs to no known section */
};

struct ini {
    const char *text; /* borrowed */
    size_t len;
    size_t pos;
    unsigned line;
    struct buf joined; /* the line being looked at, continuations joined by a blank */
};

/* text: len bytes, may contain anything; it must live as long as the reader. */
void ini_init(struct ini *r, const char *text, size_t len);
void ini_next(struct ini *r, struct ini_item *item);
void ini_clear(struct ini *r);

#endif
