/* SPDX-License-Identifier: MIT */
#include "lib/ca.h"

#include "lib/config.h"
#include "lib/http.h"

#include <string.h>

static const struct ca_info known[] = {
    {
        .name = CONFIG_CA_DEFAULT,
        .directory = "https://acme-v02.api.letsencrypt.org/directory",
        .staging = "letsencrypt-staging",
        .limit = 280, /* of 300 */
        .limit_window = (int64_t)3 * 3600,
        .rates = {{[LEDGER_DOMAIN] = {50, (int64_t)7 * 86400},
                   [LEDGER_SET] = {5, (int64_t)7 * 86400},
                   [LEDGER_FAILURES] = {5, 3600}}},
    },
    {
        .name = "letsencrypt-staging",
        .directory = "https://acme-staging-v02.api.letsencrypt.org/directory",
    },
    {
        .name = "zerossl",
        .directory = "https://acme.zerossl.com/v2/DV90",
        .keys_from = "https://app.zerossl.com/developer",
        .keys_once = true,
        .slow = true,
        .no_rollover = true,
    },
    {
        .name = "google",
        .directory = "https://dv.acme-v02.api.pki.goog/directory",
        .staging = "google-test",
        .keys_from = "`gcloud publicca external-account-keys create`, good for 7 days",
        .keys_once = true,
    },
    {
        .name = "google-test",
        .directory = "https://dv.acme-v02.test-api.pki.goog/directory",
        .keys_from = "`gcloud publicca external-account-keys create` at the test endpoint, good for 7 days",
        .keys_once = true,
    },
    {
        .name = "sslcom",
        .directory = "https://acme.ssl.com/sslcom-dv-ecc",
        .rsa_directory = "https://acme.ssl.com/sslcom-dv-rsa",
        .keys_from = "the API credentials of your account at https://secure.ssl.com",
    },
    {
        .name = "actalis",
        .directory = "https://acme-api.actalis.com/acme/directory",
        .keys_from = "the ACME section of your account at Actalis",
        .slow = true,
    },
};
#define N_KNOWN (sizeof known / sizeof known[0])

const struct ca_info *ca_at(size_t i)
{
    return i < N_KNOWN ? &known[i] : NULL;
}

const struct ca_info *ca_by_name(const char *name)
{
    for (size_t i = 0; i < N_KNOWN; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

const struct ca_info *ca_by_directory(const char *url)
{
    for (size_t i = 0; i < N_KNOWN; i++)
        if (http_same_origin(known[i].directory, url))
            return &known[i];
    return NULL;
}
