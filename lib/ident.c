/* SPDX-License-Identifier: MIT */
#include "lib/ident_idn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const type_names[] = {[IDENT_DNS] = "dns", [IDENT_IP] = "ip"};

static_assert(IDENT_ADDRESS_MAX < INET6_ADDRSTRLEN, "every address fits");

const char *ident_type_to_str(enum ident_type type)
{
    return type_names[type];
}

size_t ident_address_bytes(const char *s, uint8_t out[16])
{
    uint8_t bytes[16];
    size_t n = inet_pton(AF_INET, s, bytes) == 1 ? 4 : inet_pton(AF_INET6, s, bytes) == 1 ? 16 : 0;

    memcpy(out, bytes, n);
    return n;
}

bool ident_is_address(const char *s)
{
    uint8_t bytes[16];

    return ident_address_bytes(s, bytes) > 0;
}

bool ident_from_address(const uint8_t *bytes, size_t len, char out[IDENT_ADDRESS_MAX + 1])
{
    char text[INET6_ADDRSTRLEN];

    if ((len != 4 && len != 16) || inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text) == NULL)
        return false;
    /* The C library writes the last four bytes dotted where the address may be one of IPv4 (RFC 5952 section
     * 5); ACME wants section 4 alone. */
    if (len == 16 && strchr(text, '.') != NULL)
        (void)snprintf(text, sizeof text, "::%s%x:%x", bytes[10] == 0xff ? "ffff:" : "",
                       (unsigned)bytes[12] << 8 | bytes[13], (unsigned)bytes[14] << 8 | bytes[15]);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

bool ident_read(const char *type, const char *value, char out[IDENT_MAX + 1])
{
    uint8_t bytes[16];
    size_t n = ident_address_bytes(value, bytes);
    size_t len = strlen(value);

    if (strcmp(type, type_names[IDENT_IP]) == 0)
        return n > 0 && ident_from_address(bytes, n, out);
    /* An address as a DNS name would be taken for the address. */
    if (strcmp(type, type_names[IDENT_DNS]) != 0 || n > 0)
        return false;
    if (len > 1 && value[len - 1] == '.')
        len--;
    if (len == 0 || len > IDENT_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)value[i]);
    out[len] = '\0';
    return !ident_is_address(out);
}

enum ident_type ident_type(const char *ident)
{
    return ident_is_address(ident) ? IDENT_IP : IDENT_DNS;
}

bool ident_is_wildcard(const char *ident)
{
    return ident[0] == '*' && ident[1] == '.';
}

const char *ident_base(const char *ident)
{
    return ident_is_wildcard(ident) ? ident + 2 : ident;
}

bool ident_covers(const char *ident, const char *host)
{
    const char *dot = strchr(host, '.');

    if (strcmp(ident, host) == 0)
        return true;
    return ident_is_wildcard(ident) && dot != NULL && dot != host && !ident_is_wildcard(host) &&
           ident_type(host) == IDENT_DNS && strcmp(ident + 2, dot + 1) == 0;
}

/* ---- what public CAs issue for ---- */

struct network {
    uint8_t bytes[16];
    unsigned bits;
    const char *what;
};

static bool is_within(const uint8_t *address, const struct network *n)
{
    unsigned whole = n->bits / 8;
    unsigned rest = n->bits % 8;

    return memcmp(address, n->bytes, whole) == 0 &&
           (rest == 0 || ((address[whole] ^ n->bytes[whole]) >> (8 - rest)) == 0);
}

/* From IANA's registries of special-purpose addresses (RFC 6890). */
static const char *address_not_public(const uint8_t *bytes, size_t n)
{
    static const struct network v4[] = {
        {{0}, 8, "a reserved address"},
        {{10}, 8, "a private address"},
        {{100, 64}, 10, "an address behind a carrier's NAT"},
        {{127}, 8, "a loopback address"},
        {{169, 254}, 16, "a link-local address"},
        {{172, 16}, 12, "a private address"},
        {{192, 0, 0}, 24, "a reserved address"},
        {{192, 0, 2}, 24, "an address for documentation"},
        {{192, 168}, 16, "a private address"},
        {{198, 18}, 15, "a reserved address"},
        {{198, 51, 100}, 24, "an address for documentation"},
        {{203, 0, 113}, 24, "an address for documentation"},
    };
    static const struct network v6[] = {
        {{[15] = 1}, 128, "a loopback address"},
        {{0x20, 0x01, 0x0d, 0xb8}, 32, "an address for documentation"},
        {{0xfc}, 7, "a private address"},
        {{0xfe, 0x80}, 10, "a link-local address"},
    };
    const struct network *list = n == 4 ? v4 : v6;
    size_t count = n == 4 ? sizeof v4 / sizeof v4[0] : sizeof v6 / sizeof v6[0];

    for (size_t i = 0; i < count; i++)
        if (is_within(bytes, &list[i]))
            return list[i].what;
    return n == 4 || (bytes[0] & 0xe0) == 0x20 ? NULL : "a reserved address";
}

const char *ident_not_public(const char *ident)
{
    static const char *const local[] = {"local", "localhost", "internal", "lan", "home", "corp", "intranet"};
    uint8_t bytes[16];
    size_t n = ident_address_bytes(ident, bytes);
    const char *dot = strrchr(ident, '.');

    if (n > 0)
        return address_not_public(bytes, n);
    if (dot == NULL)
        return "a single label";
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (strcmp(dot + 1, local[i]) == 0)
            return "a name that exists on local networks only";
    return NULL;
}

/* ---- what servers and people are told ---- */

bool ident_server_name(const struct strv *names, const char *host, char out[IDENT_MAX + 1])
{
    const char *wildcard = NULL;

    for (size_t i = 0; i < names->n; i++) {
        if (ident_type(names->v[i]) != IDENT_DNS)
            continue;
        if (!ident_is_wildcard(names->v[i])) {
            (void)snprintf(out, IDENT_MAX + 1, "%s", names->v[i]);
            return true;
        }
        if (wildcard == NULL)
            wildcard = names->v[i];
    }
    if (wildcard == NULL)
        return false;
    for (size_t i = 0; ident_type(host) == IDENT_DNS && i < names->n; i++) {
        if (ident_covers(names->v[i], host)) {
            (void)snprintf(out, IDENT_MAX + 1, "%s", host);
            return true;
        }
    }
    (void)snprintf(out, IDENT_MAX + 1, "%s%s", strlen(wildcard) + 2 <= IDENT_MAX ? "www." : "w.",
                   wildcard + 2);
    return true;
}

char *ident_to_unicode(const char *ident)
{
    char *unicode = ident_idn_to_unicode(ident_base(ident));
    char *out = NULL;

    if (unicode != NULL && asprintf(&out, "%s%s", ident_is_wildcard(ident) ? "*." : "", unicode) < 0)
        out = NULL;
    free(unicode);
    return out;
}

char *ident_to_people(const char *ident)
{
    char *unicode = ident_to_unicode(ident);
    char *out = NULL;

    if (unicode == NULL)
        return strdup(ident);
    if (asprintf(&out, "%s (%s)", unicode, ident) < 0)
        out = NULL;
    free(unicode);
    return out;
}
