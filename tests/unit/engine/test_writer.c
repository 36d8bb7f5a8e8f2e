/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/writer.h"

#include <pthread.h>

/* ---- in the place of state_files.c: a disk that can be held, and fail ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool held;
static unsigned waiting; /* writes that have come to the held disk */
static char trace[4096]; /* what was done, in order */
static const char *fail_at;

static bool did(const char *what, const char *lineage, const char *text)
{
    char line[128];
    bool ok;

    (void)snprintf(line, sizeof line, "%s %s%s%s;", what, lineage, text != NULL ? "=" : "",
                   text != NULL ? text : "");
    (void)pthread_mutex_lock(&lock);
    waiting++;
    while (held)
        (void)pthread_cond_wait(&changed, &lock);
    waiting--;
    (void)strncat(trace, line, sizeof trace - strlen(trace) - 1);
    ok = fail_at == NULL || strcmp(fail_at, what) != 0;
    (void)pthread_mutex_unlock(&lock);
    return ok;
}

bool state_files_write(struct state_files *f, const char *lineage, const char *text, struct state_write *w,
                       struct err *e)
{
    (void)f;
    w->fd = did("write", lineage, text) ? 100 : -1;
    return w->fd >= 0 || err_set(e, ERR_CLASS_INTERNAL, "cannot write %s", lineage);
}

bool state_files_publish(struct state_files *f, const char *lineage, struct state_write *w, struct err *e)
{
    (void)f;
    assert_int_equal(w->fd, 100);
    return did("publish", lineage, NULL) || err_set(e, ERR_CLASS_INTERNAL, "cannot publish %s", lineage);
}

bool state_files_sync(struct state_files *f, struct err *e)
{
    (void)f;
    return did("sync", "", NULL) || err_set(e, ERR_CLASS_INTERNAL, "cannot sync");
}

void state_files_append(struct state_files *f, const char *lineage, const char *text)
{
    (void)f;
    (void)did("append", lineage, text);
}

static void hold(bool on)
{
    (void)pthread_mutex_lock(&lock);
    held = on;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

/* Until the thread stands at the held disk: what is queued from now on makes the next batch. */
static void wait_until_held(void)
{
    bool there = false;

    for (int i = 0; i < 5000 && !there; i++) {
        (void)pthread_mutex_lock(&lock);
        there = waiting > 0;
        (void)pthread_mutex_unlock(&lock);
        (void)usleep(1000);
    }
    assert_true(there);
}

/* ---- */

struct rig {
    struct loop *loop;
    struct writer *writer;
    unsigned told;
    char order[64];
    char errors[512];
};

struct asker {
    struct rig *rig;
    char name;
    struct asker *forgets;
};

static void on_durable(void *arg, const struct err *e)
{
    struct asker *a = arg;
    struct rig *r = a->rig;

    r->order[r->told++] = a->name;
    if (e != NULL)
        (void)snprintf(r->errors + strlen(r->errors), sizeof r->errors - strlen(r->errors), "%c: %s;",
                       a->name, e->text);
    if (a->forgets != NULL)
        writer_forget(r->writer, a->forgets);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct err e;

    assert_non_null(r);
    held = false;
    waiting = 0;
    trace[0] = '\0';
    fail_at = NULL;
    r->loop = loop_new();
    r->writer = writer_new(r->loop, NULL, &e);
    assert_non_null(r->writer);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    writer_free(r->writer);
    loop_free(r->loop);
    free(r);
    return 0;
}

static void put(struct rig *r, const char *lineage, const char *text, struct asker *a)
{
    assert_true(writer_put(r->writer, lineage, strdup(text), a != NULL ? on_durable : NULL, a));
}

static void test_put(void **state)
{
    struct rig *r = *state;
    struct asker a = {r, 'a', NULL};

    put(r, "x", "1", &a);
    assert_int_equal(r->told, 0);
    rig_until(r->loop, &r->told, 1);
    assert_string_equal(trace, "write x=1;publish x;sync ;");
    assert_string_equal(r->errors, "");
}

/* What waits together shares its syncs; of one lineage only the last text is written. */
static void test_batch(void **state)
{
    struct rig *r = *state;
    struct asker v[] = {{r, 'a', NULL}, {r, 'b', NULL}, {r, 'c', NULL}, {r, 'd', NULL}, {r, 'e', NULL}};

    hold(true);
    put(r, "first", "0", NULL);
    wait_until_held();
    put(r, "x", "1", &v[0]);
    put(r, "y", "1", &v[1]);
    writer_append(r->writer, "x", strdup("line"));
    put(r, "x", "2", &v[2]);
    put(r, "x", "3", &v[3]);
    put(r, "y", "2", NULL);
    put(r, "z", "1", &v[4]);
    trace[0] = '\0';
    hold(false);
    rig_until(r->loop, &r->told, 5);
    assert_string_equal(r->order, "abcde");
    assert_string_equal(trace,
                        "write first=0;publish first;sync ;"
                        "append x=line\n;write x=3;write y=2;write z=1;publish x;publish y;publish z;sync ;");
    assert_string_equal(r->errors, "");
}

/* Who is to read the files waits for what was given before, and for nothing else. */
static void test_settle(void **state)
{
    struct rig *r = *state;
    struct asker a = {r, 'a', NULL};

    assert_false(writer_settle(r->writer, on_durable, &a));
    hold(true);
    writer_append(r->writer, "x", strdup("line"));
    put(r, "x", "1", NULL);
    wait_until_held();
    assert_true(writer_settle(r->writer, on_durable, &a)); /* it is being written */
    put(r, "x", "2", NULL);
    trace[0] = '\0';
    assert_int_equal(r->told, 0);
    hold(false);
    rig_until(r->loop, &r->told, 1);
    assert_string_equal(r->order, "a");
    assert_string_equal(r->errors, "");
    assert_non_null(strstr(trace, "write x=2;publish x;sync ;"));
}

static void fails_at(struct rig *r, const char *step, const char *wanted)
{
    struct asker a = {r, 'a', NULL};
    struct asker b = {r, 'b', NULL};

    fail_at = step;
    r->told = 0;
    r->errors[0] = '\0';
    hold(true);
    put(r, "first", "0", NULL);
    wait_until_held();
    put(r, "x", "1", &a); /* overtaken: shares the outcome */
    put(r, "x", "2", &b);
    hold(false);
    rig_until(r->loop, &r->told, 2);
    assert_string_equal(r->errors, wanted);
}

static void test_failures_are_told(void **state)
{
    struct rig *r = *state;

    fails_at(r, "write", "a: cannot write x;b: cannot write x;");
    fails_at(r, "publish", "a: cannot publish x;b: cannot publish x;");
    fails_at(r, "sync", "a: cannot sync;b: cannot sync;");
    fails_at(r, NULL, ""); /* and the disk is well again */
}

/* Queued, being written, done, and in the middle of being told. */
static void test_forget(void **state)
{
    struct rig *r = *state;
    struct asker c = {r, 'c', NULL};
    struct asker b = {r, 'b', &c};
    struct asker writing = {r, 'w', NULL};
    struct asker queued = {r, 'q', NULL};
    struct asker done = {r, 'd', NULL};

    put(r, "d", "1", &done);
    for (int i = 0; i < 5000 && strstr(trace, "sync") == NULL; i++)
        (void)usleep(1000);
    writer_forget(r->writer, &done);

    hold(true);
    put(r, "w", "1", &writing);
    wait_until_held();
    put(r, "q", "1", &queued);
    put(r, "b", "1", &b);
    put(r, "c", "1", &c);
    writer_forget(r->writer, &writing);
    writer_forget(r->writer, &queued);
    hold(false);
    rig_until(r->loop, &r->told, 1);
    rig_run(r->loop, 30);
    assert_string_equal(r->order, "b");
    assert_non_null(strstr(trace, "write w=1;")); /* their writes still happen */
    assert_non_null(strstr(trace, "write q=1;"));
    assert_non_null(strstr(trace, "write c=1;"));
}

/* The last words of a process that ends are written; nobody is called any more. */
static void test_end_writes_the_queue(void **state)
{
    struct rig *r = *state;
    struct asker a = {r, 'a', NULL};

    for (int i = 0; i < 50; i++)
        put(r, i % 2 == 0 ? "x" : "y", "1", &a);
    writer_append(r->writer, "z", strdup("end"));
    writer_free(r->writer);
    r->writer = NULL;
    assert_non_null(strstr(trace, "publish x;"));
    assert_non_null(strstr(trace, "publish y;"));
    assert_non_null(strstr(trace, "append z=end\n;"));
    assert_int_equal(r->told, 0);
    writer_free(NULL);
}

static void test_no_text(void **state)
{
    struct rig *r = *state;

    assert_false(writer_put(r->writer, "x", NULL, NULL, NULL)); /* its maker was out of memory */
    writer_append(r->writer, "x", NULL);
    rig_run(r->loop, 10);
    assert_string_equal(trace, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_writes_the_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_text, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
