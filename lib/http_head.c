/* SPDX-License-Identifier: MIT */
#include "lib/http_head.h"

#include "lib/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_LEN 4096

void http_head_init(struct http_head *h)
{
    *h = (struct http_head){.retry_after = -1};
}

void http_head_clear(struct http_head *h)
{
    free(h->location);
    free(h->replay_nonce);
    strv_clear(&h->alternates);
    http_head_init(h);
}

/* The value of header `name` if the line is that header: a copy, trimmed. */
static char *value_of(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);

    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    line += n + 1;
    len -= n + 1;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    return strndup(line, len);
}

static bool is_base64url(const char *s)
{
    return *s != '\0' &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(s);
}

void http_head_line(struct http_head *h, const char *line, size_t len, int64_t now)
{
    char *value;

    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (len == 0) {
        h->complete = true;
    } else if (len > LINE_MAX_LEN) {
        return;
    } else if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
        http_head_clear(h);
        h->framed = line[5] != '1';
    } else if ((value = value_of(line, len, "content-length")) != NULL ||
               (value = value_of(line, len, "transfer-encoding")) != NULL) {
        h->framed = true;
        free(value);
    } else if ((value = value_of(line, len, "location")) != NULL) {
        free(h->location);
        h->location = value;
    } else if ((value = value_of(line, len, "replay-nonce")) != NULL) {
        free(h->replay_nonce);
        h->replay_nonce = is_base64url(value) ? value : NULL;
        if (h->replay_nonce == NULL)
            free(value);
    } else if ((value = value_of(line, len, "link")) != NULL) {
        (void)http_link_alternates(value, &h->alternates);
        free(value);
    } else if ((value = value_of(line, len, "retry-after")) != NULL) {
        h->retry_after = http_retry_after(value, now);
        free(value);
    }
}
