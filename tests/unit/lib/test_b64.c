/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/b64.h"

#include <stdlib.h>
#include <string.h>

static void assert_encodes(const void *data, size_t len, const char *expected)
{
    char *s = b64url_encode(data, len);

    assert_non_null(s);
    assert_string_equal(s, expected);
    free(s);
}

static void test_vectors_of_the_rfc(void **state)
{
    (void)state;
    assert_encodes("", 0, "");
    assert_encodes(NULL, 0, "");
    assert_encodes("f", 1, "Zg");
    assert_encodes("fo", 2, "Zm8");
    assert_encodes("foo", 3, "Zm9v");
    assert_encodes("foob", 4, "Zm9vYg");
    assert_encodes("fooba", 5, "Zm9vYmE");
    assert_encodes("foobar", 6, "Zm9vYmFy");
}

static void test_url_alphabet(void **state)
{
    (void)state;
    assert_encodes("\xfb\xff\xfe", 3, "-__-");
    assert_encodes("\x00\x00", 2, "AAA");
}

static void test_valid(void **state)
{
    (void)state;
    assert_true(b64url_valid("a", 1));
    assert_true(b64url_valid("AZaz09-_", 8));
    assert_false(b64url_valid("", 8));
    assert_false(b64url_valid("abc", 2));
    assert_false(b64url_valid("ab=", 8));
    assert_false(b64url_valid("a+b", 8));
    assert_false(b64url_valid("../x", 8));
    assert_false(b64url_valid("a\r\n", 8));
    assert_false(b64url_valid("a\xc3\xa9", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_the_rfc),
        cmocka_unit_test(test_url_alphabet),
        cmocka_unit_test(test_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
