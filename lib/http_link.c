/* SPDX-License-Identifier: MIT */
/* The Link header (RFC 8288 section 3). */

#include "lib/http.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* A parameter of a link: its name, and its value without quotes. Both are within the header. */
struct parameter {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

static const char *skip(const char *s)
{
    return s + strspn(s, BLANKS);
}

/* *s is behind the opening quote; behind the closing one afterwards. Escapes stay as they are: no value that
 * is looked for here has any. */
static bool read_quoted(const char **s, struct parameter *p)
{
    const char *end = *s;

    while (*end != '\0' && *end != '"')
        end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
    if (*end != '"')
        return false;
    p->value = *s;
    p->value_len = (size_t)(end - *s);
    *s = end + 1;
    return true;
}

/* Behind a semicolon. False: it is none. */
static bool read_parameter(const char **s, struct parameter *p)
{
    *p = (struct parameter){.name = skip(*s)};
    p->name_len = strcspn(p->name, BLANKS "=;,\"<>");
    *s = skip(p->name + p->name_len);
    if (**s != '=')
        return true;
    *s = skip(*s + 1);
    if (**s == '"') {
        (*s)++;
        return read_quoted(s, p);
    }
    p->value = *s;
    p->value_len = strcspn(*s, BLANKS ";,");
    *s += p->value_len;
    return true;
}

static bool is(const struct parameter *p, const char *name)
{
    return p->name_len == strlen(name) && strncasecmp(p->name, name, p->name_len) == 0;
}

/* One of the blank-separated relation types. */
static bool has_relation(const struct parameter *p, const char *relation)
{
    const char *end = p->value + p->value_len;

    for (const char *at = p->value; at < end;) {
        size_t len = strcspn(at, BLANKS "\"");

        if (len > (size_t)(end - at))
            len = (size_t)(end - at);
        if (len == strlen(relation) && strncasecmp(at, relation, len) == 0)
            return true;
        at += len > 0 ? len : 1;
    }
    return false;
}

/* Behind a link's target. *alternate: whether it is another form of what was asked for: the first `rel`
 * counts, and with an `anchor` the link is about something else. False: malformed. */
static bool read_parameters(const char **s, bool *alternate)
{
    bool anchored = false;
    bool related = false;
    struct parameter p;

    *alternate = false;
    for (*s = skip(*s); **s == ';'; *s = skip(*s)) {
        (*s)++;
        if (!read_parameter(s, &p))
            return false;
        if (is(&p, "anchor"))
            anchored = true;
        if (is(&p, "rel") && p.value != NULL && !related) {
            related = true;
            *alternate = has_relation(&p, "alternate");
        }
    }
    *alternate = *alternate && !anchored;
    return **s == ',' || **s == '\0';
}

static bool add(struct strv *urls, const char *target, size_t len)
{
    if (urls->n >= HTTP_ALTERNATES_MAX || !strv_addn(urls, target, len))
        return urls->n >= HTTP_ALTERNATES_MAX;
    for (size_t i = 0; i + 1 < urls->n; i++)
        if (strcmp(urls->v[i], urls->v[urls->n - 1]) == 0) {
            strv_pop(urls);
            return true;
        }
    if (!http_url_check(urls->v[urls->n - 1], NULL))
        strv_pop(urls);
    return true;
}

bool http_link_alternates(const char *value, struct strv *urls)
{
    const char *s = value;
    bool alternate;

    for (s += strspn(s, BLANKS ","); *s == '<'; s += strspn(s, BLANKS ",")) {
        const char *target = s + 1;
        size_t len = strcspn(target, ">");

        if (target[len] != '>')
            break;
        s = target + len + 1;
        if (!read_parameters(&s, &alternate))
            break;
        if (alternate && !add(urls, target, len))
            return false;
    }
    return true;
}
