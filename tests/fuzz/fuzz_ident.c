/* SPDX-License-Identifier: MIT */
/* Identifiers: as an administrator writes them, as a CA names them, as a certificate holds them. */

#include "lib/ident.h"
#include "lib/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void must_be_canonical(const char *ident)
{
    char again[IDENT_MAX + 1];
    uint8_t bytes[16];
    size_t n = ident_address_bytes(ident, bytes);

    must(ident[0] != '\0' && strlen(ident) <= IDENT_MAX);
    must((n > 0) == (ident_type(ident) == IDENT_IP));
    must(strspn(ident, "*abcdefghijklmnopqrstuvwxyz0123456789-.:") == strlen(ident));
    must(ident_parse(ident, again, NULL) && strcmp(ident, again) == 0);
    must(ident_read(ident_type_to_str(ident_type(ident)), ident, again) && strcmp(ident, again) == 0);
    must(!ident_read(ident_type_to_str(n > 0 ? IDENT_DNS : IDENT_IP), ident, again));
    must(ident_covers(ident, ident));
    (void)ident_not_public(ident);
}

static void must_be_printable(const char *ident)
{
    char *text = ident_to_people(ident);
    size_t n;

    must(text != NULL);
    for (const char *p = text; *p != '\0'; p += n) {
        n = utf8_char(p, strlen(p));
        must(n > 0 && (unsigned char)*p >= 0x20);
    }
    free(text);
}

static void try_written(const char *text)
{
    char out[IDENT_MAX + 1] = "untouched";
    char host[IDENT_MAX + 1];
    struct strv names = {0};
    struct err e = {0};

    if (!ident_parse(text, out, &e)) {
        must(e.class == ERR_CLASS_CONFIG && strcmp(out, "untouched") == 0);
        return;
    }
    must_be_canonical(out);
    must_be_printable(out);
    must(strv_add(&names, out));
    if (ident_server_name(&names, "127.0.0.1", host))
        must(ident_covers(out, host) && !ident_is_wildcard(host) && ident_type(host) == IDENT_DNS);
    strv_clear(&names);
    must(ident_dns(text, host, NULL) == (ident_type(out) == IDENT_DNS && !ident_is_wildcard(out)));
}

static void try_read(const char *text)
{
    char out[IDENT_MAX + 1];

    if (ident_read("dns", text, out))
        must(ident_type(out) == IDENT_DNS && strlen(out) <= IDENT_MAX);
    if (ident_read("ip", text, out))
        must(ident_type(out) == IDENT_IP);
}

static void try_bytes(const uint8_t *data, size_t size)
{
    char text[IDENT_ADDRESS_MAX + 1];
    uint8_t back[16];

    must(ident_from_address(data, size, text) == (size == 4 || size == 16));
    if (size == 4 || size == 16)
        must(ident_address_bytes(text, back) == size && memcmp(back, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    try_bytes(data, size);
    if (strlen(text) == size) {
        try_written(text);
        try_read(text);
    }
    free(text);
    return 0;
}
