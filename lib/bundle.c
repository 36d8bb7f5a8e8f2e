/* SPDX-License-Identifier: MIT */
#include "lib/bundle.h"

#include "lib/cert.h"
#include "lib/key.h"
#include "lib/pem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [BUNDLE_CERT] = "cert.pem",       [BUNDLE_CHAIN] = "chain.pem",     [BUNDLE_FULLCHAIN] = "fullchain.pem",
    [BUNDLE_PRIVKEY] = "privkey.pem", [BUNDLE_HAPROXY] = "haproxy.pem",
};
static_assert(sizeof names / sizeof names[0] == BUNDLE_FILES, "every file has its name");

const char *bundle_file_to_str(enum bundle_file f)
{
    return names[f];
}

bool bundle_file_is_secret(enum bundle_file f)
{
    return f == BUNDLE_PRIVKEY || f == BUNDLE_HAPROXY;
}

void bundle_init(struct bundle *b, size_t max)
{
    for (size_t i = 0; i < BUNDLE_FILES; i++)
        buf_init_secret(&b->file[i], max);
}

void bundle_clear(struct bundle *b)
{
    for (size_t i = 0; i < BUNDLE_FILES; i++)
        buf_clear(&b->file[i]);
}

static const char *text_of(const struct buf *b)
{
    return b->len > 0 ? b->data : "";
}

/* ---- whether they go together ---- */

/* The next certificate of two files in a row. */
struct reading {
    struct pem_reader now;
    struct pem_reader then;
    bool in_second;
};

static bool next(struct reading *r, uint8_t **der, size_t *len)
{
    if (!r->in_second) {
        if (!pem_next_certificate(&r->now, der, len, NULL))
            return false;
        if (*der != NULL)
            return true;
        r->in_second = true;
    }
    return pem_next_certificate(&r->then, der, len, NULL);
}

/* The certificates of `whole` are those of `first` and then those of `second`. */
static bool same_certificates(const struct buf *whole, const struct buf *first, const struct buf *second)
{
    struct pem_reader r;
    struct reading parts = {.in_second = false};
    bool same;
    bool more;

    pem_reader_init(&r, text_of(whole), whole->len, false);
    pem_reader_init(&parts.now, text_of(first), first->len, false);
    pem_reader_init(&parts.then, text_of(second), second->len, false);
    do {
        uint8_t *a = NULL;
        uint8_t *b = NULL;
        size_t a_len = 0;
        size_t b_len = 0;

        same = pem_next_certificate(&r, &a, &a_len, NULL) && next(&parts, &b, &b_len) && a_len == b_len &&
               (a_len == 0 || memcmp(a, b, a_len) == 0);
        more = a != NULL;
        free(a);
        free(b);
    } while (same && more);
    return same;
}

/* `whole` is `first` and then `second`, to the byte. */
static bool is_joined(const struct buf *whole, const struct buf *first, const struct buf *second)
{
    return whole->len == first->len + second->len &&
           memcmp(text_of(whole), text_of(first), first->len) == 0 &&
           memcmp(text_of(whole) + first->len, text_of(second), second->len) == 0;
}

/* The leaf of cert.pem belongs to the key of privkey.pem. */
static bool check_key(const struct bundle *b, struct err *e)
{
    const struct buf *cert = &b->file[BUNDLE_CERT];
    const struct buf *pem = &b->file[BUNDLE_PRIVKEY];
    struct key *key = key_from_pem(text_of(pem), pem->len, e);
    bool ok = key != NULL && cert_check_key(text_of(cert), cert->len, key, e);

    key_free(key);
    return ok;
}

/* A key's text without the white space at its end. */
static size_t trimmed(const struct buf *pem)
{
    size_t n = pem->len;

    while (n > 0 && strchr(" \t\r\n", pem->data[n - 1]) != NULL)
        n--;
    return n;
}

/* haproxy.pem as somebody else may have written it: the certificates in their order, and the key somewhere.
 * The key's text must be the same: readers differ in what they overlook in one that is damaged. */
static bool is_assembled(const struct bundle *b)
{
    const struct buf *haproxy = &b->file[BUNDLE_HAPROXY];
    const struct buf *key = &b->file[BUNDLE_PRIVKEY];
    const struct buf nothing = {0};

    return same_certificates(haproxy, &b->file[BUNDLE_FULLCHAIN], &nothing) &&
           memmem(text_of(haproxy), haproxy->len, text_of(key), trimmed(key)) != NULL;
}

bool bundle_check(const struct bundle *b, struct err *e)
{
    const struct buf *f = b->file;

    for (size_t i = 0; i < BUNDLE_FILES; i++)
        if (i != BUNDLE_CHAIN && f[i].len == 0)
            return err_set(e, ERR_CLASS_INTERNAL, "%s is missing or empty", names[i]);
    if (!is_joined(&f[BUNDLE_FULLCHAIN], &f[BUNDLE_CERT], &f[BUNDLE_CHAIN]) &&
        !same_certificates(&f[BUNDLE_FULLCHAIN], &f[BUNDLE_CERT], &f[BUNDLE_CHAIN]))
        return err_set(e, ERR_CLASS_INTERNAL, "fullchain.pem is not cert.pem and chain.pem");
    if (!check_key(b, e)) {
        if (e != NULL)
            e->class = ERR_CLASS_INTERNAL;
        return err_wrap(e, "privkey.pem is not the key of cert.pem");
    }
    if (!is_joined(&f[BUNDLE_HAPROXY], &f[BUNDLE_FULLCHAIN], &f[BUNDLE_PRIVKEY]) && !is_assembled(b))
        return err_set(e, ERR_CLASS_INTERNAL, "haproxy.pem is not fullchain.pem and privkey.pem");
    return true;
}

/* ---- repair ---- */

static bool join(struct buf *out, const struct buf *first, const struct buf *second)
{
    return buf_add(out, text_of(first), first->len) && buf_add(out, text_of(second), second->len);
}

static bool without_start(struct buf *out, const struct buf *whole, const struct buf *start)
{
    return whole->len >= start->len && memcmp(text_of(whole), text_of(start), start->len) == 0 &&
           buf_add(out, text_of(whole) + start->len, whole->len - start->len);
}

static bool without_end(struct buf *out, const struct buf *whole, const struct buf *end)
{
    return whole->len >= end->len &&
           memcmp(text_of(whole) + whole->len - end->len, text_of(end), end->len) == 0 &&
           buf_add(out, text_of(whole), whole->len - end->len);
}

/* What the file would be if the others are right. */
static bool derive(const struct buf *f, enum bundle_file which, struct buf *out)
{
    switch (which) {
    case BUNDLE_CERT:
        return without_end(out, &f[BUNDLE_FULLCHAIN], &f[BUNDLE_CHAIN]);
    case BUNDLE_CHAIN:
        return without_start(out, &f[BUNDLE_FULLCHAIN], &f[BUNDLE_CERT]);
    case BUNDLE_FULLCHAIN:
        return join(out, &f[BUNDLE_CERT], &f[BUNDLE_CHAIN]);
    case BUNDLE_PRIVKEY:
        return without_start(out, &f[BUNDLE_HAPROXY], &f[BUNDLE_FULLCHAIN]);
    case BUNDLE_HAPROXY:
        return join(out, &f[BUNDLE_FULLCHAIN], &f[BUNDLE_PRIVKEY]);
    case BUNDLE_FILES:
        break;
    }
    return false;
}

/* As acmed writes it; with fewer certificates in chain.pem two files could be held to be the damaged one. */
static bool has_one_leaf(const struct bundle *b)
{
    struct pem_reader r;
    uint8_t *der = NULL;
    size_t len;
    bool one;

    pem_reader_init(&r, text_of(&b->file[BUNDLE_CERT]), b->file[BUNDLE_CERT].len, false);
    one = pem_next_certificate(&r, &der, &len, NULL) && der != NULL;
    free(der);
    der = NULL;
    one = one && pem_next_certificate(&r, &der, &len, NULL) && der == NULL;
    free(der);
    return one;
}

/* privkey.pem is, to the byte, what acmed writes for that key. */
static bool is_own_key(const struct bundle *b)
{
    const struct buf *pem = &b->file[BUNDLE_PRIVKEY];
    struct key *key = key_from_pem(text_of(pem), pem->len, NULL);
    struct buf ours;
    bool same;

    buf_init_secret(&ours, pem->max);
    same = key != NULL && key_to_pem(key, &ours, NULL) && ours.len == pem->len &&
           memcmp(ours.data, pem->data, ours.len) == 0;
    buf_clear(&ours);
    key_free(key);
    return same;
}

static bool has_key(const struct buf *haproxy)
{
    static const char mark[] = "PRIVATE KEY-----";

    return memmem(text_of(haproxy), haproxy->len, mark, sizeof mark - 1) != NULL;
}

/* Where two files hold the key and differ, the one that is as acmed wrote it is the right one. */
static bool is_proven(const struct bundle *b, enum bundle_file f, const struct buf *damaged)
{
    return has_one_leaf(b) && bundle_check(b, NULL) &&
           (!bundle_file_is_secret(f) || is_own_key(b) || (f == BUNDLE_HAPROXY && !has_key(damaged)));
}

bool bundle_repair(struct bundle *b, enum bundle_file *which)
{
    for (enum bundle_file f = BUNDLE_CERT; f < BUNDLE_FILES; f++) {
        struct buf damaged = b->file[f];
        struct buf derived;

        buf_init_secret(&derived, damaged.max);
        if (derive(b->file, f, &derived)) {
            b->file[f] = derived;
            if (is_proven(b, f, &damaged)) {
                buf_clear(&damaged);
                *which = f;
                return true;
            }
            b->file[f] = damaged;
        }
        buf_clear(&derived);
    }
    return false;
}
