/* SPDX-License-Identifier: MIT */
#include "lib/jwk.h"

#include "lib/b64.h"
#include "lib/buf.h"
#include "lib/key_use.h"

#include <stdlib.h>

#define JWK_MAX 2048

/* What stands around the two numbers of a key. */
struct template
{
    const char *head;
    const char *middle;
    bool second_first; /* the exponent comes before the modulus */
};

static struct template template_of(enum key_type type)
{
    switch (type) {
    case KEY_TYPE_ECDSA_P256:
        return (struct template){"\"crv\":\"P-256\",\"kty\":\"EC\",\"x\"", "\"y\"", false};
    case KEY_TYPE_ECDSA_P384:
        return (struct template){"\"crv\":\"P-384\",\"kty\":\"EC\",\"x\"", "\"y\"", false};
    default:
        return (struct template){"\"e\"", "\"kty\":\"RSA\",\"n\"", true};
    }
}

char *jwk_public(const struct key *k, struct err *e)
{
    const struct template t = template_of(key_type(k));
    struct key_parts parts;
    struct buf b;
    char *first;
    char *second;
    char *out = NULL;

    if (!key_public_parts(k, &parts, e))
        return NULL;
    first = b64url_encode(parts.first, parts.first_len);
    second = b64url_encode(parts.second, parts.second_len);
    buf_init(&b, JWK_MAX);
    if (first != NULL && second != NULL) {
        buf_addf(&b, "{%s:\"%s\",%s:\"%s\"}", t.head, t.second_first ? second : first, t.middle,
                 t.second_first ? first : second);
        out = buf_take(&b, NULL);
    }
    if (out == NULL)
        err_nomem(e, "JSON Web Key");
    buf_clear(&b);
    free(first);
    free(second);
    return out;
}
