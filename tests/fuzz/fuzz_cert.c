/* SPDX-License-Identifier: MIT */
#include "tests/unit/draw.h"
#include "lib/cert.h"
#include "lib/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1769904000) /* 2026-02-01 */

static void check_facts(const struct cert_facts *f)
{
    for (size_t i = 0; i < f->names.n; i++) {
        assert(f->names.v[i][0] != '\0');
        assert(i == 0 || strcmp(f->names.v[i - 1], f->names.v[i]) < 0);
    }
    for (size_t left = strlen(f->issuer), n; left > 0; left -= n) {
        n = utf8_char(f->issuer + strlen(f->issuer) - left, left);
        assert(n > 0);
    }
    assert(strspn(f->serial, "0123456789abcdef") == strlen(f->serial) && f->serial[0] != '\0');
}

/* The input is PEM or DER. As a chain it is held against a key that it cannot be for: all up to the
 * comparison of keys is reached, and nothing may be accepted. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct key *key;
    struct cert_facts f = {0};
    struct cert_chain c = {0};
    struct strv names = {0};
    uint8_t print[32];

    if (key == NULL) {
        assert(crypto_init(draw, NULL));
        key = key_generate(KEY_TYPE_ECDSA_P256, NULL);
        assert(key != NULL);
    }
    if (cert_facts_parse(&f, (const char *)data, size, NULL)) {
        check_facts(&f);
        cert_facts_clear(&f);
    }
    (void)cert_fingerprint((const char *)data, size, print, NULL);
    assert(!cert_chain_check(&c, (const char *)data, size, key, &names, NOW, NULL));
    return 0;
}
