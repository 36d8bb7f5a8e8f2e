/* SPDX-License-Identifier: MIT */
#ifndef ACMED_ENGINE_SILENCE_H
#define ACMED_ENGINE_SILENCE_H

/* Origins (scheme, host and port) at which a connection that was kept led nowhere, without having been closed
 * (a firewall forgot it). All that were kept there are suspect then: libcurl would go on trying them. What is
 * heard of another origin says nothing about them. */

#include <stdbool.h>
#include <stdint.h>

#define SILENCES_MAX 8 /* origins; the oldest makes room */

struct silence {
    char *url; /* owned; of the request that was not answered; NULL: no origin */
    int64_t at;
    bool heard; /* there was a reply after that */
};

/* Begins zeroed. */
struct silences {
    struct silence v[SILENCES_MAX];
};

void silences_clear(struct silences *s);

/* A request for url on a kept connection got no answer. now: monotonic ms, as below. */
void silence_found(struct silences *s, const char *url, int64_t now);
/* There was a reply to one for url. */
void silence_heard(struct silences *s, const char *url);

/* Which connections a request for url may use. False: any. Else none older than *max_age seconds, and with
 * *fresh only a new one: nothing was heard yet. */
bool silence_limits(const struct silences *s, const char *url, int64_t now, long *max_age, bool *fresh);

#endif
