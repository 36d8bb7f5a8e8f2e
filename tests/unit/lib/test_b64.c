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

static void assert_decodes(const char *text, const char *data, size_t len)
{
    struct buf out;

    buf_init(&out, 64);
    assert_true(b64url_decode(&out, text, strlen(text)));
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data != NULL ? out.data : "", data, len);
    buf_clear(&out);
}

static void assert_not_decoded(const char *text, size_t len, size_t max, bool full)
{
    struct buf out;

    buf_init(&out, max);
    assert_false(b64url_decode(&out, text, len));
    assert_int_equal(out.failed, full);
    buf_clear(&out);
}

static void test_decode(void **state)
{
    (void)state;
    assert_decodes("", "", 0);
    assert_decodes("Zg", "f", 1);
    assert_decodes("Zm8", "fo", 2);
    assert_decodes("Zm9v", "foo", 3);
    assert_decodes("Zm9vYmFy", "foobar", 6);
    assert_decodes("-__-", "\xfb\xff\xfe", 3);
    assert_not_decoded("Z", 1, 64, false);
    assert_not_decoded("Zm9vY", 5, 64, false);
    assert_not_decoded("Zh", 2, 64, false); /* bits that no byte has */
    assert_not_decoded("Zm9=", 4, 64, false);
    assert_not_decoded("Zm+v", 4, 64, false);
    assert_not_decoded("Zm\0v", 4, 64, false);
    assert_not_decoded("Zm9v", 4, 2, true);
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
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
