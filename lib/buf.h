/* SPDX-License-Identifier: MIT */
#ifndef ACMED_BUF_H
#define ACMED_BUF_H

/* Bounded, growing byte buffers. Everything that comes from outside is collected in one of these,
 * so that no peer decides how much memory acmed uses. The data is always NUL-terminated behind `len`.
 * A failed addition (bound reached, out of memory) leaves the content as it was and sets `failed`,
 * so that a run of additions may be checked once, at its end. */

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* owned; NULL while nothing was added */
    size_t len;
    size_t cap;
    size_t max;  /* len never exceeds this */
    bool secret; /* wiped before memory is given back: keys, key authorizations */
    bool failed;
};

/* No memory is taken yet. max: the largest len, in bytes. */
void buf_init(struct buf *b, size_t max);
void buf_init_secret(struct buf *b, size_t max);

/* Frees (and wipes, where secret) the content; the buffer may be used again. */
void buf_clear(struct buf *b);

bool buf_add(struct buf *b, const void *data, size_t len);
bool buf_addstr(struct buf *b, const char *s);
bool buf_addch(struct buf *b, char c);
bool buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for n more bytes and returns where they go; the caller then calls buf_grew(). NULL on failure.
 */
char *buf_reserve(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

/* Removes the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Hands the content over (the caller frees it) and empties the buffer. "" for an empty one; NULL
 * when an addition had failed or memory is out. */
char *buf_take(struct buf *b, size_t *len);

/* Overwrites memory in a way the compiler may not drop. */
void buf_wipe(void *p, size_t n);

#endif
