/* SPDX-License-Identifier: MIT */
#include "lib/ident.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

bool ident_is_address(const char *s)
{
    unsigned char address[16];

    return inet_pton(AF_INET, s, address) == 1 || inet_pton(AF_INET6, s, address) == 1;
}

static bool has_non_ascii(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s >= 0x80)
            return true;
    return false;
}

/* Words for what people write here in place of a DNS name; false when s is one of these. */
static bool check_kind(const char *s, struct err *e)
{
    if (strchr(s, '*') != NULL)
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%.80s\": wildcards are not supported yet (they need a dns-01 challenge); list the names", s);
    if (ident_is_address(s) || s[0] == '[')
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\": IP addresses are not supported yet; give a DNS name",
                       s);
    if (has_non_ascii(s))
        return err_set(
            e, ERR_CLASS_CONFIG,
            "\"%.80s\": international names are not converted yet; write the labels in their xn-- form", s);
    if (strstr(s, "://") != NULL || strchr(s, '/') != NULL)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is a URL or path; give the DNS name alone", s);
    if (strchr(s, ':') != NULL)
        return err_set(e, ERR_CLASS_CONFIG,
                       "\"%.80s\" contains a colon; give the DNS name alone, without a port", s);
    if (strchr(s, ',') != NULL)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" contains a comma; names are separated by blanks", s);
    return true;
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
        if (!isalnum((unsigned char)label[i]) && label[i] != '-')
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.80s\" is no DNS name: only letters, digits, hyphens and dots are allowed",
                           name);
    }
    if (label[0] == '-' || label[n - 1] == '-')
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no DNS name: a label begins or ends with a hyphen",
                       name);
    return true;
}

bool ident_dns(const char *s, char out[IDENT_DNS_MAX + 1], struct err *e)
{
    size_t len = strlen(s);
    const char *label = s;
    size_t n;

    if (!check_kind(s, e))
        return false;
    if (len > 0 && s[len - 1] == '.')
        len--;
    if (len == 0)
        return err_set(e, ERR_CLASS_CONFIG, "a DNS name is missing");
    if (len > IDENT_DNS_MAX)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s...\" is longer than the %d bytes a DNS name may have", s,
                       IDENT_DNS_MAX);
    for (;;) {
        n = strcspn(label, ".");
        if (!check_label(label, n, s, e))
            return false;
        if (label + n >= s + len)
            break;
        label += n + 1;
    }
    if (strspn(label, "0123456789") >= n)
        return err_set(e, ERR_CLASS_CONFIG, "\"%.80s\" is no DNS name: its last label is a number", s);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)s[i]);
    out[len] = '\0';
    return true;
}
