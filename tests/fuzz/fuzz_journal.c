/* SPDX-License-Identifier: MIT */
#include "lib/ari.h"
#include "lib/deployment.h"
#include "lib/journal.h"
#include "lib/renewal.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the journal says, policies stay within their bounds. */
static void check_policies(struct journal *j, int64_t now)
{
    static char *name[] = {(char *)"a.example"};
    static const struct deployment_event start = {.kind = DEPLOYMENT_EV_START};
    struct config_certificate c = {.name = name[0], .domains = {name, 1}, .hook = {name, 1}};
    struct cert_facts f = {
        .names = {name, 1}, .not_before = j->attempt_at, .not_after = j->order_created, .ari_id = j->ari.id};
    int64_t earliest, latest;
    struct renewal_plan p = renewal_plan(&c, &f, j, false, j->attempts, now);
    struct deployment_action a;
    char text[256];

    assert(p.at <= RECORD_TIME_MAX + RENEWAL_ISSUANCE_FLOOR);
    if (ari_poll_times(&j->ari, &f, now, &earliest, &latest))
        assert(latest >= earliest && earliest - now <= 2 * ARI_POLL_MAX);
    (void)ari_replaces(j, &f, "https://ca.test/dir");
    p = renewal_plan(&c, NULL, j, false, 0, now);
    assert(p.at - now <= RENEWAL_BACKOFF_MAX);
    (void)renewal_request_check(j, true, false, now, text, sizeof text);
    a = deployment_step(&j->deployment, &c, &start, 0, now);
    assert(a.kind != DEPLOYMENT_DO_WAIT || a.at - now <= RENEWAL_DEPLOY_BACKOFF_MAX);
}

/* What is read can be written, and reads back as the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal j;
    struct journal again;
    struct err e;
    char *text;
    char *second;

    journal_init(&j);
    journal_init(&again);
    if (!journal_from_json(&j, (const char *)data, size, &e)) {
        assert(e.class == ERR_CLASS_INTERNAL && e.text[0] != '\0');
        return 0;
    }
    text = journal_to_json(&j);
    assert(text != NULL);
    if (!journal_from_json(&again, text, strlen(text), &e))
        abort();
    second = journal_to_json(&again);
    assert(second != NULL && strcmp(text, second) == 0);
    check_policies(&again, 1800000000);
    check_policies(&again, j.not_before);
    free(text);
    free(second);
    journal_clear(&j);
    journal_clear(&again);
    return 0;
}
