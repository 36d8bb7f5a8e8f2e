/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

static json_t *read_text(const char *text, struct err *e)
{
    return json_read_object(text, strlen(text), 100000, e);
}

static void refused(const char *text, const char *why)
{
    struct err e = {0};

    assert_null(read_text(text, &e));
    assert_int_equal(e.class, ERR_CLASS_TRANSIENT);
    assert_non_null(strstr(e.text, why));
}

static void test_refusals(void **state)
{
    (void)state;
    refused("", "not valid JSON");
    refused("<html>", "not valid JSON");
    refused("[]", "not a JSON object");
    refused("{} {}", "not valid JSON");
    refused("{\"a\": 1, \"a\": 2}", "duplicate");
    refused("{\"a\": {\"b\": 1, \"b\": 2}}", "duplicate");
    refused("{\"a\": \"x\\u0000y\"}", "not valid JSON");
    refused("{\"a\": \"\xff\"}", "not valid JSON");
}

static void test_depth(void **state)
{
    char text[30000] = "{\"a\": ";
    struct err e;
    json_t *root;

    (void)state;
    memset(text + 6, '[', 10000);
    memset(text + 10006, ']', 10000);
    text[20006] = '}';
    refused(text, "nested deeper than");
    root = read_text("{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{{{{{{\"}", &e);
    assert_non_null(root);
    json_decref(root);
}

static void test_size(void **state)
{
    struct err e;
    json_t *root = json_read_object("{}", 2, 2, &e);

    (void)state;
    assert_non_null(root);
    json_decref(root);
    assert_null(json_read_object("{ }", 3, 2, &e));
    assert_non_null(strstr(e.text, "3 bytes"));
}

static void test_members(void **state)
{
    struct err e;
    json_t *root = read_text("{\"s\": \"x\", \"a\": [1], \"o\": {}, \"t\": true, \"n\": null, \"i\": 5}", &e);
    const char *s;
    const json_t *value;
    bool flag;

    (void)state;
    assert_non_null(root);
    assert_true(json_member_string(root, "s", &s, &e) && strcmp(s, "x") == 0);
    assert_true(json_member_string(root, "none", &s, &e) && s == NULL);
    assert_true(json_member_string(root, "n", &s, &e) && s == NULL);
    assert_false(json_member_string(root, "i", &s, &e));
    assert_string_equal(e.text, "member \"i\" is a number, not a string");
    assert_false(json_need_string(root, "none", &s, &e));
    assert_string_equal(e.text, "member \"none\" is missing");
    assert_true(json_need_array(root, "a", &value, &e) && json_array_size(value) == 1);
    assert_false(json_need_array(root, "o", &value, &e));
    assert_true(json_member_object(root, "o", &value, &e) && value != NULL);
    assert_false(json_member_object(root, "a", &value, &e));
    assert_true(json_member_bool(root, "t", false, &flag, &e) && flag);
    assert_true(json_member_bool(root, "none", true, &flag, &e) && flag);
    assert_false(json_member_bool(root, "s", true, &flag, &e));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_members),
    };

    json_memory_guard();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
