/* SPDX-License-Identifier: MIT */
#include "lib/unpause.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Printable ASCII that a URL may hold (RFC 3986), without the full stop or comma of the sentence around it.
 */
static size_t link_length(const char *p)
{
    size_t n = 0;

    while (p[n] > ' ' && p[n] < 0x7f && strchr("\"<>\\^`{|}()", p[n]) == NULL)
        n++;
    while (n > 0 && strchr(".,;:!?", p[n - 1]) != NULL)
        n--;
    return n;
}

bool unpause_link(const char *text, char link[UNPAUSE_LINK_MAX])
{
    for (const char *p = strstr(text, "https://"); p != NULL; p = strstr(p + 1, "https://")) {
        size_t n = link_length(p);

        /* dots behind it: the text was cut there */
        if (n >= UNPAUSE_LINK_MAX || memmem(p, n, "unpause", 7) == NULL || strncmp(p + n, "...", 3) == 0)
            continue;
        if (link != NULL)
            (void)snprintf(link, UNPAUSE_LINK_MAX, "%.*s", (int)n, p);
        return true;
    }
    return false;
}
