/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_KEEPER_JWS_H
#define ACMED_TEST_KEEPER_JWS_H

/* What a signed request says. */

#include "tests/unit/keeper/ca.h"

#include <jansson.h>

/* The "protected" header or the "payload" of a flattened JWS as JSON; NULL for an empty payload. */
static inline json_t *jws_part(const char *jws, const char *part)
{
    json_t *all = json_loads(jws, 0, NULL);
    const char *text = json_string_value(json_object_get(all, part));
    static unsigned char decoded[65536];
    size_t len;
    json_t *json = NULL;

    assert_non_null(text);
    len = ca_decode(text, strlen(text), decoded, sizeof decoded);
    if (len > 0) {
        json = json_loadb((const char *)decoded, len, 0, NULL);
        assert_non_null(json);
    }
    json_decref(all);
    return json;
}

static inline void jws_header_is(const char *jws, const char *member, const char *want)
{
    json_t *header = jws_part(jws, "protected");
    const char *is = json_string_value(json_object_get(header, member));

    if (want == NULL) {
        assert_null(is);
    } else {
        assert_non_null(is);
        assert_string_equal(is, want);
    }
    json_decref(header);
}

/* The CSR of a finalize request; the caller frees. */
static inline char *jws_csr(const char *jws)
{
    json_t *payload = jws_part(jws, "payload");
    const char *csr = json_string_value(json_object_get(payload, "csr"));
    char *copy;

    assert_non_null(csr);
    copy = strdup(csr);
    json_decref(payload);
    return copy;
}

#endif
