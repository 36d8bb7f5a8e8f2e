/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/dns_reply.h"

#include <string.h>

/* A reply to "a.example TXT": 12 bytes of header, the question, then what a test adds. */
#define QUESTION     "\1a\7example\0\0\20\0\1"
#define HEAD(an, ns) "\0\1\204\0\0\1\0" an "\0" ns "\0\0" QUESTION
#define POINTER      "\300\14" /* to a.example in the question */
#define TTL          "\0\0\0\1"

static bool parse(struct dns_reply *r, const char *message, size_t len)
{
    struct err e;

    return dns_reply_parse(r, (const uint8_t *)message, len, &e);
}
#define PARSE(r, text) parse(r, text, sizeof(text) - 1)

static void test_records(void **state)
{
    struct dns_reply r;

    (void)state;
    assert_true(PARSE(&r, HEAD("\5", "\1") POINTER
                      "\0\20\0\1" TTL "\0\6\2ab\2cd" POINTER "\0\20\0\1" TTL "\0\1\0"
                      "\1B\300\16\0\5\0\1" TTL "\0\4\1c\300\16" POINTER "\0\1\0\1" TTL
                      "\0\4\300\0\2\1" POINTER "\0\34\0\1" TTL "\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"
                      "\300\16\0\6\0\1" TTL "\0\30\2ns\300\16\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert_int_equal(r.rcode, DNS_RCODE_OK);
    assert_true(r.authoritative);
    assert_int_equal(r.n, 6);
    assert_string_equal(dns_reply_find(&r, "a.example", DNS_TYPE_TXT, 0), "abcd");
    assert_string_equal(dns_reply_find(&r, "a.example", DNS_TYPE_TXT, 1), "");
    assert_null(dns_reply_find(&r, "a.example", DNS_TYPE_TXT, 2));
    assert_string_equal(dns_reply_find(&r, "b.example", DNS_TYPE_CNAME, 0), "c.example");
    assert_string_equal(dns_reply_find(&r, "a.example", DNS_TYPE_A, 0), "192.0.2.1");
    assert_string_equal(dns_reply_find(&r, "a.example", DNS_TYPE_AAAA, 0), "2001:db8::1");
    assert_null(dns_reply_find(&r, "example", DNS_TYPE_SOA, 0)); /* no answer: of the authority section */
    assert_string_equal(r.v[5].name, "example");
    assert_string_equal(r.v[5].data, "ns.example");
    assert_false(r.v[5].answer);
    dns_reply_clear(&r);
}

static void test_what_is_left_out(void **state)
{
    struct dns_reply r;

    (void)state;
    /* another class, another type, a dot within a label, a NUL within a text, an address of five bytes */
    assert_true(PARSE(&r,
                      HEAD("\5", "\0") POINTER "\0\20\0\3" TTL "\0\2\1a" POINTER "\0\17\0\1" TTL "\0\2\1a"
                                               "\3a.b\300\16\0\20\0\1" TTL "\0\2\1a" POINTER "\0\20\0\1" TTL
                                               "\0\3\2a\0" POINTER "\0\1\0\1" TTL "\0\5\1\2\3\4\5"));
    assert_int_equal(r.n, 0);
    dns_reply_clear(&r);
}

static void test_malformed(void **state)
{
    struct dns_reply r = {.n = 7};
    static const char good[] = HEAD("\1", "\0") POINTER "\0\20\0\1" TTL "\0\2\1a";

    (void)state;
    for (size_t len = 0; len < sizeof good - 1; len++)
        assert_false(parse(&r, good, len));
    assert_int_equal(r.n, 7);
    assert_false(PARSE(&r, "\0\1\4\0\0\0\0\0\0\0\0\0"));                         /* a question, no reply */
    assert_false(PARSE(&r, HEAD("\1", "\0") "\300\35\0\20\0\1" TTL "\0\2\1a"));  /* points to itself */
    assert_false(PARSE(&r, HEAD("\1", "\0") "\300\100\0\20\0\1" TTL "\0\2\1a")); /* points ahead */
    assert_false(
        PARSE(&r, HEAD("\1", "\0") "\100a\0\0\20\0\1" TTL "\0\2\1a")); /* neither label nor pointer */
}

/* Each name is one label and a pointer to the one before it. */
static void test_names_are_bounded(void **state)
{
    char message[4096] = "\0\1\204\0\0\0\0\0\0\0\0\0";
    struct dns_reply r;
    size_t at = 12, before = 0;

    (void)state;
    for (int i = 0; i < 70; i++) {
        char *p = message + at;
        size_t here = at;

        memcpy(p, "\3abc", 4);
        p += 4;
        if (before > 0) {
            *p++ = (char)(0xc0 | before >> 8);
            *p++ = (char)before;
        } else {
            *p++ = 0;
        }
        memcpy(p, "\0\20\0\1" TTL "\0\2\1a", 12);
        at = (size_t)(p + 12 - message);
        before = here;
        message[7] = (char)(i + 1);
        if (i == 60) { /* 61 labels of three are 243 bytes */
            assert_true(parse(&r, message, at));
            assert_int_equal(r.n, 61);
            dns_reply_clear(&r);
        }
    }
    assert_false(parse(&r, message, at)); /* more pointers than any name has */
}

static void test_names(void **state)
{
    char name[DNS_NAME_MAX + 1];

    (void)state;
    assert_true(dns_name_valid("_acme-challenge.www.example.com"));
    assert_true(dns_name_valid("a"));
    assert_false(dns_name_valid(""));
    assert_false(dns_name_valid("-h.example.com"));
    assert_false(dns_name_valid("."));
    assert_false(dns_name_valid("a."));
    assert_false(dns_name_valid(".a"));
    assert_false(dns_name_valid("a..b"));
    assert_false(dns_name_valid("a b"));
    assert_false(dns_name_valid("a\nb"));
    assert_false(dns_name_valid("A"));
    assert_false(dns_name_valid("*.a"));
    memset(name, 'a', sizeof name);
    name[63] = '\0';
    assert_true(dns_name_valid(name));
    name[63] = 'a';
    name[64] = '\0';
    assert_false(dns_name_valid(name));
    for (size_t i = 0; i < DNS_NAME_MAX; i++)
        name[i] = i % 2 == 0 ? 'a' : '.';
    name[253] = '\0';
    assert_true(dns_name_valid(name));
    name[253] = '.';
    name[254] = 'a';
    name[255] = '\0';
    assert_false(dns_name_valid(name));

    assert_true(dns_name_is_below("a.example", "example"));
    assert_true(dns_name_is_below("example", "example"));
    assert_true(dns_name_is_below("example", "."));
    assert_false(dns_name_is_below("bexample", "example"));
    assert_false(dns_name_is_below("example", "a.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),   cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
