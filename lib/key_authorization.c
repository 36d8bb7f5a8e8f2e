/* SPDX-License-Identifier: MIT */
#include "lib/key_authorization.h"

#include "lib/b64.h"
#include "lib/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *key_authorization(const char *token, const char *thumbprint)
{
    char *text;

    return asprintf(&text, "%s.%s", token, thumbprint) < 0 ? NULL : text;
}

bool key_authorization_digest(const char *token, const char *thumbprint,
                              uint8_t digest[KEY_AUTHORIZATION_DIGEST])
{
    char *text = key_authorization(token, thumbprint);
    bool ok = text != NULL && crypto_hash(MBEDTLS_MD_SHA256, text, strlen(text), digest);

    free(text);
    return ok;
}

char *key_authorization_txt(const char *token, const char *thumbprint)
{
    uint8_t digest[KEY_AUTHORIZATION_DIGEST];

    if (!key_authorization_digest(token, thumbprint, digest))
        return NULL;
    return b64url_encode(digest, sizeof digest);
}
