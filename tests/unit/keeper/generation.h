/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_KEEPER_GENERATION_H
#define ACMED_TEST_KEEPER_GENERATION_H

/* Generations whose files go together, from tests/unit/data/crypto. */

#include "tests/unit/keeper/committed.h"
#include "tests/unit/keeper/fixture.h"

#include "daemon/random.h"
#include "lib/key.h"

static inline int generation_setup(void **state)
{
    struct err e;

    (void)state;
    return crypto_init(random_bytes, &e) ? 0 : -1;
}

static inline int generation_teardown(void **state)
{
    (void)state;
    crypto_free();
    return 0;
}

static inline void generation_read(struct buf *out, const char *name)
{
    char path[512];
    char text[8192];
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof path, TEST_DATA "/crypto/%s", name);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    assert_true(n > 0 && buf_add(out, text, n));
}

/* Its number; the keys are the keeper's own. */
static inline uint64_t generation_add(const struct store *s, const char *lineage)
{
    struct buf cert, chain, full, text, key, haproxy;
    struct key *parsed;
    struct err e = {0};
    uint64_t generation = 0;

    buf_init(&cert, 65536);
    buf_init(&chain, 65536);
    buf_init(&full, 65536);
    buf_init(&text, 65536);
    buf_init(&key, 65536);
    buf_init(&haproxy, 65536);
    generation_read(&cert, "leaf.pem");
    generation_read(&chain, "int.pem");
    generation_read(&text, "p256.key");
    parsed = key_from_pem(text.data, text.len, &e);
    assert_true(parsed != NULL && key_to_pem(parsed, &key, &e));
    key_free(parsed);
    buf_clear(&text);
    assert_true(buf_add(&full, cert.data, cert.len) && buf_add(&full, chain.data, chain.len));
    assert_true(buf_add(&haproxy, full.data, full.len) && buf_add(&haproxy, key.data, key.len));
    {
        const struct file_content files[] = {
            {"cert.pem", cert.data, cert.len, FILE_PUBLIC},
            {"chain.pem", chain.data, chain.len, FILE_PUBLIC},
            {"fullchain.pem", full.data, full.len, FILE_PUBLIC},
            {"privkey.pem", key.data, key.len, FILE_PRIVATE},
            {"haproxy.pem", haproxy.data, haproxy.len, FILE_PRIVATE},
        };

        if (!commit_generation(s, lineage, files, 5, &generation, &e))
            fail_msg("%s", e.text);
    }
    buf_clear(&cert);
    buf_clear(&chain);
    buf_clear(&full);
    buf_clear(&key);
    buf_clear(&haproxy);
    return generation;
}

#endif
