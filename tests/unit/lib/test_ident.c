/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/ident.h"

#include <string.h>

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void test_good_names(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"example.com", "example.com"},
        {"WWW.Example.COM.", "www.example.com"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"localhost", "localhost"},
        {"1.2.3.example", "1.2.3.example"},
        {"a-b.c--d.e", "a-b.c--d.e"},
        {L63 ".example", L63 ".example"},
        {L63 "." L63 "." L63 ".a." L63 "", NULL},
        {L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz012345678901234567890123456789abcde",
         L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz012345678901234567890123456789abcde"},
    };
    char out[IDENT_DNS_MAX + 1];
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ident_dns(cases[i].in, out, &e), cases[i].out != NULL);
        if (cases[i].out != NULL)
            assert_string_equal(out, cases[i].out);
    }
}

static void test_bad_names_say_why(void **state)
{
    static const struct {
        const char *in;
        const char *why;
    } cases[] = {
        {"", "missing"},
        {".", "missing"},
        {"*.example.com", "wildcards are not supported yet"},
        {"192.0.2.1", "IP addresses are not supported yet"},
        {"2001:db8::1", "IP addresses are not supported yet"},
        {"[2001:db8::1]", "IP addresses are not supported yet"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--"},
        {"https://example.com", "URL"},
        {"example.com/x", "URL or path"},
        {"example.com:443", "port"},
        {"a.example,b.example", "separated by blanks"},
        {"a..example", "empty label"},
        {".example", "empty label"},
        {"example..", "empty label"},
        {L63 "x.example", "longer than 63"},
        {"a_b.example", "underscore"},
        {"a b.example", "only letters"},
        {"-a.example", "hyphen"},
        {"a-.example", "hyphen"},
        {"a.1", "last label"},
        {"1.2.3.4.", "last label"},
        {"123", "last label"},
    };
    char out[IDENT_DNS_MAX + 1] = "untouched";
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(ident_dns(cases[i].in, out, &e));
        assert_int_equal(e.class, ERR_CLASS_CONFIG);
        if (strstr(e.text, cases[i].why) == NULL)
            fail_msg("\"%s\": %s", cases[i].in, e.text);
    }
    assert_string_equal(out, "untouched");
}

static void test_addresses(void **state)
{
    (void)state;
    assert_true(ident_is_address("127.0.0.1"));
    assert_true(ident_is_address("::1"));
    assert_false(ident_is_address("[::1]"));
    assert_false(ident_is_address("1.2.3"));
    assert_false(ident_is_address("example.com"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names),
        cmocka_unit_test(test_bad_names_say_why),
        cmocka_unit_test(test_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
