/* SPDX-License-Identifier: MIT */
#include "lib/pem.h"

#include <mbedtls/base64.h>

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 48 /* of DER, 64 characters of text */

static const char begin_mark[] = "-----BEGIN CERTIFICATE-----";
static const char end_mark[] = "-----END CERTIFICATE-----";

bool pem_write(struct buf *out, const char *label, const uint8_t *der, size_t len)
{
    unsigned char line[LINE_BYTES / 3 * 4 + 1];
    size_t n;
    size_t used;
    bool ok = buf_addf(out, "-----BEGIN %s-----\n", label);

    for (size_t i = 0; ok && i < len; i += n) {
        n = len - i < LINE_BYTES ? len - i : LINE_BYTES;
        ok = mbedtls_base64_encode(line, sizeof line, &used, der + i, n) == 0 && buf_add(out, line, used) &&
             buf_addch(out, '\n');
    }
    buf_wipe(line, sizeof line);
    return ok && buf_addf(out, "-----END %s-----\n", label);
}

/* What a character of base64 stands for, plus one; 0: it is none. The library's decoder takes the same time
 * whatever the data, as keys need it and certificates, thousands of which are read at start, do not. */
static uint8_t base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A' + 1);
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 27);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 53);
    return c == '+' ? 63 : c == '/' ? 64 : 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* out has room for 3 bytes for each 4 characters begun; the number of bytes, 0 when it is no base64. */
static size_t base64_decode(const char *s, const char *end, uint8_t *out)
{
    uint32_t bits = 0;
    unsigned characters = 0; /* of a group of four */
    unsigned padding = 0;
    size_t n = 0;

    for (; s < end; s++) {
        uint8_t value = base64_value(*s);

        if (value == 0) {
            if (*s == '=' && characters >= 2 && characters + padding < 4)
                padding++;
            else if (!is_blank(*s))
                return 0;
            continue;
        }
        if (padding > 0)
            return 0;
        bits = bits << 6 | (uint32_t)(value - 1);
        characters++;
        if (characters == 4) {
            out[n++] = (uint8_t)(bits >> 16);
            out[n++] = (uint8_t)(bits >> 8);
            out[n++] = (uint8_t)bits;
            characters = 0;
        }
    }
    if ((characters + padding) % 4 != 0 || (characters == 2 && (bits & 15) != 0) ||
        (characters == 3 && (bits & 3) != 0))
        return 0;
    if (characters >= 2)
        out[n++] = (uint8_t)(characters == 3 ? bits >> 10 : bits >> 4);
    if (characters == 3)
        out[n++] = (uint8_t)(bits >> 2);
    return n;
}

void pem_reader_init(struct pem_reader *r, const char *text, size_t len, bool strict)
{
    *r = (struct pem_reader){.p = text, .end = text + len, .strict = strict};
}

/* Moves r->p behind the next BEGIN line's mark; *found is false at the end of the text. */
static bool find_begin(struct pem_reader *r, bool *found, struct err *e)
{
    const size_t mark_len = sizeof begin_mark - 1;
    const char *p = r->p;

    *found = false;
    if (r->strict) {
        while (p < r->end && is_blank(*p))
            p++;
        if (p == r->end) {
            r->p = p;
            return true;
        }
        if ((size_t)(r->end - p) < mark_len || memcmp(p, begin_mark, mark_len) != 0)
            return err_set(e, ERR_CLASS_TRANSIENT, "there is something else than PEM certificates in it");
    } else {
        p = memmem(p, (size_t)(r->end - p), begin_mark, mark_len);
        if (p == NULL) {
            r->p = r->end;
            return true;
        }
    }
    r->p = p + mark_len;
    *found = true;
    return true;
}

bool pem_next_certificate(struct pem_reader *r, uint8_t **der, size_t *len, struct err *e)
{
    const char *stop;
    uint8_t *out;
    size_t n;
    bool found;

    if (!find_begin(r, &found, e))
        return false;
    if (!found) {
        *der = NULL;
        *len = 0;
        return true;
    }
    stop = memmem(r->p, (size_t)(r->end - r->p), end_mark, sizeof end_mark - 1);
    if (stop == NULL)
        return err_set(e, ERR_CLASS_TRANSIENT, "a PEM certificate has no END line: the text is cut short");
    out = malloc((size_t)(stop - r->p) / 4 * 3 + 3);
    if (out == NULL)
        return err_nomem(e, "certificate");
    n = base64_decode(r->p, stop, out);
    if (n == 0) {
        free(out);
        return err_set(e, ERR_CLASS_TRANSIENT, "a PEM certificate is not valid base64");
    }
    r->p = stop + sizeof end_mark - 1;
    *der = out;
    *len = n;
    return true;
}
