/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/err.h"

#include <string.h>

static void test_set_and_wrap(void **state)
{
    struct err e;

    (void)state;
    assert_false(err_set(&e, ERR_CLASS_TRANSIENT, "the CA answered %d", 503));
    assert_false(err_wrap(&e, "order for %s", "example.com"));
    assert_string_equal(e.text, "order for example.com: the CA answered 503");
    assert_int_equal(e.class, ERR_CLASS_TRANSIENT);
}

static void test_control_characters_are_disarmed(void **state)
{
    struct err e;

    (void)state;
    err_set(&e, ERR_CLASS_PERMANENT, "detail: %s", "\033[2Jboo\r\nx");
    assert_string_equal(e.text, "detail: ?[2Jboo? x");
}

static void test_long_text_is_cut(void **state)
{
    struct err e;
    char big[2 * ERR_TEXT_MAX];

    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    err_set(&e, ERR_CLASS_INTERNAL, "%s", big);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    err_wrap(&e, "context");
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(e.text, "context: xxx", 12);
}

static void test_class_names_round_trip(void **state)
{
    enum err_class class;

    (void)state;
    for (int i = 0; i < ERR_CLASS_COUNT; i++) {
        assert_true(err_class_from_str(err_class_to_str((enum err_class)i), &class));
        assert_int_equal(class, i);
    }
    assert_false(err_class_from_str("bogus", &class));
}

static void test_null_is_accepted(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_CLASS_INTERNAL, "x"));
    assert_false(err_wrap(NULL, "x"));
    err_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_wrap),     cmocka_unit_test(test_control_characters_are_disarmed),
        cmocka_unit_test(test_long_text_is_cut), cmocka_unit_test(test_class_names_round_trip),
        cmocka_unit_test(test_null_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
