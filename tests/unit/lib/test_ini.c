/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "lib/ini.h"
#include "lib/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Takes the next item and checks it; name and value may be NULL: not looked at. */
static void expect(struct ini *r, enum ini_kind kind, unsigned line, const char *name, const char *value)
{
    struct ini_item item;

    ini_next(r, &item);
    assert_int_equal(item.kind, kind);
    assert_int_equal(item.line, line);
    if (name != NULL)
        assert_string_equal(item.name, name);
    if (value != NULL)
        assert_string_equal(item.value, value);
}

static void expect_error(struct ini *r, unsigned line, const char *part, bool heading)
{
    struct ini_item item;

    ini_next(r, &item);
    assert_int_equal(item.kind, INI_ERROR);
    assert_int_equal(item.line, line);
    assert_non_null(strstr(item.error, part));
    assert_int_equal(item.heading, heading);
}

static void start(struct ini *r, const char *text)
{
    ini_init(r, text, strlen(text));
}

static void test_sections_entries_comments(void **state)
{
    struct ini r;

    (void)state;
    start(&r, "# comment\n\n ; another\n[acmed]\n  key=value # not a comment  \nempty =\n[ca\t my ca ]\r\na "
              "= b = c\r\nz=1");
    expect(&r, INI_SECTION, 4, "acmed", "");
    expect(&r, INI_ENTRY, 5, "key", "value # not a comment");
    expect(&r, INI_ENTRY, 6, "empty", "");
    expect(&r, INI_SECTION, 7, "ca", "my ca");
    expect(&r, INI_ENTRY, 8, "a", "b = c");
    expect(&r, INI_ENTRY, 9, "z", "1");
    expect(&r, INI_END, 0, NULL, NULL);
    expect(&r, INI_END, 0, NULL, NULL);
    ini_clear(&r);
}

static void test_continuation(void **state)
{
    struct ini r;

    (void)state;
    start(&r, "a = 1 \\\n# between \\\n  2\\  \r\n\\\n3\nb = x\\\\\nc = \\\n\nd = y \\\n");
    expect(&r, INI_ENTRY, 1, "a", "1  2  3");
    expect(&r, INI_ENTRY, 6, "b", "x\\\\");
    expect(&r, INI_ENTRY, 7, "c", "");
    expect_error(&r, 9, "ends in a backslash", false);
    expect(&r, INI_END, 0, NULL, NULL);
    ini_clear(&r);
}

static void test_malformed_lines(void **state)
{
    struct ini r;

    (void)state;
    start(&r, "nothing\n= x\na b = x\n[\n[]\n[a\n[a] x\n[a]]\n[[a]\n[ ]\nok = 1\n");
    expect_error(&r, 1, "neither", false);
    expect_error(&r, 2, "not one word", false);
    expect_error(&r, 3, "not one word", false);
    expect_error(&r, 4, "heading", true);
    expect_error(&r, 5, "no name", true);
    for (unsigned line = 6; line <= 9; line++)
        expect_error(&r, line, "heading", true);
    expect_error(&r, 10, "no name", true);
    expect(&r, INI_ENTRY, 11, "ok", "1");
    ini_clear(&r);
}

static void test_bytes(void **state)
{
    static const char text[] =
        "\xef\xbb\xbf[a]\nx = \0y\nx = \xff\n# \xc0\x80\nx = \033[2J\nx\ry = 1\nx = \xc3\xbc\tz\n[\xff]\n";
    struct ini r;

    (void)state;
    ini_init(&r, text, sizeof text - 1);
    expect_error(&r, 1, "byte order mark", false);
    expect(&r, INI_SECTION, 1, "a", "");
    expect_error(&r, 2, "NUL", false);
    expect_error(&r, 3, "UTF-8", false);
    expect_error(&r, 4, "UTF-8", false);
    expect_error(&r, 5, "control", false);
    expect_error(&r, 6, "control", false);
    expect(&r, INI_ENTRY, 7, "x", "\xc3\xbc\tz");
    expect_error(&r, 8, "UTF-8", true);
    expect(&r, INI_END, 0, NULL, NULL);
    ini_clear(&r);
}

static void put(char *to, const char *s)
{
    while (*s != '\0')
        *to++ = *s++;
}

static void test_long_lines(void **state)
{
    size_t size = 3 * INI_LINE_MAX;
    char *text = malloc(size);
    struct ini r;

    (void)state;
    assert_non_null(text);
    /* Exactly the limit, one more, and one made too long by its continuation. */
    memset(text, 'x', size);
    put(text, "a = ");
    text[INI_LINE_MAX] = '\n';
    ini_init(&r, text, INI_LINE_MAX + 1);
    expect(&r, INI_ENTRY, 1, "a", NULL);
    ini_clear(&r);
    text[INI_LINE_MAX] = 'x';
    put(text + INI_LINE_MAX + 1, "\nb = 1\n");
    ini_init(&r, text, INI_LINE_MAX + 8);
    expect_error(&r, 1, "64 KiB", false);
    expect(&r, INI_ENTRY, 2, "b", "1");
    ini_clear(&r);
    put(text + 100, "\\\n");
    put(text + INI_LINE_MAX + 100, "\\\nc = 2\nd = 3\n");
    ini_init(&r, text, INI_LINE_MAX + 114);
    text[INI_LINE_MAX + 1] = 'x';
    put(text + INI_LINE_MAX + 1, "xxxxxxx");
    expect_error(&r, 1, "64 KiB", false);
    expect(&r, INI_ENTRY, 4, "d", "3");
    ini_clear(&r);
    free(text);
}

static void test_nothing(void **state)
{
    struct ini r;

    (void)state;
    ini_init(&r, NULL, 0);
    expect(&r, INI_END, 0, NULL, NULL);
    ini_clear(&r);
    start(&r, "\\");
    expect_error(&r, 1, "backslash", false);
    ini_clear(&r);
}

static void test_utf8(void **state)
{
    static const struct {
        const char *s;
        size_t len;
    } cases[] = {
        {"a", 1},
        {"\xc3\xbc", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x94\x92", 4},
        {"\x80", 0},
        {"\xc0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"\xc3", 0},
        {"\xc3(", 0},
        {"\xf4\x90\x80", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xe2\x82", 0},
    };
    char lines[] = "a\tb\r\n\xc2\x80";
    char text[] = "ok \xc3\xbc \033 \xff \xc2\x9b \xe2\x82";

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(utf8_char(cases[i].s, strlen(cases[i].s)), cases[i].len);
    assert_int_equal(utf8_char("", 0), 0);
    utf8_make_printable(text);
    assert_string_equal(text, "ok \xc3\xbc ? ? ?? ??");
    utf8_make_text(lines);
    assert_string_equal(lines, "a\tb?\n??");
    utf8_make_line(lines);
    assert_string_equal(lines, "a b? ??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_entries_comments),
        cmocka_unit_test(test_continuation),
        cmocka_unit_test(test_malformed_lines),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
