/* SPDX-License-Identifier: MIT */
#include "daemon/engine/http_request.h"
#include "lib/ident.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_request_result parse(struct http_request *q, char *copy, const uint8_t *data, size_t size)
{
    if (size > 0)
        memcpy(copy, data, size);
    return http_request_parse(q, copy, size);
}

/* What the responder builds its answer of. */
static void check_complete(const struct http_request *q)
{
    for (const char *p = q->target; *p != '\0'; p++)
        assert((unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f);
    for (const char *p = q->host; *p != '\0' && !ident_is_address(q->host); p++)
        assert(strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_", *p) != NULL);
    assert(*q->target != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request q;
    enum http_request_result result;
    char *copy;

    if (size > HTTP_REQUEST_MAX)
        return 0;
    copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return 0;
    result = parse(&q, copy, data, size);
    if (result == HTTP_REQUEST_COMPLETE) {
        check_complete(&q);
        /* What came before was no request yet: however it is split, the answer is the same. */
        for (size_t n = 0; n < size; n++)
            assert(parse(&q, copy, data, n) == HTTP_REQUEST_INCOMPLETE);
    }
    free(copy);
    return 0;
}
