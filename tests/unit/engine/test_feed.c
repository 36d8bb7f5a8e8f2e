/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/feed.h"

#include <jansson.h>

static char *written; /* what went to the history last */
static char *written_name;

/* In the place of writer.c. */
void writer_append(struct writer *w, const char *lineage, char *line)
{
    (void)w;
    free(written);
    free(written_name);
    written = line;
    written_name = strdup(lineage);
}

struct listener {
    struct feed_listener l;
    struct feed *feed;
    bool leaves;
    unsigned progress;
    unsigned changed;
    unsigned events;
    char text[8192];
    char outcome[16];
};

static void left(struct listener *l)
{
    if (l->leaves)
        feed_leave(l->feed, &l->l);
}

static void on_progress(void *arg, const char *name, const char *text, const char *outcome)
{
    struct listener *l = arg;

    assert_string_equal(name, "a");
    l->progress++;
    (void)snprintf(l->text, sizeof l->text, "%s", text);
    (void)snprintf(l->outcome, sizeof l->outcome, "%s", outcome != NULL ? outcome : "-");
    left(l);
}

static void on_changed(void *arg, const char *name)
{
    struct listener *l = arg;

    assert_string_equal(name, "a");
    l->changed++;
    left(l);
}

static void on_event(void *arg, const char *name, const char *line)
{
    struct listener *l = arg;

    assert_string_equal(name, "a");
    l->events++;
    (void)snprintf(l->text, sizeof l->text, "%s", line);
    left(l);
}

static int setup(void **state)
{
    *state = feed_new(NULL);
    return *state == NULL;
}

static int teardown(void **state)
{
    feed_free(*state);
    free(written);
    free(written_name);
    written = written_name = NULL;
    return 0;
}

static void join(struct feed *f, struct listener *l)
{
    *l = (struct listener){.feed = f};
    l->l = (struct feed_listener){
        .on_progress = on_progress, .on_changed = on_changed, .on_event = on_event, .arg = l};
    feed_join(f, &l->l);
}

static void test_everybody_is_told(void **state)
{
    struct feed *f = *state;
    struct listener v[3];
    struct feed_listener deaf = {0};

    for (size_t i = 0; i < 3; i++)
        join(f, &v[i]);
    feed_join(f, &deaf);
    feed_progress(f, "a", NULL, "step %d", 1);
    feed_progress(f, "a", "done", "all");
    feed_changed(f, "a");
    feed_event(f, "a", "issued", NULL, "text");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(v[i].progress, 2);
        assert_string_equal(v[i].outcome, "done");
        assert_int_equal(v[i].changed, 1);
        assert_int_equal(v[i].events, 1);
    }
    feed_leave(f, &v[1].l);
    feed_leave(f, &deaf);
    feed_changed(f, "a");
    assert_int_equal(v[0].changed + v[1].changed + v[2].changed, 5);
}

/* Wherever it stands in the list, the others hear all the same. */
static void test_leave_in_own_callback(void **state)
{
    struct feed *f = *state;

    for (size_t leaver = 0; leaver < 3; leaver++) {
        struct listener v[3];

        for (size_t i = 0; i < 3; i++)
            join(f, &v[i]);
        v[leaver].leaves = true;
        feed_progress(f, "a", NULL, "x");
        feed_changed(f, "a");
        feed_event(f, "a", "issued", NULL, "x");
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(v[i].progress, 1);
            assert_int_equal(v[i].changed, i == leaver ? 0 : 1);
            if (i != leaver)
                feed_leave(f, &v[i].l);
        }
    }
    feed_changed(f, "a"); /* nobody is left */
}

static json_t *history_line(void)
{
    json_t *j;

    assert_non_null(written);
    assert_null(strchr(written, '\n'));
    j = json_loads(written, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    return j;
}

static void test_event_in_history(void **state)
{
    struct feed *f = *state;
    json_t *j;

    feed_event(f, "a", "failed", "line 1\nline\t2\x1b[0m\xff", "because of \"%s\"", "x");
    assert_string_equal(written_name, "a");
    j = history_line();
    assert_true(json_integer_value(json_object_get(j, "at")) > 1700000000);
    assert_string_equal(json_string_value(json_object_get(j, "name")), "a");
    assert_string_equal(json_string_value(json_object_get(j, "event")), "failed");
    assert_string_equal(json_string_value(json_object_get(j, "text")), "because of \"x\"");
    assert_string_equal(json_string_value(json_object_get(j, "output")), "line 1\nline?2?[0m?");
    json_decref(j);

    feed_event(f, "a", "failed", "", "x");
    j = history_line();
    assert_true(json_is_null(json_object_get(j, "output")));
    json_decref(j);
}

/* Texts quote strangers: neither bad UTF-8 nor a cut within a character may lose the event. */
static void test_foreign_text(void **state)
{
    struct feed *f = *state;
    struct listener l;
    char *longer = malloc(20001);
    char *output = malloc(20001);
    json_t *j;

    assert_non_null(longer);
    assert_non_null(output);
    memset(output, 'o', 20000);
    output[20000] = '\0';
    for (size_t i = 0; i < 20000; i += 2)
        memcpy(longer + i, "\xc3\xa4", 2);
    longer[20000] = '\0';
    join(f, &l);
    feed_event(f, "a", "failed", output, "x%s", longer); /* one byte, then pairs: cut in the middle of one */
    assert_int_equal(l.events, 1);
    j = history_line();
    assert_int_equal(strlen(json_string_value(json_object_get(j, "output"))), 4096);
    json_decref(j);
    feed_event(f, "a", "failed", NULL, "bad \xff\xc3 \x1b[31m end\n");
    assert_int_equal(l.events, 2);
    j = history_line();
    assert_string_equal(json_string_value(json_object_get(j, "text")), "bad ?? ?[31m end?");
    json_decref(j);
    feed_progress(f, "a", NULL, "bad \xff %s", longer);
    j = json_string(l.text);
    assert_non_null(j);
    json_decref(j);
    free(longer);
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everybody_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leave_in_own_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_event_in_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_text, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
