/* SPDX-License-Identifier: MIT */
#include "lib/dns_persist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A TXT record of whoever has the zone: what allows us anything names the CA and our account. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *names[] = {(char *)"ca.test"};
    static const struct strv issuers = {names, 1};
    static const char url[] = "https://ca.test/1";
    char *txt = malloc(size + 1);

    if (txt == NULL)
        return 0;
    if (size > 0)
        memcpy(txt, data, size);
    txt[size] = '\0';
    if (dns_persist_allows(txt, &issuers, url, false, 1000))
        assert(strcasestr(txt, "ca.test") != NULL && strstr(txt, url) != NULL);
    if (dns_persist_allows(txt, &issuers, url, true, 1000))
        assert(dns_persist_allows(txt, &issuers, url, false, 1000));
    free(txt);
    return 0;
}
