/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/dns_persist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void test_a_line_to_be_published(void **state)
{
    char content[600];
    char expected[700];
    char *line = dns_persist_line("_validation-persist.a.test", "ca.test; accounturi=" URL);

    (void)state;
    assert_string_equal(line, "_validation-persist.a.test. TXT \"ca.test; accounturi=" URL "\"");
    free(line);
    memset(content, 'x', 512);
    content[512] = '\0';
    (void)snprintf(expected, sizeof expected, "a. TXT \"%.255s\" \"%.255s\" \"xx\"", content, content);
    line = dns_persist_line("a", content);
    assert_string_equal(line, expected);
    free(line);
    content[510] = '\0';
    (void)snprintf(expected, sizeof expected, "a. TXT \"%.255s\" \"%.255s\"", content, content);
    line = dns_persist_line("a", content);
    assert_string_equal(line, expected);
    free(line);
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
        cmocka_unit_test(test_a_line_to_be_published),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_not_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
