/* SPDX-License-Identifier: MIT */
#include "lib/http.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A Link header of the CA's: what comes out may be requested, and is little. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strv urls = {0};
    char *value = malloc(size + 1);

    if (value == NULL)
        return 0;
    if (size > 0)
        memcpy(value, data, size);
    value[size] = '\0';
    for (int i = 0; i < 2; i++)
        assert(http_link_alternates(value, &urls));
    assert(urls.n <= HTTP_ALTERNATES_MAX);
    for (size_t i = 0; i < urls.n; i++) {
        assert(http_url_check(urls.v[i], NULL));
        assert(strstr(value, urls.v[i]) != NULL);
    }
    strv_clear(&urls);
    free(value);
    return 0;
}
