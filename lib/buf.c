/* SPDX-License-Identifier: MIT */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void buf_wipe(void *p, size_t n)
{
    if (p != NULL && n > 0)
        explicit_bzero(p, n);
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_init_secret(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max, .secret = true};
}

void buf_clear(struct buf *b)
{
    if (b->secret)
        buf_wipe(b->data, b->cap);
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
    b->failed = false;
}

/* realloc() may leave a copy of a secret behind, so a secret buffer moves by hand. */
static bool grow_to(struct buf *b, size_t cap)
{
    char *p;

    if (!b->secret) {
        p = realloc(b->data, cap);
        if (p == NULL)
            return false;
    } else {
        p = malloc(cap);
        if (p == NULL)
            return false;
        if (b->data != NULL) {
            memcpy(p, b->data, b->len + 1);
            buf_wipe(b->data, b->cap);
            free(b->data);
        }
    }
    b->data = p;
    b->cap = cap;
    return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t need;
    size_t cap;

    if (n > b->max || b->len > b->max - n) {
        b->failed = true;
        return NULL;
    }
    need = b->len + n + 1;
    if (need > b->cap) {
        cap = b->cap != 0 ? b->cap : FIRST_CAP;
        while (cap < need)
            cap *= 2;
        if (!grow_to(b, cap)) {
            b->failed = true;
            return NULL;
        }
    }
    return b->data + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
    b->len += n;
    b->data[b->len] = '\0';
}

bool buf_add(struct buf *b, const void *data, size_t len)
{
    char *p = buf_reserve(b, len);

    if (p == NULL)
        return false;
    if (len > 0)
        memcpy(p, data, len);
    buf_grew(b, len);
    return true;
}

bool buf_addstr(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

bool buf_addch(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return false;
    }
    p = buf_reserve(b, (size_t)n);
    if (p == NULL)
        return false;
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf_grew(b, (size_t)n);
    return true;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        if (b->data != NULL)
            b->data[0] = '\0';
        return;
    }
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

char *buf_take(struct buf *b, size_t *len)
{
    char *p;

    if (b->failed || buf_reserve(b, 0) == NULL)
        return NULL;
    p = b->data;
    p[b->len] = '\0';
    if (len != NULL)
        *len = b->len;
    b->data = NULL;
    b->len = b->cap = 0;
    return p;
}
