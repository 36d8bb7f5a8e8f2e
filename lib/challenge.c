/* SPDX-License-Identifier: MIT */
#include "lib/challenge.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool wildcard;
    bool ip;
    bool dns;
} types[] = {
    [CHALLENGE_TYPE_HTTP_01] = {.name = "http-01", .ip = true},
    [CHALLENGE_TYPE_TLS_ALPN_01] = {.name = "tls-alpn-01", .ip = true},
    [CHALLENGE_TYPE_DNS_01] = {.name = "dns-01", .wildcard = true, .dns = true},
};
static_assert(sizeof types / sizeof types[0] == CHALLENGE_TYPE_COUNT, "every type is described");

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

char *challenge_record_name(enum challenge_type type, const char *identifier)
{
    char *name;

    (void)type;
    return asprintf(&name, "_acme-challenge.%s", identifier) < 0 ? NULL : name;
}
