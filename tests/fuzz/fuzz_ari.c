/* SPDX-License-Identifier: MIT */
/* Renewal information as a CA might send it: whatever it says, the moment is within the window, the next poll
 * neither soon nor far, and the certificate renewed in time. The first two bytes make status and Retry-After.
 */

#include "lib/ari.h"
#include "lib/renewal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_record(const struct journal_ari *a, const struct cert_facts *f, bool changed)
{
    int64_t earliest = -1;
    int64_t latest = -1;

    must(a->next_poll >= NOW + ARI_POLL_MIN && a->next_poll <= NOW + ARI_POLL_MAX * 17 / 16);
    must(ari_poll_times(a, f, NOW, &earliest, &latest));
    must(earliest == a->next_poll && latest >= earliest && latest <= earliest + ARI_SLACK_MAX);
    must(changed == ari_applies(a, f));
    must(!changed || (a->chosen >= a->start && a->chosen < a->end && a->end <= f->not_after));
    must(changed == (a->error == NULL));
    must(a->explanation == NULL ||
         (strlen(a->explanation) <= ARI_EXPLANATION_MAX && strpbrk(a->explanation, "\n\r\033") == NULL));
}

static void check_plan(const struct journal *j, const struct cert_facts *f)
{
    const struct config_certificate c = {.name = (char *)"a.example"};
    struct renewal_plan p = renewal_plan(&c, f, j, false, 7, NOW);

    must(p.at <= f->not_after - (f->not_after - f->not_before) / 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t retry_after[] = {-1, 1, 60, 21600, 86400};
    static const int statuses[] = {200, 200, 200, 404, 429, 500, 302};
    const struct cert_facts f = {.ari_id = (char *)"a.b",
                                 .not_before = NOW - 10 * DAY,
                                 .not_after = NOW + 80 * DAY,
                                 .key_type_known = true};
    struct http_reply reply;
    struct journal j;
    struct err e;
    char *body;
    bool changed;

    if (size < 2)
        return 0;
    body = malloc(size - 1);
    if (body == NULL)
        return 0;
    memcpy(body, data + 2, size - 2);
    body[size - 2] = '\0';
    reply = (struct http_reply){.status = statuses[data[0] % 7],
                                .retry_after = retry_after[data[1] % 5],
                                .body = body,
                                .body_len = size - 2};
    journal_init(&j);
    changed =
        ari_polled(&j.ari, &f, &reply, size * UINT64_C(0x9e3779b97f4a7c15), NOW, &e) == ARI_OUTCOME_CHANGED;
    check_record(&j.ari, &f, changed);
    check_plan(&j, &f);
    must(ari_polled(&j.ari, &f, &reply, 1, NOW, &e) != ARI_OUTCOME_CHANGED);
    journal_clear(&j);
    free(body);
    return 0;
}
