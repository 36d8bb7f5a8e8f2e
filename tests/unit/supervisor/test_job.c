/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/job.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct event_base *base;
static char dir[] = "/tmp/acmed-job-XXXXXX";

struct outcome {
    bool called;
    bool ok;
    char error[1024];
    char *output;
};

static void done(void *arg, const struct job_result *r)
{
    struct outcome *o = arg;

    o->called = true;
    o->ok = r->ok;
    (void)snprintf(o->error, sizeof o->error, "%s", r->error.text);
    o->output = strdup(r->output);
    (void)event_base_loopbreak(base);
}

static struct job *start(struct outcome *o, const char *script, unsigned timeout_s)
{
    struct strv argv = {0}, env = {0};
    const struct runner_spec spec = {.argv = &argv, .env = &env, .timeout_s = timeout_s, .term_s = 1};
    struct err e;
    struct job *j;
    char where[64];

    (void)snprintf(where, sizeof where, "DIR=%s", dir);
    assert_true(strv_add(&argv, "/bin/sh") && strv_add(&argv, "-c") && strv_add(&argv, script));
    assert_true(strv_add(&env, where) && strv_add(&env, "PATH=/usr/bin:/bin"));
    memset(o, 0, sizeof *o);
    j = job_start(base, &spec, done, o, &e);
    assert_non_null(j);
    strv_clear(&argv);
    strv_clear(&env);
    return j;
}

static void test_input(void **state)
{
    struct strv argv = {0}, env = {0};
    const struct runner_spec spec = {
        .argv = &argv, .env = &env, .input = "one\ntwo\n", .timeout_s = 10, .term_s = 1};
    struct outcome o = {0};
    struct err e;

    (void)state;
    assert_true(strv_add(&argv, "/bin/cat"));
    assert_non_null(job_start(base, &spec, done, &o, &e));
    (void)event_base_dispatch(base);
    assert_true(o.called && o.ok);
    assert_string_equal(o.output, "one\ntwo\n");
    free(o.output);
    strv_clear(&argv);
}

static struct outcome run(const char *script, unsigned timeout_s)
{
    struct outcome o;

    (void)start(&o, script, timeout_s);
    (void)event_base_dispatch(base);
    assert_true(o.called);
    return o;
}

/* The pid that a script wrote to $DIR/NAME. */
static pid_t pid_of(const char *name)
{
    char path[128];
    long pid = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    for (int i = 0; i < 2000 && pid == 0; i++) {
        const struct timespec t = {0, 10000000L};

        f = fopen(path, "r");
        if (f != NULL && fscanf(f, "%ld", &pid) != 1)
            pid = 0;
        if (f != NULL)
            (void)fclose(f);
        if (pid == 0)
            (void)nanosleep(&t, NULL);
    }
    (void)unlink(path);
    assert_true(pid > 0);
    return (pid_t)pid;
}

static void test_success_with_output_and_clean_surroundings(void **state)
{
    struct outcome o = run("pwd; env | grep -v -e ^PWD= -e ^SHLVL -e ^_= | sort; readlink /proc/self/fd/0; "
                           "ls /proc/self/fd | wc -l; echo err >&2",
                           10);

    (void)state;
    assert_true(o.ok);
    assert_non_null(strstr(o.output, "/\nDIR=/tmp/acmed-job-"));
    assert_non_null(strstr(o.output, "PATH=/usr/bin:/bin\n/dev/null\n4\nerr\n")); /* 0 1 2 and ls's own */
    free(o.output);
}

static void test_exit_status_and_signal_are_told(void **state)
{
    struct outcome o = run("echo no; exit 3", 10);

    (void)state;
    assert_false(o.ok);
    assert_string_equal(o.error, "/bin/sh exited with status 3");
    assert_string_equal(o.output, "no\n");
    free(o.output);
    o = run("kill -SEGV $$", 10);
    assert_non_null(strstr(o.error, "was ended by signal 11"));
    free(o.output);
}

static void test_a_time_out_reaches_daemonised_grandchildren(void **state)
{
    struct outcome o =
        run("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ >$DIR/a; while :; do sleep 1; done' &\n"
            "(setsid setsid sh -c 'echo $$ >$DIR/b; sleep 100' &) ; echo hanging; sleep 100",
            3);
    pid_t a = pid_of("a"), b = pid_of("b");

    (void)state;
    assert_false(o.ok);
    assert_non_null(strstr(o.error, "ran longer than 3 s"));
    assert_memory_equal(o.output, "hanging\n", 8); /* a shell may add that its child was ended */
    assert_true(kill(a, 0) != 0 && errno == ESRCH);
    assert_true(kill(b, 0) != 0 && errno == ESRCH);
    free(o.output);
}

static void test_what_a_successful_hook_leaves_running_stays(void **state)
{
    /* It holds the output, and goes on writing to it. */
    struct outcome o = run("setsid sh -c 'echo $$ >$DIR/server; while sleep 0.05; do echo alive; done' & "
                           "sleep 0.2; echo started",
                           10);
    const struct timeval wait = {.tv_usec = 300000};
    pid_t server = pid_of("server");

    (void)state;
    assert_true(o.ok);
    assert_non_null(strstr(o.output, "started\n"));
    (void)event_base_loopexit(base, &wait);
    (void)event_base_dispatch(base);
    assert_int_equal(kill(server, 0), 0);
    (void)kill(server, SIGKILL);
    free(o.output);
}

static void test_a_flood_of_output_is_bounded(void **state)
{
    struct outcome o = run("head -c 1000000000 /dev/zero; echo end", 60);

    (void)state;
    assert_true(o.ok);
    assert_true(strlen(o.output) > JOB_OUTPUT_MAX && strlen(o.output) < JOB_OUTPUT_MAX + 200);
    assert_non_null(strstr(o.output, "\n[999934468 more bytes of output were not kept]"));
    free(o.output);
}

static void test_output_is_cleaned(void **state)
{
    /* A character comes in two reads. */
    struct outcome o = run("printf 'a\\033[1m\\tb\\0c\\n\\302\\2331m \\233 \\303'; printf '\\274'", 10);

    (void)state;
    assert_true(o.ok);
    assert_string_equal(o.output, "a?[1m\tb?c\n??1m ? \xc3\xbc");
    free(o.output);
}

static void test_closed_stdio(void **state)
{
    struct outcome o = run("exec <&- >&- 2>&-; sleep 0.2; exit 0", 10);

    (void)state;
    assert_true(o.ok);
    assert_string_equal(o.output, "");
    free(o.output);
}

static void test_cancelling_ends_everything(void **state)
{
    struct outcome o;
    struct job *j = start(&o, "setsid sleep 100 & echo $! >$DIR/c; sleep 100", 100);
    pid_t c = pid_of("c");

    (void)state;
    job_cancel(j);
    (void)event_base_dispatch(base);
    assert_true(o.called && !o.ok);
    assert_non_null(strstr(o.error, "acmed stops"));
    assert_true(kill(c, 0) != 0 && errno == ESRCH);
    free(o.output);
}

static char program[64];

static void write_program(const char *text, mode_t mode)
{
    FILE *f;

    (void)snprintf(program, sizeof program, "%s/program", dir);
    f = fopen(program, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(program, mode), 0);
}

static void test_what_cannot_be_started(void **state)
{
    struct strv argv = {0}, env = {0};
    const struct runner_spec spec = {.argv = &argv, .env = &env, .timeout_s = 5, .term_s = 1};
    struct outcome o = {0};
    struct err e;

    (void)state;
    assert_true(strv_add(&argv, "/does/not/exist"));
    assert_null(job_start(base, &spec, done, &o, &e));
    assert_string_equal(e.text, "not run: /does/not/exist: No such file or directory");
    strv_clear(&argv);

    /* What only exec finds out. */
    write_program("#!/does/not/exist\n", 0755);
    assert_true(strv_add(&argv, program));
    assert_non_null(job_start(base, &spec, done, &o, &e));
    (void)event_base_dispatch(base);
    assert_non_null(strstr(o.error, "/program could not be started: No such file or directory"));
    free(o.output);
    (void)unlink(program);
    strv_clear(&argv);
}

/* It was fine when the configuration was read. */
static void test_a_program_that_others_can_change_is_not_run(void **state)
{
    struct strv argv = {0}, env = {0};
    const struct runner_spec spec = {.argv = &argv, .env = &env, .timeout_s = 5, .term_s = 1};
    struct outcome o = {0};
    struct err e;

    (void)state;
    write_program("#!/bin/sh\n", 0777);
    assert_true(strv_add(&argv, program));
    assert_null(job_start(base, &spec, done, &o, &e));
    assert_non_null(strstr(e.text, "/program can be written by everybody (mode 0777); chmod o-w"));
    assert_int_equal(chmod(program, 0644), 0);
    assert_null(job_start(base, &spec, done, &o, &e));
    assert_non_null(strstr(e.text, "is not executable"));
    assert_int_equal(chmod(program, 0755), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_null(job_start(base, &spec, done, &o, &e));
    assert_non_null(strstr(e.text, "not run: "));
    assert_non_null(strstr(e.text, "/program is not safe: "));
    assert_int_equal(chmod(dir, 01777), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(program, 65534, 0), 0);
        assert_null(job_start(base, &spec, done, &o, &e));
        assert_non_null(strstr(e.text, "belongs to uid 65534"));
        assert_int_equal(chown(program, 0, 0), 0);
    }
    assert_non_null(job_start(base, &spec, done, &o, &e));
    (void)event_base_dispatch(base);
    assert_true(o.ok);
    free(o.output);
    (void)unlink(program);
    strv_clear(&argv);
}

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    return mkdtemp(dir) != NULL && chmod(dir, 01777) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    event_base_free(base);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_success_with_output_and_clean_surroundings),
        cmocka_unit_test(test_exit_status_and_signal_are_told),
        cmocka_unit_test(test_a_time_out_reaches_daemonised_grandchildren),
        cmocka_unit_test(test_what_a_successful_hook_leaves_running_stays),
        cmocka_unit_test(test_a_flood_of_output_is_bounded),
        cmocka_unit_test(test_output_is_cleaned),
        cmocka_unit_test(test_closed_stdio),
        cmocka_unit_test(test_cancelling_ends_everything),
        cmocka_unit_test(test_what_cannot_be_started),
        cmocka_unit_test(test_a_program_that_others_can_change_is_not_run),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
