/* SPDX-License-Identifier: MIT */
#include "lib/utf8.h"

#include <string.h>

static size_t tail(const unsigned char *p, size_t n, size_t len)
{
    if (n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

size_t utf8_char(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;

    if (n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return tail(p, n, 2);
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        if (n > 1 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)))
            return 0;
        return tail(p, n, 3);
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        if (n > 1 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)))
            return 0;
        return tail(p, n, 4);
    }
    return 0;
}

/* spared: control characters that stay. */
static void make_printable(char *s, const char *spared)
{
    size_t left = strlen(s);
    size_t len;
    unsigned char c;

    while (left > 0) {
        c = (unsigned char)s[0];
        len = utf8_char(s, left);
        if (len == 0 || ((c < 0x20 || c == 0x7f) && strchr(spared, c) == NULL)) {
            *s = '?';
            len = 1;
        } else if (len == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0) {
            s[0] = '?';
            s[1] = '?';
        }
        s += len;
        left -= len;
    }
}

void utf8_make_printable(char *s)
{
    make_printable(s, "");
}

void utf8_make_text(char *s)
{
    make_printable(s, "\n\t");
}

void utf8_make_line(char *s)
{
    for (char *p = s; *p != '\0'; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    make_printable(s, "");
}

size_t utf8_cut(const char *s, size_t max)
{
    size_t n = strnlen(s, max);

    if (s[n] == '\0')
        return n;
    for (size_t back = 0; back < 3 && n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; back++)
        n--;
    return n;
}
