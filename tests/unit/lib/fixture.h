/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_FIXTURE_H
#define ACMED_TEST_FIXTURE_H

/* Keys and certificates of tests/unit/data/crypto, made by tests/unit/data/make_crypto.py. */

#include "tests/unit/test.h"

#include "lib/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A fixture's text, NUL-terminated; the caller frees. */
static inline char *fixture_read(const char *name, size_t *len)
{
    char path[512];
    char *data = calloc(1, 64 * 1024);
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof path, TEST_DATA "/crypto/%s", name);
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_non_null(data);
    n = fread(data, 1, 64 * 1024 - 1, f);
    (void)fclose(f);
    assert_true(n > 0);
    if (len != NULL)
        *len = n;
    return data;
}

static inline struct key *fixture_key(const char *name)
{
    struct err e = {0};
    size_t len;
    char *pem = fixture_read(name, &len);
    struct key *k = key_from_pem(pem, len, &e);

    if (k == NULL)
        fail_msg("%s: %s", name, e.text);
    free(pem);
    return k;
}

/* Decodes base64url; the length. out has room for max bytes. */
static inline size_t fixture_b64url(const char *s, size_t s_len, uint8_t *out, size_t max)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t v = 0;
    unsigned bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < s_len; i++) {
        const char *at = strchr(alphabet, s[i]);

        assert_non_null(at);
        v = v << 6 | (uint32_t)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            assert_true(n < max);
            out[n++] = (uint8_t)(v >> bits);
        }
    }
    return n;
}

#endif
