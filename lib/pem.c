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

void pem_reader_init(struct pem_reader *r, const char *text, size_t len, bool strict)
{
    *r = (struct pem_reader){.p = text, .end = text + len, .strict = strict};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
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
    size_t room;
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
    while (r->p < stop && is_blank(*r->p))
        r->p++;
    room = (size_t)(stop - r->p) / 4 * 3 + 3;
    out = malloc(room);
    if (out == NULL)
        return err_nomem(e, "certificate");
    if (mbedtls_base64_decode(out, room, &n, (const unsigned char *)r->p, (size_t)(stop - r->p)) != 0 ||
        n == 0) {
        free(out);
        return err_set(e, ERR_CLASS_TRANSIENT, "a PEM certificate is not valid base64");
    }
    r->p = stop + sizeof end_mark - 1;
    *der = out;
    *len = n;
    return true;
}
