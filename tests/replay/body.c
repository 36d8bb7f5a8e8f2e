/* SPDX-License-Identifier: MIT */
#include "tests/replay/body.h"

#include "lib/http.h"

#include "lib/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define URN "urn:ietf:params:acme:error:"

const char *body_word(const char **text, char *word, size_t size)
{
    size_t len;

    *text += strspn(*text, " ");
    len = strcspn(*text, " ");
    (void)snprintf(word, size, "%.*s", (int)len, *text);
    *text += len;
    *text += strspn(*text, " ");
    return word;
}

char *body_url(const char *word)
{
    char *url = NULL;

    if (asprintf(&url, "%s%s", strstr(word, ":/") != NULL ? "" : REPLAY_CA, word) < 0)
        abort();
    return url;
}

static void add_identifiers(struct buf *out, const char *list)
{
    const char *sep = "";

    while (*list != '\0') {
        size_t len = strcspn(list, ",");

        char name[300];

        (void)snprintf(name, sizeof name, "%.*s", (int)len, list);
        buf_addf(out, "%s{\"type\":\"%s\",\"value\":\"%s\"}", sep, ident_type_to_str(ident_type(name)), name);
        list += len + (list[len] == ',');
        sep = ",";
    }
}

static void add_authorizations(struct buf *out, const char *list)
{
    const char *sep = "";

    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        char word[100];
        char *url;

        (void)snprintf(word, sizeof word, "%.*s", (int)len, list);
        url = body_url(word);
        buf_addf(out, "%s\"%s\"", sep, url);
        free(url);
        list += len + (list[len] == ',');
        sep = ",";
    }
}

static void add_time(struct buf *out, const char *offset, int64_t now)
{
    time_t at = (time_t)(now + strtoll(offset, NULL, 10));
    char text[40];
    struct tm tm;

    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_addf(out, ",\"expires\":\"%s\"", text);
}

/* order STATUS [names=A,B] [authz=authz/1,...] [finalize=URL] [certificate=URL] [expires=SECONDS]
 * [error=TYPE] */
static bool build_order(struct buf *out, const char *words, const struct strv *names, int64_t now)
{
    char status[40];
    char word[400];
    char ids[8192] = "";
    char authz[8192] = "";
    char finalize[400] = "finalize/1";
    char certificate[400] = "cert/1";
    char *url;

    for (size_t i = 0; i < names->n; i++) {
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%s", i > 0 ? "," : "", names->v[i]);
        snprintf(authz + strlen(authz), sizeof authz - strlen(authz), "%sauthz/%zu", i > 0 ? "," : "", i + 1);
    }
    body_word(&words, status, sizeof status);
    buf_addf(out, "{\"status\":\"%s\"", status);
    while (*body_word(&words, word, sizeof word) != '\0') {
        if (strncmp(word, "names=", 6) == 0)
            snprintf(ids, sizeof ids, "%s", word + 6);
        else if (strncmp(word, "authz=", 6) == 0)
            snprintf(authz, sizeof authz, "%s", word + 6);
        else if (strncmp(word, "finalize=", 9) == 0)
            snprintf(finalize, sizeof finalize, "%s", word + 9);
        else if (strncmp(word, "certificate=", 12) == 0)
            snprintf(certificate, sizeof certificate, "%s", word + 12);
        else if (strncmp(word, "expires=", 8) == 0)
            add_time(out, word + 8, now);
        else if (strncmp(word, "error=", 6) == 0)
            buf_addf(out, ",\"error\":{\"type\":\"" URN "%s\",\"detail\":\"says the order\"}", word + 6);
        else
            return false;
    }
    buf_addstr(out, ",\"identifiers\":[");
    add_identifiers(out, ids);
    buf_addstr(out, "],\"authorizations\":[");
    add_authorizations(out, authz);
    url = body_url(finalize);
    buf_addf(out, "],\"finalize\":\"%s\"", url);
    free(url);
    if (strcmp(status, "valid") == 0) {
        url = body_url(certificate);
        buf_addf(out, ",\"certificate\":\"%s\"", url);
        free(url);
    }
    return buf_addstr(out, "}");
}

/* authz I STATUS [CHALLENGE-STATUS] [token=T] [url=U] [name=N] [error=TYPE] [only=CHALLENGE-TYPE] */
static bool build_authorization(struct buf *out, const char *words, const struct strv *names)
{
    char number[20];
    char status[40];
    char word[5000];
    char challenge[40] = "pending";
    char token[5000];
    char url[400];
    char error[400] = "";
    char type[40] = "http-01";
    char other[300];
    const char *name;
    size_t i = strtoul(body_word(&words, number, sizeof number), NULL, 10);
    char *full;

    if (i < 1 || i > names->n)
        return false;
    name = names->v[i - 1];
    snprintf(token, sizeof token, "token-%zu", i);
    snprintf(url, sizeof url, "chall/%zu", i);
    body_word(&words, status, sizeof status);
    if (strcmp(status, "pending") != 0)
        snprintf(challenge, sizeof challenge, "%s", strcmp(status, "valid") == 0 ? "valid" : "invalid");
    while (*body_word(&words, word, sizeof word) != '\0') {
        if (strncmp(word, "token=", 6) == 0)
            snprintf(token, sizeof token, "%s", word + 6);
        else if (strncmp(word, "url=", 4) == 0)
            snprintf(url, sizeof url, "%s", word + 4);
        else if (strncmp(word, "name=", 5) == 0) {
            snprintf(other, sizeof other, "%s", word + 5);
            name = other;
        } else if (strncmp(word, "only=", 5) == 0)
            snprintf(type, sizeof type, "%s", word + 5);
        else if (strncmp(word, "error=", 6) == 0)
            snprintf(error, sizeof error,
                     ",\"error\":{\"type\":\"" URN "%s\",\"detail\":\"192.0.2.%zu: no luck there\"}",
                     word + 6, i);
        else
            snprintf(challenge, sizeof challenge, "%s", word);
    }
    full = body_url(url);
    buf_addf(out,
             "{\"status\":\"%s\",\"identifier\":{\"type\":\"%s\",\"value\":\"%s\"}%s,\"challenges\":["
             "{\"type\":\"dns-01\",\"url\":\"%sdns/%zu\",\"status\":\"pending\",\"token\":\"x\"},"
             "{\"type\":\"%s\",\"url\":\"%s\",\"status\":\"%s\",\"token\":\"",
             status, ident_type_to_str(ident_type(name)), ident_base(name),
             ident_is_wildcard(name) ? ",\"wildcard\":true" : "", REPLAY_CA, i, type, full, challenge);
    buf_addf(out, "%s\"%s}]}", token, error);
    free(full);
    return !out->failed;
}

/* problem TYPE DETAIL... */
static bool build_problem(struct buf *out, const char *words)
{
    char type[60];

    body_word(&words, type, sizeof type);
    return buf_addf(out, "{\"type\":\"" URN "%s\",\"detail\":\"%s\"}", type, words);
}

/* huge N: an order with N authorizations; deep N: N nested arrays */
static bool build_monster(struct buf *out, const char *kind, unsigned long n)
{
    buf_addstr(out, strcmp(kind, "huge") == 0 ? "{\"authorizations\":[0" : "{\"a\":");
    for (unsigned long i = 0; i < n; i++)
        buf_addstr(out, strcmp(kind, "huge") == 0 ? ",\"https://ca.test/authz/1\"" : "[");
    return buf_addstr(out, "]}");
}

void body_links(struct strv *alternates, const char *urls)
{
    char header[1000];

    for (const char *at = urls; *at != '\0'; at += strspn(at, ",")) {
        char word[400];
        char *url;

        snprintf(word, sizeof word, "%.*s", (int)strcspn(at, ","), at);
        at += strcspn(at, ",");
        url = body_url(word);
        snprintf(header, sizeof header, "<%s>;rel=\"alternate\"", url);
        free(url);
        http_link_alternates(header, alternates);
    }
}

bool body_file(struct buf *out, const char *name)
{
    char path[1000];
    char data[4096];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, REPLAY_DATA "/%s", name);
    f = fopen(path, "r");
    if (f == NULL)
        return false;
    while ((n = fread(data, 1, sizeof data, f)) > 0)
        buf_add(out, data, n);
    fclose(f);
    return !out->failed;
}

bool body_build(struct buf *out, const char *words, const struct strv *names, int64_t now)
{
    char kind[20];

    body_word(&words, kind, sizeof kind);
    if (*kind == '\0')
        return true;
    if (strcmp(kind, "order") == 0)
        return build_order(out, words, names, now);
    if (strcmp(kind, "authz") == 0)
        return build_authorization(out, words, names);
    if (strcmp(kind, "problem") == 0)
        return build_problem(out, words);
    if (strcmp(kind, "huge") == 0 || strcmp(kind, "deep") == 0)
        return build_monster(out, kind, strtoul(words, NULL, 10));
    if (strcmp(kind, "pem") == 0 && *words != '\0')
        return body_file(out, words);
    if (strcmp(kind, "pem") == 0)
        return buf_addstr(out, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    if (strcmp(kind, "html") == 0)
        return buf_addstr(out, "<!doctype html><title>Welcome</title>");
    return strcmp(kind, "text") == 0 && buf_addstr(out, words);
}
