/* SPDX-License-Identifier: MIT */
#include "lib/http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define RETRY_AFTER_MAX 86400

static int64_t clamp_delay(int64_t seconds)
{
    if (seconds < 1)
        return 1;
    return seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : seconds;
}

/* delay-seconds = 1*DIGIT; as many digits as a CA likes to send. -1: not of this form. */
static int64_t parse_delay(const char *value)
{
    int64_t seconds = 0;

    if (!isdigit((unsigned char)*value))
        return -1;
    for (; isdigit((unsigned char)*value); value++)
        if (seconds <= RETRY_AFTER_MAX)
            seconds = seconds * 10 + (*value - '0');
    value += strspn(value, " \t\r\n");
    return *value == '\0' ? clamp_delay(seconds) : -1;
}

int64_t http_retry_after(const char *value, int64_t now)
{
    /* IMF-fixdate, then the two forms that recipients must still accept (RFC 9110 section 5.6.7). */
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y"};
    int64_t delay;

    if (value == NULL)
        return -1;
    value += strspn(value, " \t");
    delay = parse_delay(value);
    for (size_t i = 0; delay < 0 && i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(value, forms[i], &tm);

        if (end != NULL && end[strspn(end, " \t\r\n")] == '\0')
            delay = clamp_delay((int64_t)timegm(&tm) - now);
    }
    return delay;
}

/* Where the parts of an https URL are; the strings are within the URL. */
struct parts {
    const char *host;
    size_t host_len;
    unsigned port;
};

/* RFC 3986 characters only. What is left out here could end a request line, a header or a JSON string. */
static bool is_url_char(unsigned char c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}#", c) == NULL;
}

static bool is_host(const char *host, size_t len)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        allowed = "0123456789abcdefABCDEF:.";
        host++;
        len -= 2;
    }
    return len > 0 && strspn(host, allowed) >= len;
}

/* The port behind a host; `end` is where the authority ends. 0: not acceptable. */
static unsigned parse_port(const char *s, const char *end)
{
    unsigned port = 0;

    if (s == end)
        return 443;
    s++;
    if (s == end)
        return 443;
    for (; s < end; s++) {
        if (!isdigit((unsigned char)*s) || port > 65535)
            return 0;
        port = port * 10 + (unsigned)(*s - '0');
    }
    return port <= 65535 ? port : 0;
}

/* NULL when the URL is acceptable, else what is wrong with it. */
static const char *split(const char *url, struct parts *p)
{
    const char *end;
    const char *host_end;

    if (url == NULL || strncasecmp(url, "https://", 8) != 0)
        return "is not an https URL";
    if (strnlen(url, HTTP_URL_MAX + 1) > HTTP_URL_MAX)
        return "is too long";
    for (const char *s = url; *s != '\0'; s++)
        if (!is_url_char((unsigned char)*s))
            return "holds a character that has no place in it";
    p->host = url + 8;
    end = p->host + strcspn(p->host, "/?");
    if (memchr(p->host, '@', (size_t)(end - p->host)) != NULL)
        return "holds user information";
    host_end = *p->host == '[' ? memchr(p->host, ']', (size_t)(end - p->host)) : NULL;
    host_end = host_end != NULL ? host_end + 1 : p->host + strcspn(p->host, ":/?");
    p->host_len = (size_t)(host_end - p->host);
    if (!is_host(p->host, p->host_len) || (host_end < end && *host_end != ':'))
        return "has no usable host";
    p->port = parse_port(host_end, end);
    return p->port != 0 ? NULL : "has no usable port";
}

bool http_url_check(const char *url, struct err *e)
{
    struct parts p;
    const char *wrong = split(url, &p);

    if (wrong == NULL)
        return true;
    return err_set(e, ERR_CLASS_TRANSIENT, "\"%.100s\" %s", url != NULL ? url : "", wrong);
}

bool http_same_origin(const char *a, const char *b)
{
    struct parts pa;
    struct parts pb;

    if (split(a, &pa) != NULL || split(b, &pb) != NULL)
        return false;
    return pa.port == pb.port && pa.host_len == pb.host_len &&
           strncasecmp(pa.host, pb.host, pa.host_len) == 0;
}
