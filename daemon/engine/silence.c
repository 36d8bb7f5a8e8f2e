/* SPDX-License-Identifier: MIT */
#include "daemon/engine/silence.h"

#include "lib/http.h"

#include <stdlib.h>
#include <string.h>

void silences_clear(struct silences *s)
{
    for (size_t i = 0; i < SILENCES_MAX; i++)
        free(s->v[i].url);
    *s = (struct silences){0};
}

/* Where the silence of url's origin is; -1: nowhere. */
static int find(const struct silences *s, const char *url)
{
    for (int i = 0; i < SILENCES_MAX; i++)
        if (s->v[i].url != NULL && http_same_origin(s->v[i].url, url))
            return i;
    return -1;
}

static int find_oldest(const struct silences *s)
{
    int oldest = 0;

    for (int i = 0; i < SILENCES_MAX; i++) {
        if (s->v[i].url == NULL)
            return i;
        if (s->v[i].at < s->v[oldest].at)
            oldest = i;
    }
    return oldest;
}

void silence_found(struct silences *s, const char *url, int64_t now)
{
    int i = find(s, url);

    if (i < 0) {
        i = find_oldest(s);
        free(s->v[i].url);
        s->v[i].url = strdup(url); /* NULL: it is found again */
    }
    s->v[i].at = now;
    s->v[i].heard = false;
}

void silence_heard(struct silences *s, const char *url)
{
    int i = find(s, url);

    if (i >= 0)
        s->v[i].heard = true;
}

bool silence_limits(const struct silences *s, const char *url, int64_t now, long *max_age, bool *fresh)
{
    int i = find(s, url);
    int64_t since = i >= 0 ? (now - s->v[i].at) / 1000 : 0;

    if (i < 0)
        return false;
    *max_age = since > 0 ? (long)since : 1; /* 0 would be: any */
    *fresh = !s->v[i].heard;
    return true;
}
