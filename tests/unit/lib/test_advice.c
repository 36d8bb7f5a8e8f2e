/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/acme.h"
#include "lib/advice.h"
#include "lib/order.h"

#include <stdlib.h>
#include <string.h>

static void says(const char *error, enum challenge_type challenge, const char *words)
{
    char text[ADVICE_MAX];
    bool any = advice_for(error, challenge, text);

    if (words == NULL) {
        if (any)
            fail_msg("%s: %s", error, text);
        assert_string_equal(text, "");
        return;
    }
    if (!any || strstr(text, words) == NULL)
        fail_msg("%s: %s", error, any ? text : "nothing");
}

static void test_validations(void **state)
{
    (void)state;
    says("waiting for the CA to validate: a.example could not be validated: connection: 192.0.2.1: Timeout",
         CHALLENGE_TYPE_HTTP_01, "Port 80");
    says("a.example could not be validated: unauthorized: 192.0.2.1: Invalid response",
         CHALLENGE_TYPE_HTTP_01, "Something else than acmed answered");
    says("a.example could not be validated: dns: NXDOMAIN looking up A", CHALLENGE_TYPE_HTTP_01,
         "finds no address");
    says("a.example could not be validated: dns: NXDOMAIN looking up TXT", CHALLENGE_TYPE_DNS_01,
         "TXT record _acme-challenge");
    says("a.example could not be validated: unauthorized: no TXT record found", CHALLENGE_TYPE_DNS_01,
         "TXT record _acme-challenge");
    says("a.example could not be validated: unauthorized: no TXT record found", CHALLENGE_TYPE_DNS_ACCOUNT_01,
         "_LABEL._acme-challenge.NAME");
    says("a.example could not be validated: dns: NXDOMAIN looking up TXT", CHALLENGE_TYPE_DNS_PERSIST_01,
         "_validation-persist.NAME");
    says("a.example could not be validated: caa: CAA record for example forbids", CHALLENGE_TYPE_DNS_01,
         "CAA");
    says("a.example could not be validated: connection: refused", CHALLENGE_TYPE_TLS_ALPN_01, "port 443");
    says("a.example could not be validated: tls: no application protocol", CHALLENGE_TYPE_TLS_ALPN_01,
         "acme-tls/1");
    says("the CA made the order invalid: connection: x", CHALLENGE_TYPE_HTTP_01, "Port 80");
    says("a.example could not be validated: connection", CHALLENGE_TYPE_HTTP_01, "Port 80");
    /* The first name's reason is the one that is explained. */
    says("a could not be validated: dns: x; b: connection: y", CHALLENGE_TYPE_HTTP_01, "finds no address");
}

static void test_requests(void **state)
{
    (void)state;
    says("placing the order: HTTP 403 caa: forbidden", CHALLENGE_TYPE_HTTP_01, "CAA");
    says("placing the order: HTTP 400 rejectedIdentifier: policy", CHALLENGE_TYPE_HTTP_01, "take it out");
    says("placing the order: HTTP 429 rateLimited: too many", CHALLENGE_TYPE_HTTP_01, "limit is used up");
    says("CA test: HTTP 403 userActionRequired: terms changed", CHALLENGE_TYPE_HTTP_01, "account update");
    says("HTTP 429 rateLimited: see https://x.example/unpause?j=1", CHALLENGE_TYPE_HTTP_01,
         "open https://x.example/unpause?j=1 to lift");
    /* The same word means something else there: the account may not. */
    says("HTTP 403 unauthorized: account deactivated", CHALLENGE_TYPE_HTTP_01, NULL);
}

static void test_nothing_to_add(void **state)
{
    (void)state;
    says("", CHALLENGE_TYPE_HTTP_01, NULL);
    says("the CA could not be reached: connection refused", CHALLENGE_TYPE_HTTP_01, NULL);
    says("a could not be validated: ", CHALLENGE_TYPE_HTTP_01, NULL);
    says("a could not be validated: connections: x", CHALLENGE_TYPE_HTTP_01, NULL);
    says("a could not be validated: connection: x", CHALLENGE_TYPE_DNS_01, NULL);
    says("a could not be validated: inventedYesterday: x", CHALLENGE_TYPE_HTTP_01, NULL);
    says("HTTP 99", CHALLENGE_TYPE_HTTP_01, NULL);
    says("HTTP 500", CHALLENGE_TYPE_HTTP_01, NULL);
    says("HTTP 500 ", CHALLENGE_TYPE_HTTP_01, NULL);
    says("HTTP ", CHALLENGE_TYPE_HTTP_01, NULL);
}

/* What acmed itself makes of a CA's words is what the table understands. */
static void test_texts_of_replies(void **state)
{
    static const char body[] =
        "{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\",\"detail\":\"no\"}";
    const struct http_reply reply = {
        .status = 400, .body = (char *)body, .body_len = sizeof body - 1, .retry_after = -1};
    struct err e;

    (void)state;
    assert_false(acme_reply_check(&reply, 0, NULL, &e));
    says(e.text, CHALLENGE_TYPE_HTTP_01, "take it out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validations),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_nothing_to_add),
        cmocka_unit_test(test_texts_of_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
