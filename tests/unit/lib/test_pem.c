/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

/* The first block of text: its bytes as a string, or NULL when the text is refused. The caller frees. */
static char *first(const char *text, bool strict, bool *found)
{
    struct pem_reader r;
    uint8_t *der;
    size_t len;
    char *out;

    pem_reader_init(&r, text, strlen(text), strict);
    if (!pem_next_certificate(&r, &der, &len, NULL))
        return NULL;
    *found = der != NULL;
    out = calloc(1, len + 1);
    assert_non_null(out);
    if (der != NULL)
        memcpy(out, der, len);
    free(der);
    return out;
}

static void decodes(const char *base64, const char *expected)
{
    char text[512];
    bool found = false;
    char *got;

    (void)snprintf(text, sizeof text, BEGIN "%s" END "\n", base64);
    got = first(text, true, &found);
    if (expected == NULL) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_true(found);
        assert_string_equal(got, expected);
    }
    free(got);
}

static void test_base64(void **state)
{
    (void)state;
    decodes("\nZm9vYmFy\n", "foobar");
    decodes("\nZm9vYmE=\n", "fooba");
    decodes("\nZm9vYg==\n", "foob");
    decodes("\r\nZm\r\n9v \tYg=\n=\n", "foob");
    decodes("Zm9vYmFy", "foobar");
    decodes("\nPz8/Pj4+\n", "\x3f\x3f?>>>");
    decodes("", NULL);
    decodes("\n\n", NULL);
    decodes("Zm9vYg", NULL);
    decodes("Zm9vYg=", NULL);
    decodes("Zm9vYg===", NULL);
    decodes("Zm9vYmE==", NULL);
    decodes("Zm9v====", NULL);
    decodes("Zm9v=", NULL);
    decodes("Z===", NULL);
    decodes("====", NULL);
    decodes("Zm9vYh==", NULL); /* bits behind the last byte */
    decodes("Zm9vYmF=", NULL);
    decodes("Zg==Zg==", NULL);
    decodes("Zm9v-_", NULL);
    decodes("Proc-Type: 4,ENCRYPTED\n\nZm9v\n", NULL);
}

static void test_strict_and_lenient(void **state)
{
    bool found = true;
    char *got;

    (void)state;
    got = first("notes\n" BEGIN "\nZm9v\n" END, false, &found);
    assert_string_equal(got, "foo");
    free(got);
    assert_null(first("notes\n" BEGIN "\nZm9v\n" END, true, &found));
    got = first(" \n", true, &found);
    assert_false(found);
    free(got);
    got = first("notes\n", false, &found);
    assert_false(found);
    free(got);
    assert_null(first(BEGIN "\nZm9v\n", false, &found));
}

static void test_write(void **state)
{
    uint8_t der[49];
    struct buf b;

    (void)state;
    memset(der, 0, sizeof der);
    buf_init(&b, 1024);
    assert_true(pem_write(&b, "X", der, 49));
    assert_string_equal(
        b.data, "-----BEGIN X-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                "AA==\n-----END X-----\n");
    buf_clear(&b);
    buf_init(&b, 60);
    assert_false(pem_write(&b, "X", der, 49));
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_strict_and_lenient),
        cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
