/* SPDX-License-Identifier: MIT */
#include "lib/challenge.h"

#include "lib/crypto.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define LABEL_BYTES 10                    /* of the digest that make an account's label */
#define LABEL_CHARS (LABEL_BYTES / 5 * 8) /* in base32 */

static const struct {
    const char *name;
    bool wildcard;
    bool ip;
    bool dns;
} types[] = {
    [CHALLENGE_TYPE_HTTP_01] = {.name = "http-01", .ip = true},
    [CHALLENGE_TYPE_TLS_ALPN_01] = {.name = "tls-alpn-01", .ip = true},
    [CHALLENGE_TYPE_DNS_01] = {.name = "dns-01", .wildcard = true, .dns = true},
    [CHALLENGE_TYPE_DNS_ACCOUNT_01] = {.name = "dns-account-01", .wildcard = true, .dns = true},
    [CHALLENGE_TYPE_DNS_PERSIST_01] = {.name = "dns-persist-01", .wildcard = true},
};
static_assert(sizeof types / sizeof types[0] == CHALLENGE_TYPE_COUNT, "every type is described");
static_assert(CHALLENGE_LABEL_MAX == 1 + LABEL_CHARS + 1, "a label fits");

const char *challenge_type_to_str(enum challenge_type type)
{
    return (unsigned)type < CHALLENGE_TYPE_COUNT ? types[type].name : "unknown";
}

bool challenge_type_from_str(const char *s, enum challenge_type *type)
{
    for (unsigned i = 0; i < CHALLENGE_TYPE_COUNT; i++) {
        if (strcmp(s, types[i].name) == 0) {
            *type = (enum challenge_type)i;
            return true;
        }
    }
    return false;
}

bool challenge_type_proves_wildcard(enum challenge_type type)
{
    return types[type].wildcard;
}

bool challenge_type_proves_ip(enum challenge_type type)
{
    return types[type].ip;
}

bool challenge_type_is_dns(enum challenge_type type)
{
    return types[type].dns;
}

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

/* base32 (RFC 4648 section 6) in lower case; n: a multiple of 5. */
static void base32(const uint8_t *bytes, size_t n, char *out)
{
    uint64_t five = 0;

    for (size_t i = 0; i < n; i++) {
        five = five << 8 | bytes[i];
        for (unsigned shift = 40; i % 5 == 4 && shift > 0;) {
            shift -= 5;
            *out++ = digits[five >> shift & 31];
        }
    }
    *out = '\0';
}

bool challenge_label(const char *account_url, char out[CHALLENGE_LABEL_MAX])
{
    uint8_t digest[32];

    if (!crypto_hash(MBEDTLS_MD_SHA256, account_url, strlen(account_url), digest))
        return false;
    out[0] = '_';
    base32(digest, LABEL_BYTES, out + 1);
    return true;
}

char *challenge_record_name(enum challenge_type type, const char *identifier, const char *account_url)
{
    char label[CHALLENGE_LABEL_MAX];
    char *name;
    int n;

    if (type == CHALLENGE_TYPE_DNS_PERSIST_01) {
        n = asprintf(&name, "_validation-persist.%s", identifier);
    } else if (type != CHALLENGE_TYPE_DNS_ACCOUNT_01) {
        n = asprintf(&name, "_acme-challenge.%s", identifier);
    } else if (challenge_label(account_url, label)) {
        n = asprintf(&name, "%s._acme-challenge.%s", label, identifier);
    } else {
        return NULL;
    }
    return n < 0 ? NULL : name;
}

size_t challenge_account_label(const char *record_name)
{
    if (record_name[0] != '_' || strspn(record_name + 1, digits) != LABEL_CHARS ||
        record_name[1 + LABEL_CHARS] != '.')
        return 0;
    return 1 + LABEL_CHARS + 1;
}
