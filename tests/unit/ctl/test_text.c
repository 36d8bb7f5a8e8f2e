/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "ctl/suggest.h"
#include "ctl/text.h"
#include "ctl/when.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static void assert_clean(const char *in, bool utf8, bool lines, const char *expected)
{
    char *out = text_clean(in, utf8, lines);

    assert_string_equal(out, expected);
    free(out);
}

static void test_control_characters_never_pass(void **state)
{
    (void)state;
    assert_clean("a\033[2Jb\007\177", true, false, "a?[2Jb??");
    assert_clean("one\r\n\ttwo", true, false, "one?  two");
    assert_clean("one\ntwo", true, true, "one\ntwo");
    assert_clean("c1 \xc2\x9b csi", true, false, "c1 ? csi");
    assert_clean("rtl \xe2\x80\xae override", true, false, "rtl ? override");
    assert_clean("zero\xe2\x80\x8bwidth", true, false, "zero?width");
    assert_clean("broken \xc3( \xff", true, false, "broken ?( ?");
    assert_clean("überall", true, false, "überall");
    assert_clean("überall", false, false, "?berall");
}

static void test_json_is_cleaned_at_every_depth(void **state)
{
    json_t *j = json_pack("{s:s, s:[s,{s:s, s:s}], s:i}", "a", "x\033y", "b", "\007", "output", "1\n2\033",
                          "text", "1\n2", "n", 3);
    json_t *inner = json_array_get(json_object_get(j, "b"), 1);

    (void)state;
    assert_true(text_clean_json(j, true));
    assert_string_equal(json_string_value(json_object_get(j, "a")), "x?y");
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "b"), 0)), "?");
    assert_string_equal(json_string_value(json_object_get(inner, "output")), "1\n2?");
    assert_string_equal(json_string_value(json_object_get(inner, "text")), "1 2");
    json_decref(j);
}

static void assert_cut(int (*cut)(struct buf *, const char *, int, bool), const char *in, int width,
                       bool utf8, const char *expected)
{
    struct buf out;
    int used;

    buf_init(&out, TEXT_MAX);
    (void)buf_addstr(&out, "");
    used = cut(&out, in, width, utf8);
    assert_string_equal(out.data, expected);
    assert_int_equal(used, text_width(expected));
    assert_true(used <= width);
    buf_clear(&out);
}

static void test_texts_are_cut_to_columns(void **state)
{
    (void)state;
    assert_cut(text_add_cut, "failed: no", 10, true, "failed: no");
    assert_cut(text_add_cut, "failed: no route", 10, true, "failed: n…");
    assert_cut(text_add_cut, "failed: no route", 9, true, "failed:…");
    assert_cut(text_add_cut, "failed: no route", 10, false, "failed:...");
    assert_cut(text_add_cut, "failed", 2, false, "..");
    assert_cut(text_add_cut, "日本語", 4, true, "日…");
    assert_cut(text_add_middle, "www.example.com", 15, true, "www.example.com");
    assert_cut(text_add_middle, "www.example.com", 10, true, "www.e….com");
    assert_cut(text_add_middle, "www.example.com", 10, false, "www....com");
    assert_cut(text_add_middle, "www.example.com", 1, true, "…");
    assert_cut(text_add_middle, "日本語日本語", 6, true, "日…語");
}

static void test_wrapping(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, TEXT_MAX);
    (void)buf_addstr(&out, "error: ");
    text_add_wrapped(&out, "the  quick brown averyveryverylongword fox", 7, 2, 20);
    assert_string_equal(out.data, "error: the quick\n  brown\n  averyveryverylongword\n  fox\n");
    buf_clear(&out);
}

static void test_durations(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{0, "0 s"},         {40, "40 s"},
                 {60, "1m"},         {3599, "59m"},
                 {3600, "1h"},       {11520, "3h 12m"},
                 {86399, "23h 59m"}, {86400, "1d"},
                 {532800, "6d 4h"},  {863999, "9d 23h"},
                 {864000, "10d"},    {59 * 86400 + 5, "59d"},
                 {-40, "40 s"},      {INT64_MIN, "106751991167300d"}};
    char out[WHEN_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(when_duration(out, cases[i].seconds), cases[i].text);
    assert_string_equal(when_relative(out, 1000, 1000), "now");
    assert_string_equal(when_relative(out, 1040, 1000), "in 40 s");
    assert_string_equal(when_relative(out, 100, 1000), "15m ago");
    assert_string_equal(when_relative(out, INT64_MAX, -5), "in 106751991167300d");
    assert_string_equal(when_relative(out, INT64_MIN, 5), "106751991167300d ago");
}

static void test_dates(void **state)
{
    char out[WHEN_MAX];

    (void)state;
    assert_string_equal(when_date(out, 1790000000), "2026-09-21 14:13:20 UTC");
    assert_string_equal(when_both(out, 1790000000, 1790000040), "2026-09-21 14:13:20 UTC (40 s ago)");
    assert_string_equal(when_clock(out, 1790000000), "14:13:20");
    assert_string_equal(when_date(out, INT64_MAX), "an unknown time");
}

static void test_suggestions(void **state)
{
    static const char *const names[] = {"example.com", "shop.example.com", "other.org"};

    (void)state;
    assert_int_equal(suggest_distance("abc", "abc"), 0);
    assert_int_equal(suggest_distance("abc", "acb"), 1);
    assert_int_equal(suggest_distance("", "abc"), 3);
    assert_int_equal(suggest_distance("kitten", "SITTING"), 3);
    assert_string_equal(suggest_nearest("exmaple.com", names, 3), "example.com");
    assert_string_equal(suggest_nearest("shop", names, 3), "shop.example.com");
    assert_string_equal(suggest_nearest("other.ogr", names, 3), "other.org");
    assert_null(suggest_nearest("unrelated", names, 3));
    assert_null(suggest_nearest("x", names, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters_never_pass),
        cmocka_unit_test(test_json_is_cleaned_at_every_depth),
        cmocka_unit_test(test_texts_are_cut_to_columns),
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_suggestions),
    };

    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)setenv("TZ", "UTC0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
