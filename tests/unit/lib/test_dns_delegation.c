/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/config.h"
#include "lib/dns_delegation.h"

#include <stdio.h>
#include <string.h>

#define LABEL "_ujmmovf2vn55tgye"

/* value: of dns_delegation; NULL: the key is not given. */
static struct config *configure(const char *value)
{
    static char text[500];
    struct config_file file = {"t.conf", text, 0};
    struct config_messages m = {0};
    struct config *c;

    file.len = (size_t)snprintf(text, sizeof text,
                                "[acmed]\nagree_terms = yes\n[certificate web]\ndomains = www.example.com "
                                "*.example.com\nchallenge = dns-01\ndns_hook = exec:/bin/x\n%s%s\n",
                                value != NULL ? "dns_delegation = " : "", value != NULL ? value : "");
    c = config_parse(&file, 1, NULL, &m);
    assert_non_null(c);
    assert_int_equal(m.n, 0);
    return c;
}

static bool allows(const char *value, const char *target)
{
    struct config *c = configure(value);
    struct err e = {0};
    bool ok = dns_delegation_check(&c->certificates[0], "www.example.com", target, &e);

    assert_int_equal(e.class, ok ? ERR_CLASS_NONE : ERR_CLASS_CONFIG);
    config_free(c);
    return ok;
}

static void test_listed(void **state)
{
    static const char *const right[] = {"acme.example.net", "x.acme.example.net", "_a._b.acme.example.net",
                                        "y.in_house", "xn--bcher-kva.example"};
    static const char *const wrong[] = {
        "example.net",      "xacme.example.net", "acme.example.net.evil.example",
        "acme.example.org", "www.example.com",   "net"};
    static const char list[] = "ACME.example.net in_house b\xc3\xbc"
                               "cher.example";

    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        if (!allows(list, right[i]))
            fail_msg("refused: %s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (allows(list, wrong[i]))
            fail_msg("allowed: %s", wrong[i]);
}

/* Those of the certificate's own names need no list. */
static void test_own(void **state)
{
    static const char *const right[] = {"_acme-challenge.www.example.com", "_acme-challenge.example.com",
                                        LABEL "._acme-challenge.example.com"};
    static const char *const wrong[] = {"_acme-challenge.mail.example.com",
                                        "_acme-challenge.*.example.com",
                                        "_acme-challenge.",
                                        "x._acme-challenge.example.com",
                                        LABEL "._acme-challenge.mail.example.com",
                                        LABEL "a._acme-challenge.example.com",
                                        LABEL ".example.com",
                                        LABEL,
                                        "_dmarc.example.com",
                                        "_validation-persist.example.com",
                                        "example.com"};
    static const char *const lists[] = {"off", "acme.example.net"};

    (void)state;
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
            if (!allows(lists[l], right[i]))
                fail_msg("refused: %s", right[i]);
        for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
            if (allows(lists[l], wrong[i]))
                fail_msg("allowed: %s", wrong[i]);
    }
}

static void test_not_given(void **state)
{
    (void)state;
    assert_true(allows(NULL, "anything.example.org"));
}

static void test_what_is_told(void **state)
{
    struct config *c = configure("acme.example.net b.example");
    struct err e;

    (void)state;
    assert_false(dns_delegation_check(&c->certificates[0], "www.example.com", "x.evil.example", &e));
    assert_string_equal(
        e.text, "CNAME records lead from the name of the record for www.example.com to x.evil.example, "
                "where `dns_delegation = acme.example.net b.example` of [certificate web] lets none be "
                "set; if they are right, add x.evil.example, or a domain above it, to that list");
    config_free(c);
    c = configure("off");
    assert_false(dns_delegation_check(&c->certificates[0], "www.example.com", "x.evil.example", &e));
    assert_non_null(strstr(e.text, "`dns_delegation = off` of"));
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_not_given),
        cmocka_unit_test(test_what_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
