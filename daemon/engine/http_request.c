/* SPDX-License-Identifier: MIT */
#include "daemon/engine/http_request.h"

#include "lib/ident.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_token_char(unsigned char c)
{
    return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Cuts "METHOD SP target SP HTTP/1.x" into its parts. */
static enum http_request_result parse_request_line(struct http_request *r, char *line, bool *http11)
{
    char *target = strchr(line, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;

    if (version == NULL)
        return HTTP_REQUEST_BAD;
    *target++ = '\0';
    *version++ = '\0';
    if (strcmp(version, "HTTP/1.1") == 0)
        *http11 = true;
    else if (strcmp(version, "HTTP/1.0") != 0)
        return HTTP_REQUEST_BAD;
    for (const char *p = line; *p != '\0'; p++)
        if (!is_token_char((unsigned char)*p))
            return HTTP_REQUEST_BAD;
    for (const char *p = target; *p != '\0'; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return HTTP_REQUEST_BAD;
    if (*line == '\0' || *target == '\0')
        return HTTP_REQUEST_BAD;
    r->target = target;
    r->head = strcmp(line, "HEAD") == 0;
    return r->head || strcmp(line, "GET") == 0 ? HTTP_REQUEST_COMPLETE : HTTP_REQUEST_METHOD;
}

/* Makes an address in brackets canonical, in place: it is never longer than what stood there. Zones and later
 * versions (RFC 3986 section 3.2.2) are nobody's name. */
static void parse_literal(char *value, char *end)
{
    char address[IDENT_ADDRESS_MAX + 1] = "";
    uint8_t bytes[16];

    *end = '\0';
    if (ident_address_bytes(value + 1, bytes) != sizeof bytes ||
        !ident_from_address(bytes, sizeof bytes, address) || strlen(address) > (size_t)(end - value))
        address[0] = '\0';
    memcpy(value, address, strlen(address) + 1);
}

/* Lower-cases a Host value and cuts its port off; false when it is not host[:port] (RFC 9112 section 3.2). */
static bool parse_host(char *value)
{
    char *end = value[0] == '[' ? strchr(value, ']') : NULL;
    char *port = strchr(end != NULL ? end : value, ':');

    if (value[0] == '[' && (end == NULL || (end[1] != '\0' && end[1] != ':')))
        return false;
    if (port != NULL) {
        if (strspn(port + 1, "0123456789") != strlen(port + 1))
            return false;
        *port = '\0';
    }
    if (end != NULL) {
        parse_literal(value, end);
        return true;
    }
    for (char *p = value; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr(".-_", *p) == NULL)
            return false;
        *p = (char)tolower((unsigned char)*p);
    }
    return true;
}

static bool parse_header(struct http_request *r, char *line)
{
    char *colon = strchr(line, ':');
    char *value;
    size_t n;

    if (colon == NULL || colon == line)
        return false;
    for (const char *p = line; p < colon; p++) /* neither folding nor blanks before the colon */
        if (!is_token_char((unsigned char)*p))
            return false;
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    n = strlen(value);
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        value[--n] = '\0';
    if (strcasecmp(line, "host") == 0) {
        if (r->host != NULL || !parse_host(value))
            return false;
        r->host = value;
    } else if (strcasecmp(line, "transfer-encoding") == 0) {
        return false;
    } else if (strcasecmp(line, "content-length") == 0) {
        return strcmp(value, "0") == 0;
    }
    return true;
}

/* No NUL, CR and LF only as a pair. Told before the request is complete: nobody waits for the rest of it. */
static bool has_clean_lines(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\0' || (data[i] == '\n' && (i == 0 || data[i - 1] != '\r')))
            return false;
        if (data[i] == '\r' && i + 1 < len && data[i + 1] != '\n')
            return false;
    }
    return true;
}

enum http_request_result http_request_parse(struct http_request *r, char *data, size_t len)
{
    char *end = memmem(data, len, "\r\n\r\n", 4);
    enum http_request_result result = HTTP_REQUEST_INCOMPLETE;
    unsigned lines = 0;
    bool http11 = false;
    char *next;

    *r = (struct http_request){0};
    if (!has_clean_lines(data, len))
        return HTTP_REQUEST_BAD;
    if (end == NULL)
        return len >= HTTP_REQUEST_MAX ? HTTP_REQUEST_TOO_LARGE : HTTP_REQUEST_INCOMPLETE;
    if (end + 4 != data + len)
        return HTTP_REQUEST_BAD;
    end[2] = '\0';
    for (char *line = data; *line != '\0'; line = next) {
        size_t n = strcspn(line, "\r");

        line[n] = '\0';
        next = line + n + 2;
        if (lines == 0)
            result = parse_request_line(r, line, &http11);
        else if (!parse_header(r, line))
            return HTTP_REQUEST_BAD;
        if (result == HTTP_REQUEST_BAD)
            return result;
        if (++lines > HTTP_REQUEST_HEADERS)
            return HTTP_REQUEST_TOO_LARGE;
    }
    if (http11 && r->host == NULL)
        return HTTP_REQUEST_BAD;
    if (r->host == NULL)
        r->host = "";
    return lines > 0 ? result : HTTP_REQUEST_BAD;
}
