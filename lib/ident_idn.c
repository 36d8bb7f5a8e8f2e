/* SPDX-License-Identifier: MIT */
#include "lib/ident_idn.h"

#include <idn2.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS     (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)
#define PREFIX    "xn--"
#define LABEL_MAX 63

/* What is wrong, in words that end "...: it ". */
static const char *words(int rc)
{
    switch (rc) {
    case IDN2_ENCODING_ERROR:
        return "is no UTF-8";
    case IDN2_TOO_BIG_DOMAIN:
        return "is longer than a DNS name may be";
    case IDN2_TOO_BIG_LABEL:
        return "has a label that is longer than 63 bytes in its xn-- form";
    case IDN2_BIDI:
        return "mixes directions of writing within a label in a way that is not allowed (RFC 5893)";
    case IDN2_CONTEXTJ:
    case IDN2_CONTEXTJ_NO_RULE:
        return "has an invisible joiner in a place where that is not allowed (RFC 5892)";
    case IDN2_CONTEXTO:
    case IDN2_CONTEXTO_NO_RULE:
        return "has a character in a place where that is not allowed (RFC 5892)";
    case IDN2_LEADING_COMBINING:
        return "has a label that begins with a combining mark";
    case IDN2_HYPHEN_STARTEND:
        return "has a label that begins or ends with a hyphen";
    case IDN2_2HYPHEN:
        return "has a label with hyphens in third and fourth place, which only the xn-- form has";
    case IDN2_UNASSIGNED:
        return "has a character that this system's libidn2 does not know";
    case IDN2_PUNYCODE_BAD_INPUT:
    case IDN2_PUNYCODE_BIG_OUTPUT:
    case IDN2_PUNYCODE_OVERFLOW:
    case IDN2_INVALID_ALABEL:
    case IDN2_UALABEL_MISMATCH:
    case IDN2_INVALID_NONTRANSITIONAL:
        return "has a label that begins with xn-- and is none";
    default:
        return "has a character that international names cannot have (IDNA2008)";
    }
}

static bool refuse(const char *name, int rc, struct err *e)
{
    if (rc == IDN2_MALLOC)
        return err_nomem(e, "an international name");
    return err_set(e, ERR_CLASS_CONFIG,
                   "\"%.300s\" is no international DNS name: it %s; where it is registered all the same, "
                   "write its xn-- form",
                   name, words(rc));
}

bool ident_idn_to_ascii(const char *s, char out[IDENT_MAX + 1], struct err *e)
{
    uint8_t *ascii = NULL;
    int rc = idn2_lookup_u8((const uint8_t *)s, &ascii, FLAGS);
    size_t len;

    if (rc != IDN2_OK)
        return refuse(s, rc, e);
    len = strlen((const char *)ascii);
    if (len > IDENT_MAX + 1 || (len == IDENT_MAX + 1 && ascii[len - 1] != '.')) {
        idn2_free(ascii);
        return refuse(s, IDN2_TOO_BIG_DOMAIN, e);
    }
    if (len > 0 && ascii[len - 1] == '.')
        len--;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower(ascii[i]);
    out[len] = '\0';
    idn2_free(ascii);
    return true;
}

static bool is_ascii(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s >= 0x80)
            return false;
    return true;
}

/* label: lower case, begins with xn--. IDN2_OK when it is an A-label, IDN2_MALLOC when memory is out. */
static int check_a_label(const char *label)
{
    char *unicode = NULL;
    uint8_t *back = NULL;
    int rc = idn2_to_unicode_8z8z(label, &unicode, 0);
    int there = rc;

    if (rc == IDN2_OK && is_ascii(unicode))
        rc = IDN2_INVALID_ALABEL;
    /* Compared only where the library is willing to go back. */
    if (rc == IDN2_OK)
        there = idn2_lookup_u8((const uint8_t *)unicode, &back, FLAGS);
    if (rc == IDN2_OK && there == IDN2_OK && strcmp((const char *)back, label) != 0)
        rc = IDN2_UALABEL_MISMATCH;
    idn2_free(unicode);
    idn2_free(back);
    return there == IDN2_MALLOC ? there : rc;
}

bool ident_idn_check(const char *name, struct err *e)
{
    char label[LABEL_MAX + 1];
    size_t n;
    int rc;

    for (const char *p = name; *p != '\0'; p += n + (p[n] == '.' ? 1 : 0)) {
        n = strcspn(p, ".");
        if (n > LABEL_MAX || strncmp(p, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        memcpy(label, p, n);
        label[n] = '\0';
        rc = check_a_label(label);
        if (rc == IDN2_MALLOC)
            return err_nomem(e, "an international name");
        if (rc != IDN2_OK)
            return err_set(e, ERR_CLASS_CONFIG,
                           "\"%.253s\" is no DNS name: the label \"%s\" begins with xn--, but is no "
                           "encoded international label: write the name as people read it",
                           name, label);
    }
    return true;
}

char *ident_idn_to_unicode(const char *name)
{
    char *unicode = NULL;
    uint8_t *back = NULL;
    char *out = NULL;

    if (strstr(name, PREFIX) == NULL)
        return NULL;
    if (idn2_to_unicode_8z8z(name, &unicode, 0) == IDN2_OK && !is_ascii(unicode) &&
        idn2_lookup_u8((const uint8_t *)unicode, &back, FLAGS) == IDN2_OK &&
        strcmp((const char *)back, name) == 0)
        out = strdup(unicode);
    idn2_free(unicode);
    idn2_free(back);
    return out;
}
