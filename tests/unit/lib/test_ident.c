/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/ident.h"

#include <stdlib.h>
#include <string.h>

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void parses(const char *in, const char *expected)
{
    char out[IDENT_MAX + 1];
    char again[IDENT_MAX + 1];
    struct err e = {0};

    if (!ident_parse(in, out, &e))
        fail_msg("\"%s\": %s", in, e.text);
    assert_string_equal(out, expected);
    /* what is canonical stays as it is */
    assert_true(ident_parse(out, again, &e));
    assert_string_equal(again, out);
}

static void says(const char *in, const char *why)
{
    char out[IDENT_MAX + 1] = "untouched";
    struct err e = {0};

    assert_false(ident_parse(in, out, &e));
    assert_int_equal(e.class, ERR_CLASS_CONFIG);
    if (strstr(e.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\": %s", in, why, e.text);
    assert_string_equal(out, "untouched");
}

static void test_dns_names(void **state)
{
    (void)state;
    parses("example.com", "example.com");
    parses("WWW.Example.COM.", "www.example.com");
    parses("localhost", "localhost");
    parses("1.2.3.example", "1.2.3.example");
    parses("a-b.c--d.e", "a-b.c--d.e");
    parses(L63 ".example", L63 ".example");
    parses(L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz012345678901234567890123456789abcde",
           L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz012345678901234567890123456789abcde");
    parses("*.example.com", "*.example.com");
    parses("*.Sub.Example.COM.", "*.sub.example.com");
}

static void test_wrong_dns_names(void **state)
{
    (void)state;
    says("", "missing");
    says(".", "missing");
    says("https://example.com", "URL");
    says("example.com/x", "URL or path");
    says("example.com:443", "without a port");
    says("a.example,b.example", "separated by blanks");
    says("me@example.com", "e-mail");
    says("a..example", "empty label");
    says(".example", "empty label");
    says("example..", "empty label");
    says(L63 "x.example", "longer than 63");
    says(L63 "." L63 "." L63 ".a." L63, "longer than the 253 bytes");
    says("a_b.example", "underscore");
    says("a b.example", "only letters");
    says("-a.example", "hyphen");
    says("a-.example", "hyphen");
    says("a.1", "last label");
    says("1.2.3.4.", "last label");
    says("256.1.1.1", "neither an address nor a DNS name");
    says("192.168.001.001", "neither an address nor a DNS name");
    says("123", "last label");
}

static void test_wrong_wildcards(void **state)
{
    (void)state;
    says("*", "as in *.example.com");
    says("*.", "missing");
    says("*.*.example.com", "the whole first label");
    says("foo*.example.com", "the whole first label");
    says("*foo.example.com", "the whole first label");
    says("a.*.example.com", "the whole first label");
    says("**.example.com", "the whole first label");
    says("*.com", "single label");
    says("*.192.0.2.1", "no wildcards of addresses");
    says("*.a_b.example", "underscore");
    says("*." L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz01234567890123456789012345678abcde",
         "longer than the 253 bytes");
}

static void test_addresses(void **state)
{
    (void)state;
    parses("192.0.2.1", "192.0.2.1");
    /* RFC 5952 section 4, its own examples */
    parses("2001:0db8::0001", "2001:db8::1");
    parses("2001:db8:0:0:0:0:2:1", "2001:db8::2:1");
    parses("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    parses("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
    parses("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    parses("2001:DB8::ABCD", "2001:db8::abcd");
    parses("::1", "::1");
    parses("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
    parses("::198.51.100.7", "::c633:6407");
    parses("1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444:5555:6666:7777:8888");
}

static void test_wrong_addresses(void **state)
{
    (void)state;
    says("192.0.2.1:443", "write the address alone");
    says("[2001:db8::1]", "without brackets");
    says("[2001:db8::1]:443", "without brackets and port");
    says("192.0.2.0/24", "without `/24`");
    says("2001:db8::/32", "without `/32`");
    says("fe80::1%eth0", "scope id");
    says("[fe80::1%eth0]", "scope id");
    says("2001:db8::1::2", "no IPv6 address");
    says("::ffff:192.0.2.1", "write 192.0.2.1");
    says("0.0.0.0", "every address");
    says("::", "every address");
    says("224.0.0.1", "multicast");
    says("255.255.255.255", "reserved");
    says("ff02::1", "multicast");
}

/* From RFC 5891, UTS #46 and RFC 5893's reasons for being there. */
static void test_international_names(void **state)
{
    (void)state;
    parses("bücher.example", "xn--bcher-kva.example");
    parses("BÜCHER.Example.", "xn--bcher-kva.example");
    parses("bu\u0308cher.example", "xn--bcher-kva.example");
    parses("xn--bcher-kva.example", "xn--bcher-kva.example");
    parses("XN--BCHER-KVA.example", "xn--bcher-kva.example");
    parses("*.bücher.example", "*.xn--bcher-kva.example");
    parses("faß.de", "xn--fa-hia.de"); /* not fass.de, as IDNA2003 had it */
    parses("xn--fa-hia.de", "xn--fa-hia.de");
    parses("βόλος.com", "xn--nxasmm1c.com"); /* final sigma */
    parses("ＡＢＣ.example", "abc.example");
    parses("ü。example", "xn--tda.example");
    parses("ü.x.", "xn--tda.x");
    parses("例え.テスト", "xn--r8jz45g.xn--zckzah");
}

static void test_joiners_and_directions(void **state)
{
    (void)state;
    parses("क्\u200dष.example", "xn--11b2ezcw70k.example");
    parses("نامه\u200cای.com", "xn--mgba3gch31f060k.com");
    says("a\u200db.example", "invisible joiner");
    parses("אב.example", "xn--4dbc.example");
    says("0א.example", "directions of writing");
    says("אa.example", "directions of writing");
}

static void test_wrong_international_names(void **state)
{
    (void)state;
    says("i❤.ws", "write its xn-- form");
    parses("xn--i-7iq.ws", "xn--i-7iq.ws"); /* it is registered, and certified */
    says("\u0308ü.example", "combining mark");
    says("ab--ü.example", "third and fourth place");
    says("-ü.example", "begins or ends with a hyphen");
    says("bü_cher.example", "underscore");
    says("ü*.example", "the whole first label");
    says("bü/cher.example", "URL or path");
    says("bü!cher.example", "only letters");
    says("ü..example", "empty label");
    says("ü。。", "empty label");
    says("１２７.0.0.1", "last label is a number");
    says("\xff\xfe.example", "no UTF-8");
    says("xn--zzzzzz.example", "begins with xn--");
    says("xn--abc-.example", "ends with a hyphen");
    says("xn--.example", "ends with a hyphen");
    says("xn--99999999999.example", "begins with xn--");
    says("xn--zzzzzz-ü.example", "begins with xn--");
}

static void test_hosts_are_no_wildcards_and_addresses(void **state)
{
    char out[IDENT_MAX + 1] = "untouched";
    struct err e;

    (void)state;
    assert_false(ident_dns("*.example.com", out, &e));
    assert_non_null(strstr(e.text, "is a wildcard"));
    assert_false(ident_dns("192.0.2.1", out, &e));
    assert_non_null(strstr(e.text, "is an IP address"));
    assert_string_equal(out, "untouched");
    memcpy(out, "BÜCHER.example", sizeof "BÜCHER.example");
    assert_true(ident_dns(out, out, &e));
    assert_string_equal(out, "xn--bcher-kva.example");
}

static void test_what_a_ca_names(void **state)
{
    char out[IDENT_MAX + 1];
    char big[IDENT_MAX + 3];

    (void)state;
    assert_true(ident_read("dns", "WWW.Example.com.", out));
    assert_string_equal(out, "www.example.com");
    assert_true(ident_read("ip", "2001:DB8:0::1", out));
    assert_string_equal(out, "2001:db8::1");
    assert_false(ident_read("dns", "192.0.2.1", out));
    assert_false(ident_read("dns", "192.0.2.1.", out));
    assert_false(ident_read("ip", "www.example.com", out));
    assert_false(ident_read("ip", "192.0.2.1.", out));
    assert_false(ident_read("email", "me@example.com", out));
    assert_false(ident_read("DNS", "example.com", out));
    assert_false(ident_read("dns", "", out));
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_false(ident_read("dns", big, out));
    big[IDENT_MAX] = '\0';
    assert_true(ident_read("dns", big, out));
}

static void test_types(void **state)
{
    uint8_t bytes[16];
    char out[IDENT_ADDRESS_MAX + 1];

    (void)state;
    assert_string_equal(ident_type_to_str(ident_type("example.com")), "dns");
    assert_string_equal(ident_type_to_str(ident_type("*.example.com")), "dns");
    assert_string_equal(ident_type_to_str(ident_type("192.0.2.1")), "ip");
    assert_string_equal(ident_type_to_str(ident_type("::1")), "ip");
    assert_string_equal(ident_base("*.example.com"), "example.com");
    assert_string_equal(ident_base("www.example.com"), "www.example.com");
    assert_true(ident_is_address("127.0.0.1"));
    assert_true(ident_is_address("::1"));
    assert_false(ident_is_address("[::1]"));
    assert_false(ident_is_address("1.2.3"));
    assert_false(ident_is_address("example.com"));
    assert_int_equal(ident_address_bytes("192.0.2.1", bytes), 4);
    assert_true(ident_from_address(bytes, 4, out));
    assert_string_equal(out, "192.0.2.1");
    assert_int_equal(ident_address_bytes("2001:db8::1", bytes), 16);
    assert_int_equal(bytes[0], 0x20);
    assert_int_equal(bytes[15], 1);
    assert_int_equal(ident_address_bytes("::ffff:1.2.3.4", bytes), 16);
    assert_true(ident_from_address(bytes, 16, out));
    assert_string_equal(out, "::ffff:102:304");
    assert_false(ident_from_address(bytes, 8, out));
}

static void test_wildcards_cover_one_label(void **state)
{
    (void)state;
    assert_true(ident_covers("example.com", "example.com"));
    assert_false(ident_covers("example.com", "www.example.com"));
    assert_true(ident_covers("*.example.com", "www.example.com"));
    assert_false(ident_covers("*.example.com", "example.com"));
    assert_false(ident_covers("*.example.com", "a.b.example.com"));
    assert_false(ident_covers("*.example.com", ".example.com"));
    assert_false(ident_covers("*.example.com", "wwwexample.com"));
    assert_false(ident_covers("*.0.2.1", "192.0.2.1"));
    assert_true(ident_covers("*.example.com", "*.example.com"));
    assert_false(ident_covers("*.b.example.com", "*.a.b.example.com"));
    assert_true(ident_covers("::1", "::1"));
}

static void test_what_public_cas_do_not_issue_for(void **state)
{
    static const char *const fine[] = {"example.com", "*.example.com", "8.8.8.8",         "172.32.0.1",
                                       "100.128.0.1", "198.20.0.1",    "2a01:4f8:c17::2", "2001:db9::1"};
    static const struct {
        const char *ident;
        const char *why;
    } not [] = {{"localhost", "single label"},
                {"printer.local", "local networks"},
                {"*.corp.internal", "local networks"},
                {"10.1.2.3", "private"},
                {"172.16.0.1", "private"},
                {"172.31.255.255", "private"},
                {"192.168.0.1", "private"},
                {"100.127.0.1", "carrier"},
                {"127.0.0.1", "loopback"},
                {"169.254.1.1", "link-local"},
                {"198.19.1.1", "reserved"},
                {"203.0.113.9", "documentation"},
                {"::1", "loopback"},
                {"fd00::1", "private"},
                {"fe80::1", "link-local"},
                {"febf::1", "link-local"},
                {"2001:db8::1", "documentation"},
                {"64:ff9b::1", "reserved"}};

    (void)state;
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        assert_null(ident_not_public(fine[i]));
    for (size_t i = 0; i < sizeof not / sizeof not [0]; i++) {
        const char *why = ident_not_public(not [i].ident);

        if (why == NULL || strstr(why, not [i].why) == NULL)
            fail_msg("%s: %s", not [i].ident, why != NULL ? why : "nothing");
    }
}

static void asks_for(const char *names, const char *host, const char *expected)
{
    struct strv list = {0};
    char out[IDENT_MAX + 1] = "";
    size_t n;

    for (const char *p = names; *p != '\0'; p += n + strspn(p + n, " ")) {
        n = strcspn(p, " ");
        assert_true(strv_addn(&list, p, n));
    }
    assert_int_equal(ident_server_name(&list, host, out), expected != NULL);
    if (expected != NULL)
        assert_string_equal(out, expected);
    strv_clear(&list);
}

static void test_server_names(void **state)
{
    char longest[IDENT_MAX + 1] =
        "*." L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz012345678901234567890123456789abc";

    (void)state;
    asks_for("example.com www.example.com", "127.0.0.1", "example.com");
    asks_for("192.0.2.1 *.example.com b.example.com", "127.0.0.1", "b.example.com");
    asks_for("*.example.com", "127.0.0.1", "www.example.com");
    asks_for("*.example.com *.example.org", "a.example.org", "a.example.org");
    asks_for("*.example.com 127.0.0.1", "127.0.0.1", "www.example.com");
    asks_for("192.0.2.1 ::1", "192.0.2.1", NULL);
    assert_int_equal(strlen(longest), IDENT_MAX);
    longest[1] = '.';
    asks_for(longest, "127.0.0.1",
             "w." L63 "." L63 "." L63 ".abcdefghijklmnopqrstuvwxyz012345678901234567890123456789abc");
}

static void shows(const char *ident, const char *expected)
{
    char *text = ident_to_people(ident);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_for_people(void **state)
{
    (void)state;
    shows("example.com", "example.com");
    shows("xn--bcher-kva.example", "bücher.example (xn--bcher-kva.example)");
    shows("*.xn--bcher-kva.example", "*.bücher.example (*.xn--bcher-kva.example)");
    shows("2001:db8::1", "2001:db8::1");
    /* not what it says it is, or nothing that the library trusts */
    shows("xn--zzzzzz.example", "xn--zzzzzz.example");
    shows("xn--a.example", "xn--a.example");
    shows("xn--i-7iq.ws", "xn--i-7iq.ws");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dns_names),
        cmocka_unit_test(test_wrong_dns_names),
        cmocka_unit_test(test_wrong_wildcards),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_wrong_addresses),
        cmocka_unit_test(test_international_names),
        cmocka_unit_test(test_joiners_and_directions),
        cmocka_unit_test(test_wrong_international_names),
        cmocka_unit_test(test_hosts_are_no_wildcards_and_addresses),
        cmocka_unit_test(test_what_a_ca_names),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_wildcards_cover_one_label),
        cmocka_unit_test(test_what_public_cas_do_not_issue_for),
        cmocka_unit_test(test_server_names),
        cmocka_unit_test(test_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
