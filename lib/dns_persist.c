/* SPDX-License-Identifier: MIT */
#include "lib/dns_persist.h"

#include "lib/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS     " \t"
#define STRING_MAX 255 /* RFC 1035 section 3.3 */

char *dns_persist_record(const char *issuer, const char *account_url, bool wildcard)
{
    char *text;

    return asprintf(&text, "%s; accounturi=%s%s", issuer, account_url, wildcard ? "; policy=wildcard" : "") <
                   0
               ? NULL
               : text;
}

char *dns_persist_line(const char *name, const char *content)
{
    size_t left = strlen(content);
    struct buf line;
    char *text = NULL;

    buf_init(&line, SIZE_MAX);
    (void)buf_addf(&line, "%s. TXT", name);
    do {
        size_t n = left < STRING_MAX ? left : STRING_MAX;

        (void)buf_addf(&line, " \"%.*s\"", (int)n, content);
        content += n;
        left -= n;
    } while (left > 0);
    if (!line.failed)
        text = strdup(line.data);
    buf_clear(&line);
    return text;
}

/* The next part of a list whose parts stand between semicolons, without the blanks around it; NULL: there is
 * none. */
static char *next_part(char **rest)
{
    char *part = strsep(rest, ";");
    size_t len;

    if (part == NULL)
        return NULL;
    part += strspn(part, BLANKS);
    len = strlen(part);
    while (len > 0 && strchr(BLANKS, part[len - 1]) != NULL)
        len--;
    part[len] = '\0';
    return part;
}

struct terms {
    const char *account_url;
    const char *policy;
    const char *until;
};

/* False: a parameter that is no NAME=VALUE, or one that is given twice. */
static bool read_parameter(struct terms *t, char *part)
{
    static const char *const names[] = {"accounturi", "policy", "persistUntil"};
    const char **const values[] = {&t->account_url, &t->policy, &t->until};
    char *value = strchr(part, '=');

    if (value == NULL)
        return false;
    *value++ = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(part, names[i]) != 0)
            continue;
        if (*values[i] != NULL)
            return false;
        *values[i] = value;
    }
    return true;
}

static bool is_over(const char *until, int64_t now)
{
    size_t len = strspn(until, "0123456789");

    return len == 0 || until[len] != '\0' || len > 18 || strtoll(until, NULL, 10) < now;
}

static bool is_issuer(const struct strv *issuers, const char *name)
{
    for (size_t i = 0; name != NULL && i < issuers->n; i++)
        if (strcasecmp(issuers->v[i], name) == 0)
            return true;
    return false;
}

bool dns_persist_allows(const char *txt, const struct strv *issuers, const char *account_url, bool wildcard,
                        int64_t now)
{
    char *copy = strdup(txt);
    char *rest = copy;
    struct terms t = {NULL, NULL, NULL};
    char *part;
    bool ok = copy != NULL && is_issuer(issuers, next_part(&rest));

    while (ok && (part = next_part(&rest)) != NULL)
        ok = *part == '\0' || read_parameter(&t, part);
    ok = ok && t.account_url != NULL && strcmp(t.account_url, account_url) == 0 &&
         (!wildcard || (t.policy != NULL && strcasecmp(t.policy, "wildcard") == 0)) &&
         (t.until == NULL || !is_over(t.until, now));
    free(copy);
    return ok;
}
