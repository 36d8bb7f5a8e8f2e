/* SPDX-License-Identifier: MIT */
#include "lib/dns_reply.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A reply of a DNS server's: what comes out is bounded, its names are what they are said to be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_reply r;
    struct err e;

    if (!dns_reply_parse(&r, data, size, &e))
        return 0;
    assert(r.n <= DNS_RECORDS_MAX);
    for (size_t i = 0; i < r.n; i++) {
        assert(strlen(r.v[i].name) <= DNS_NAME_MAX && strlen(r.v[i].data) <= size + 64);
        assert(dns_name_is_below(r.v[i].name, "."));
        if (r.v[i].answer)
            assert(dns_reply_find(&r, r.v[i].name, (enum dns_type)r.v[i].type, 0) != NULL);
    }
    dns_reply_clear(&r);
    return 0;
}
