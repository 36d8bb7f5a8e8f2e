/* SPDX-License-Identifier: MIT */
#include "lib/status.h"
#include "lib/varlink.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_call(const struct varlink_call *c)
{
    struct varlink_call again;
    struct err e;
    char *text;

    assert(c->method != NULL && json_is_object(c->parameters) && !(c->more && c->oneway));
    (void)varlink_find_method(c->method);
    (void)varlink_has_interface(c->method);
    text = varlink_request(c->method, json_incref(c->parameters), c->more);
    assert(text != NULL);
    if (varlink_call_parse(&again, text, strlen(text), &e)) { /* it may have grown beyond the bound */
        assert(strcmp(again.method, c->method) == 0 && json_equal(again.parameters, c->parameters));
        varlink_call_clear(&again);
    }
    free(text);
}

/* The parameters of a reply as the status of a certificate. */
static void check_status(const json_t *parameters)
{
    struct status_certificate s;
    struct err e;
    json_t *j;

    if (!status_certificate_from_json(&s, parameters, &e))
        return;
    (void)status_needs_attention(&s, 1800000000);
    j = status_certificate_to_json(&s);
    assert(j != NULL);
    json_decref(j);
    status_certificate_clear(&s);
}

/* The input is read as a call and as a reply. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct varlink_call call;
    struct varlink_reply reply;
    struct err e;

    if (varlink_call_parse(&call, (const char *)data, size, &e)) {
        check_call(&call);
        varlink_call_clear(&call);
    }
    if (varlink_reply_parse(&reply, (const char *)data, size, &e)) {
        check_status(reply.parameters);
        varlink_reply_clear(&reply);
    }
    return 0;
}
