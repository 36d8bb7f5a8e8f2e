/* SPDX-License-Identifier: MIT */
/* Identifiers as administrators write them: what they mean, and what is wrong with them. */

#include "lib/ident_idn.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WRITTEN_MAX (4 * IDENT_MAX) /* bytes: a character of UTF-8 has up to four */

static bool has_non_ascii(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s >= 0x80)
            return true;
    return false;
}

/* s[0..n) is an address. */
static bool is_address_n(const char *s, size_t n)
{
    char copy[64];

    if (n == 0 || n >= sizeof copy)
        return false;
    memcpy(copy, s, n);
    copy[n] = '\0';
    return ident_is_address(copy);
}

/* "2001:db8::/32", "fe80::1%eth0", "[2001:db8::1]:443", "192.0.2.1:443": an address and something else. */
static bool check_address_like(const char *s, struct err *e)
{
    size_t n = strcspn(s, "/%]");
    const char *inner = s[0] == '[' ? s + 1 : s;
    const char *colon = strrchr(s, ':');

    if (s[n] == '/' && is_address_n(s, n))
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" is a network: certificates hold single addresses; write each without `%s`",
                       s, s + n);
    if (s[n] == '%' && is_address_n(inner, (size_t)(s + n - inner)))
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\": an address with a scope id means nothing to a CA: write one that others "
                       "can reach",
                       s);
    if (s[0] == '[')
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\": write an IPv6 address alone, without brackets%s", s,
                       s[n] == ']' && s[n + 1] == ':' ? " and port" : "");
    if (colon != NULL && is_address_n(s, (size_t)(colon - s)) && strchr(s, ':') == colon)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is an address with a port: write the address alone",
                       s);
    return true;
}

/* Words for what people write in place of an identifier; false when s is one of these. */
static bool check_kind(const char *s, struct err *e)
{
    if (!check_address_like(s, e))
        return false;
    if (strstr(s, "://") != NULL || strchr(s, '/') != NULL)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is a URL or path; give the DNS name alone", s);
    if (strchr(s, ':') != NULL && strchr(s, ':') != strrchr(s, ':'))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" contains colons, but is no IPv6 address", s);
    if (strchr(s, ':') != NULL)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" contains a colon; give the DNS name alone, without a port", s);
    if (strchr(s, ',') != NULL)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" contains a comma; names are separated by blanks", s);
    if (strchr(s, '@') != NULL)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is an e-mail address; give a DNS name", s);
    return true;
}

static bool is_letter_or_digit(char c)
{
    return isalnum((unsigned char)c) != 0;
}

static bool check_label(const char *label, size_t n, const char *name, struct err *e)
{
    if (n == 0)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" is no DNS name: it has an empty label (two dots in a row?)", name);
    if (n > 63)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" is no DNS name: the label \"%.63s...\" is longer than 63 bytes", name,
                       label);
    for (size_t i = 0; i < n; i++) {
        if (label[i] == '_')
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.80s\" contains an underscore, which certificates cannot have", name);
        if (!is_letter_or_digit(label[i]) && label[i] != '-')
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.80s\" is no DNS name: only letters, digits, hyphens and dots are allowed",
                           name);
    }
    if (label[0] == '-' || label[n - 1] == '-')
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no DNS name: a label begins or ends with a hyphen",
                       name);
    return true;
}

/* All labels of s[0..len), which is as DNS has it; name: as it was written. */
static bool check_labels(const char *s, size_t len, const char *name, struct err *e)
{
    const char *label = s;
    size_t n;

    for (;;) {
        n = strcspn(label, ".");
        if (!check_label(label, n, name, e))
            return false;
        if (label + n >= s + len)
            break;
        label += n + 1;
    }
    if (strspn(label, "0123456789") >= n)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" is neither an address nor a DNS name: its last label is a number", name);
    return true;
}

/* What stands around the international characters must be right as it is: the library does not look at it. */
static bool check_ascii_part(const char *s, struct err *e)
{
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p < 0x80 && *p != '.' && *p != '-' && !is_letter_or_digit(*p))
            return check_label(p, 1, s, e);
    return true;
}

/* A name of labels, without wildcard. written: as it was given, for messages. */
static bool parse_name(const char *s, const char *written, char out[IDENT_MAX + 1], struct err *e)
{
    char name[IDENT_MAX + 1] = "";
    size_t len = strlen(s);

    if (len > 0 && s[len - 1] == '.')
        len--;
    if (len == 0)
        return err_set(e, ERR_CLASS_CONFIG, "a DNS name is missing");
    if (len > WRITTEN_MAX || (len > IDENT_MAX && !has_non_ascii(s)))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is longer than the %d bytes a DNS name may have",
                       written, IDENT_MAX);
    if (has_non_ascii(s)) {
        if (!check_ascii_part(s, e) || !ident_idn_to_ascii(s, name, e))
            return false;
        len = strlen(name);
    } else {
        for (size_t i = 0; i < len; i++)
            name[i] = (char)tolower((unsigned char)s[i]);
        name[len] = '\0';
    }
    if (!check_labels(name, len, written, e) || !ident_idn_check(name, e))
        return false;
    memcpy(out, name, len + 1);
    return true;
}

bool ident_dns(const char *s, char out[IDENT_MAX + 1], struct err *e)
{
    if (strchr(s, '*') != NULL)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is a wildcard; give the name of a host", s);
    if (ident_is_address(s))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is an IP address; give a DNS name", s);
    return check_kind(s, e) && parse_name(s, s, out, e);
}

static bool parse_address(const char *s, char out[IDENT_MAX + 1], struct err *e)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t bytes[16];
    size_t n = ident_address_bytes(s, bytes);
    bool zero = true;

    for (size_t i = 0; i < n; i++)
        zero = zero && bytes[i] == 0;
    if (zero)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" means every address: write the one that clients connect to", s);
    if (n == 4 ? bytes[0] >= 224 : bytes[0] == 0xff)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is a multicast or reserved address: no host has it",
                       s);
    if (n == 16 && memcmp(bytes, mapped, sizeof mapped) == 0)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is an IPv4 address written as IPv6: write %u.%u.%u.%u",
                       s, bytes[12], bytes[13], bytes[14], bytes[15]);
    return ident_from_address(bytes, n, out);
}

static bool parse_wildcard(const char *s, char out[IDENT_MAX + 1], struct err *e)
{
    char base[IDENT_MAX + 1];

    if (s[0] != '*' || s[1] != '.' || strchr(s + 1, '*') != NULL)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\": in a wildcard the * is the whole first label and stands only there, as "
                       "in *.example.com",
                       s);
    if (ident_is_address(s + 2))
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\": there are no wildcards of addresses", s);
    if (!parse_name(s + 2, s, base, e))
        return false;
    if (strchr(base, '.') == NULL)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\": a wildcard of a single label is not accepted by clients; it needs two, as "
                       "in *.example.com",
                       s);
    if (strlen(base) + 2 > IDENT_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is longer than the %d bytes a DNS name may have", s,
                       IDENT_MAX);
    (void)snprintf(out, IDENT_MAX + 1, "*.%.251s", base);
    return true;
}

bool ident_parse(const char *s, char out[IDENT_MAX + 1], struct err *e)
{
    if (ident_is_address(s))
        return parse_address(s, out, e);
    if (!check_kind(s, e))
        return false;
    return strchr(s, '*') != NULL ? parse_wildcard(s, out, e) : parse_name(s, s, out, e);
}
