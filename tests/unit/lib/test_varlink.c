/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/varlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse(struct varlink_call *c, const char *text)
{
    struct err e;

    return varlink_call_parse(c, text, strlen(text), &e);
}

static void test_calls(void **state)
{
    struct varlink_call c;

    (void)state;
    assert_true(parse(
        &c, "{\"method\":\"org.acmed.Control.Status\",\"parameters\":{\"names\":[\"a\"]},\"more\":true}"));
    assert_string_equal(c.method, "org.acmed.Control.Status");
    assert_true(c.more);
    assert_false(c.oneway);
    assert_int_equal(json_array_size(json_object_get(c.parameters, "names")), 1);
    varlink_call_clear(&c);
    assert_null(c.method);
    assert_true(parse(&c, " {\"method\":\"a.b\",\"oneway\":true,\"upgrade\":true,\"unknown\":[]}\n"));
    assert_true(c.oneway && c.upgrade && !c.more);
    assert_int_equal(json_object_size(c.parameters), 0);
    varlink_call_clear(&c);
    assert_true(parse(&c, "{\"method\":\"a.b\",\"parameters\":null}"));
    assert_true(json_is_object(c.parameters));
    varlink_call_clear(&c);
}

static void test_calls_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "x",
        "[]",
        "\"a\"",
        "{}",
        "{\"method\":1}",
        "{\"method\":\"\"}",
        "{\"method\":\"a.b\",\"method\":\"a.c\"}",
        "{\"method\":\"a.b\",\"parameters\":[]}",
        "{\"method\":\"a.b\",\"parameters\":\"x\"}",
        "{\"method\":\"a.b\",\"parameters\":{\"x\":1,\"x\":2}}",
        "{\"method\":\"a.b\",\"more\":1}",
        "{\"method\":\"a.b\",\"oneway\":\"true\"}",
        "{\"method\":\"a.b\",\"upgrade\":{}}",
        "{\"method\":\"a.b\",\"more\":true,\"oneway\":true}",
        "{\"method\":\"a\xff\"}",
        "{\"method\":\"a\\u0000b\"}",
        "{\"method\":\"a.b\"}{}",
        "{\"method\":\"a.b\"",
    };
    struct varlink_call c = {.more = true};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(varlink_call_parse(&c, texts[i], strlen(texts[i]), &e));
        assert_int_equal(e.class, ERR_CLASS_PERMANENT);
        assert_null(c.method);
        assert_true(c.more);
    }
    assert_false(varlink_call_parse(&c, "{\"method\":\"a.b\"}\0", 17, &e));
    assert_false(varlink_call_parse(&c, "{\"method\":\"a.b\"", 15, NULL));
}

static void test_size_and_depth(void **state)
{
    struct varlink_call c;
    struct err e;
    char *text = malloc(VARLINK_REQUEST_MAX + 2);
    size_t n;

    (void)state;
    n = (size_t)sprintf(text, "{\"method\":\"a.b\"}");
    memset(text + n, ' ', VARLINK_REQUEST_MAX + 1 - n);
    assert_true(varlink_call_parse(&c, text, VARLINK_REQUEST_MAX, &e));
    varlink_call_clear(&c);
    assert_false(varlink_call_parse(&c, text, VARLINK_REQUEST_MAX + 1, &e));
    memset(text, '[', VARLINK_REQUEST_MAX);
    assert_false(varlink_call_parse(&c, text, VARLINK_REQUEST_MAX, &e));
    n = (size_t)sprintf(text, "{\"method\":\"a.b\",\"parameters\":{\"a\":");
    memset(text + n, '[', 30);
    memset(text + n + 30, ']', 30);
    memcpy(text + n + 60, "}}", 3);
    assert_true(parse(&c, text));
    varlink_call_clear(&c);
    memset(text + n, '[', 31);
    memset(text + n + 31, ']', 31);
    memcpy(text + n + 62, "}}", 3);
    assert_false(parse(&c, text));
    assert_true(parse(
        &c, "{\"method\":\"a.b\",\"parameters\":{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"\"}}"));
    varlink_call_clear(&c);
    free(text);
}

static void test_messages(void **state)
{
    char *text;

    (void)state;
    text = varlink_reply(json_pack("{s:i}", "a", 1), true);
    assert_string_equal(text, "{\"parameters\":{\"a\":1},\"continues\":true}");
    free(text);
    text = varlink_reply(NULL, false);
    assert_string_equal(text, "{\"parameters\":{}}");
    free(text);
    text = varlink_error(VARLINK_INVALID_PARAMETER, json_pack("{s:s}", "parameter", "names"));
    assert_string_equal(
        text,
        "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"names\"}}");
    free(text);
    text = varlink_request("a.b", NULL, true);
    assert_string_equal(text, "{\"method\":\"a.b\",\"parameters\":{},\"more\":true}");
    free(text);
}

static void test_replies(void **state)
{
    struct varlink_reply r;
    struct err e;
    const char *text = "{\"error\":\"org.varlink.service.PermissionDenied\"}";

    (void)state;
    assert_true(varlink_reply_parse(&r, text, strlen(text), &e));
    assert_string_equal(r.error, VARLINK_PERMISSION_DENIED);
    assert_non_null(r.parameters);
    varlink_reply_clear(&r);
    text = "{\"continues\":true,\"parameters\":{\"x\":[]}}";
    assert_true(varlink_reply_parse(&r, text, strlen(text), &e));
    assert_null(r.error);
    assert_true(r.continues);
    varlink_reply_clear(&r);
    assert_false(varlink_reply_parse(&r, "{\"error\":5}", 11, &e));
    assert_false(varlink_reply_parse(&r, "{\"continues\":5}", 15, &e));
    assert_false(varlink_reply_parse(&r, "{\"parameters\":5}", 16, &e));
}

/* The table and the interface text name the same methods. */
static void test_methods_are_those_of_the_description(void **state)
{
    static const char *const interfaces[] = {VARLINK_SERVICE, VARLINK_CONTROL_INTERFACE};
    unsigned found = 0;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *p = varlink_description(interfaces[i]);

        assert_non_null(p);
        while ((p = strstr(p, "\nmethod ")) != NULL) {
            char name[100];
            const struct varlink_method *m;

            p += strlen("\nmethod ");
            snprintf(name, sizeof name, "%s.%.*s", interfaces[i], (int)strcspn(p, "("), p);
            m = varlink_find_method(name);
            assert_non_null(m);
            assert_string_equal(m->name, name);
            found++;
        }
    }
    assert_int_equal(found, VARLINK_METHOD_COUNT);
    assert_null(varlink_description("org.example"));
    assert_null(varlink_find_method("org.acmed.Control.status"));
    assert_null(varlink_find_method("Status"));
    assert_true(varlink_has_interface("org.acmed.Control.Nope"));
    assert_false(varlink_has_interface("org.acmed.Nope"));
    assert_false(varlink_has_interface("nope"));
}

static void test_privileges(void **state)
{
    (void)state;
    assert_int_equal(varlink_find_method("org.acmed.Control.Renew")->privilege, VARLINK_CONTROL);
    assert_int_equal(varlink_find_method("org.acmed.Control.Deploy")->privilege, VARLINK_CONTROL);
    assert_int_equal(varlink_find_method("org.acmed.Control.Reload")->privilege, VARLINK_CONTROL);
    assert_int_equal(varlink_find_method("org.acmed.Control.Status")->privilege, VARLINK_READ);
    assert_true(varlink_find_method("org.acmed.Control.Watch")->more_required);
    assert_int_equal(varlink_find_method("org.acmed.Control.Renew")->id, VARLINK_RENEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),          cmocka_unit_test(test_calls_refused),
        cmocka_unit_test(test_size_and_depth), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_replies),        cmocka_unit_test(test_methods_are_those_of_the_description),
        cmocka_unit_test(test_privileges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
