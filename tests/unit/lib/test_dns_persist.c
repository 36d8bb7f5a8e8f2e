/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/dns_persist.h"

#include <stdlib.h>

#define URL "https://ca.test/acct/1"
#define NOW INT64_C(1794000000)

static char *names[] = {(char *)"ca.test", (char *)"other.test"};
static const struct strv issuers = {names, 2};

static void test_record(void **state)
{
    char *text = dns_persist_record("ca.test", URL, false);

    (void)state;
    assert_string_equal(text, "ca.test; accounturi=" URL);
    assert_true(dns_persist_allows(text, &issuers, URL, false, NOW));
    assert_false(dns_persist_allows(text, &issuers, URL, true, NOW));
    free(text);
    text = dns_persist_record("other.test", URL, true);
    assert_string_equal(text, "other.test; accounturi=" URL "; policy=wildcard");
    assert_true(dns_persist_allows(text, &issuers, URL, true, NOW));
    free(text);
}

static void test_allowed(void **state)
{
    static const char *const records[] = {
        "CA.test;accounturi=" URL,
        " ca.test ;\taccounturi=" URL " ; ",
        "ca.test; AccountURI=" URL "; Policy=Wildcard; unknown=x",
        "ca.test; accounturi=" URL "; persistuntil=1794000000",
    };

    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
        if (!dns_persist_allows(records[i], &issuers, URL, false, NOW))
            fail_msg("%s", records[i]);
}

static void test_not_allowed(void **state)
{
    static const char *const records[] = {
        "",
        ";",
        "ca.test",
        "accounturi=" URL,
        "ca.test accounturi=" URL,
        "foreign.test; accounturi=" URL,
        "ca.test; accounturi=" URL "1",
        "ca.test; accounturi=https://ca.test/acct",
        "ca.test; accounturi=" URL "; accounturi=" URL,
        "ca.test; accounturi=" URL "; policy",
        "ca.test; accounturi=" URL "; persistUntil=1793999999",
        "ca.test; accounturi=" URL "; persistUntil=",
        "ca.test; accounturi=" URL "; persistUntil=1e20",
        "ca.test; accounturi=" URL "; persistUntil=99999999999999999999999999",
        "v=spf1 -all",
    };

    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
        if (dns_persist_allows(records[i], &issuers, URL, false, NOW))
            fail_msg("%s", records[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_not_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
