/* SPDX-License-Identifier: MIT */
#include "ctl/text.h"

#include "lib/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Decodes one character; returns its bytes, 0 for broken UTF-8. */
static size_t decode(const char *s, uint32_t *cp)
{
    size_t n = utf8_char(s, strnlen(s, 4));

    if (n == 0)
        return 0;
    *cp = n == 1 ? (unsigned char)*s : (unsigned char)*s & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        *cp = *cp << 6 | ((unsigned char)s[i] & 0x3f);
    return n;
}

/* What moves the cursor, changes the terminal or reorders what was written. */
static bool harmful(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
           (cp >= 0xe0000 && cp <= 0xe007f);
}

char *text_clean(const char *s, bool utf8, bool lines)
{
    char *out = malloc(strlen(s) + 1);
    char *p = out;
    uint32_t cp;
    size_t n;

    if (out == NULL)
        return NULL;
    for (; *s != '\0'; s += n) {
        n = decode(s, &cp);
        if (n == 0) {
            n = 1;
            *p++ = '?';
        } else if (cp == '\t' || cp == '\n') {
            *p++ = cp == '\n' && lines ? '\n' : ' ';
        } else if (harmful(cp) || (n > 1 && !utf8)) {
            *p++ = '?';
        } else {
            memcpy(p, s, n);
            p += n;
        }
    }
    *p = '\0';
    return out;
}

static json_t *clean_string(const json_t *j, bool utf8, bool lines)
{
    char *text = text_clean(json_string_value(j), utf8, lines);
    json_t *clean = text != NULL ? json_string(text) : NULL;

    free(text);
    return clean;
}

bool text_clean_json(json_t *j, bool utf8)
{
    const char *key;
    json_t *value;
    size_t i;
    void *next;

    if (json_is_array(j)) {
        json_array_foreach(j, i, value)
        {
            if (json_is_string(value) ? json_array_set_new(j, i, clean_string(value, utf8, false)) != 0
                                      : !text_clean_json(value, utf8))
                return false;
        }
    } else if (json_is_object(j)) {
        json_object_foreach_safe(j, next, key, value)
        {
            if (json_is_string(value)
                    ? json_object_set_new(j, key, clean_string(value, utf8, strcmp(key, "output") == 0)) != 0
                    : !text_clean_json(value, utf8))
                return false;
        }
    }
    return true;
}

static int columns_of(uint32_t cp)
{
    int w = wcwidth((wchar_t)cp);

    return w < 0 ? 1 : w;
}

/* The bytes of the longest beginning of s that takes at most width columns; *used: its columns. */
static size_t fitting(const char *s, int width, int *used)
{
    const char *p = s;
    uint32_t cp;
    size_t n;

    *used = 0;
    while (*p != '\0') {
        n = decode(p, &cp);
        if (n == 0) {
            n = 1;
            cp = '?';
        }
        if (*used + columns_of(cp) > width)
            break;
        *used += columns_of(cp);
        p += n;
    }
    return (size_t)(p - s);
}

int text_width(const char *s)
{
    int used;

    (void)fitting(s, INT32_MAX / 2, &used);
    return used;
}

static int add_ellipsis(struct buf *out, int width, bool utf8)
{
    int w = utf8 ? 1 : width < 3 ? width : 3;

    if (width <= 0)
        return 0;
    (void)(utf8 ? buf_addstr(out, "…") : buf_add(out, "...", (size_t)w));
    return w;
}

int text_add_cut(struct buf *out, const char *s, int width, bool utf8)
{
    int dots = utf8 ? 1 : 3;
    int used = text_width(s);

    if (used <= width) {
        (void)buf_addstr(out, s);
        return used;
    }
    (void)buf_add(out, s, fitting(s, width > dots ? width - dots : 0, &used));
    while (out->len > 0 && used > 0 && out->data[out->len - 1] == ' ') {
        out->data[--out->len] = '\0';
        used--;
    }
    return used + add_ellipsis(out, width, utf8);
}

int text_add_middle(struct buf *out, const char *s, int width, bool utf8)
{
    int dots = utf8 ? 1 : 3;
    int total = text_width(s);
    int used;
    int skipped;
    int tail;

    if (total <= width) {
        (void)buf_addstr(out, s);
        return total;
    }
    if (width <= dots)
        return add_ellipsis(out, width, utf8);
    tail = (width - dots) / 2;
    (void)buf_add(out, s, fitting(s, width - dots - tail, &used));
    used += add_ellipsis(out, width - used, utf8);
    s += fitting(s, total - tail, &skipped);
    (void)buf_addstr(out, s);
    return used + total - skipped;
}

void text_add_blanks(struct buf *out, int n)
{
    if (n > 0)
        (void)buf_addf(out, "%*s", n, "");
}

void text_add_wrapped(struct buf *out, const char *s, int column, int indent, int width)
{
    bool fresh = true;

    for (s += strspn(s, " "); *s != '\0'; s += strspn(s, " ")) {
        size_t len = strcspn(s, " ");
        char *word = strndup(s, len);
        int w = word != NULL ? text_width(word) : 0;

        free(word);
        if (!fresh && column + 1 + w > width) {
            (void)buf_addch(out, '\n');
            text_add_blanks(out, indent);
            column = indent;
            fresh = true;
        }
        if (!fresh) {
            (void)buf_addch(out, ' ');
            column++;
        }
        (void)buf_add(out, s, len);
        column += w;
        fresh = false;
        s += len;
    }
    (void)buf_addch(out, '\n');
}
