/* SPDX-License-Identifier: MIT */
#include "lib/b64.h"

#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *b64url_encode(const void *data, size_t len)
{
    const uint8_t *in = data;
    size_t i = 0;
    char *out;
    char *p;

    if (len > SIZE_MAX / 2)
        return NULL;
    out = malloc(len / 3 * 4 + 5);
    if (out == NULL)
        return NULL;
    p = out;
    for (; i + 3 <= len; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

        *p++ = alphabet[v >> 18];
        *p++ = alphabet[v >> 12 & 63];
        *p++ = alphabet[v >> 6 & 63];
        *p++ = alphabet[v & 63];
    }
    if (len - i == 1) {
        *p++ = alphabet[in[i] >> 2];
        *p++ = alphabet[(in[i] & 3) << 4];
    } else if (len - i == 2) {
        *p++ = alphabet[in[i] >> 2];
        *p++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
        *p++ = alphabet[(in[i + 1] & 15) << 2];
    }
    *p = '\0';
    return out;
}

bool b64url_decode(struct buf *out, const char *s, size_t len)
{
    uint32_t v = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < len; i++) {
        const char *at = s[i] != '\0' ? strchr(alphabet, s[i]) : NULL;

        if (at == NULL)
            return false;
        v = (v << 6 | (uint32_t)(at - alphabet)) & 0xffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (!buf_addch(out, (char)(v >> bits & 0xff)))
            return false;
    }
    return bits < 6 && (v & ((1U << bits) - 1)) == 0;
}

bool b64url_valid(const char *s, size_t max)
{
    size_t n = strspn(s, alphabet);

    return n >= 1 && n <= max && s[n] == '\0';
}
