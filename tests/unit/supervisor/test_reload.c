/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A systemctl that knows a few units by name, and notes what it is asked. */
static const char script[] = "#!/bin/sh\n"
                             "d=${0%/*}\n"
                             "echo \"$1 $4\" >>$d/calls\n"
                             "case $1/$4 in\n"
                             "show/gone.service) echo LoadState=not-found; echo ActiveState=inactive;;\n"
                             "show/masked.service) echo LoadState=masked; echo ActiveState=inactive;;\n"
                             "show/stopped.service) echo LoadState=loaded; echo ActiveState=inactive;;\n"
                             "show/nobus.service) echo no bus >&2; exit 1;;\n"
                             "show/*) echo LoadState=loaded; echo ActiveState=active;;\n"
                             "*/bad.service) echo syntax error in line 3; exit 1;;\n"
                             "*) if [ -e $d/running ]; then echo overlap >>$d/calls; fi\n"
                             "   : >$d/running; sleep 0.3; rm $d/running;;\n"
                             "esac\n";

static char dir[] = "/tmp/acmed-reload-XXXXXX";
static char systemctl[64];
static struct event_base *base;
static struct reloads *reloads;

struct outcome {
    unsigned left; /* answers still to come */
    unsigned ok;
    char text[512];
    char output[512];
};

static void done(void *arg, const struct reload_result *r)
{
    struct outcome *o = arg;

    o->ok += r->ok;
    (void)snprintf(o->text, sizeof o->text, "%s", r->ok ? r->note : r->error.text);
    (void)snprintf(o->output, sizeof o->output, "%s", r->output);
    if (--o->left == 0)
        (void)event_base_loopbreak(base);
}

static struct outcome reload(const char *unit)
{
    struct outcome o = {.left = 1};

    assert_true(reloads_request(reloads, unit, done, &o));
    (void)event_base_dispatch(base);
    assert_int_equal(o.left, 0);
    return o;
}

static unsigned calls(const char *what)
{
    char path[64], line[128];
    unsigned n = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/calls", dir);
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        n += strncmp(line, what, strlen(what)) == 0;
    if (f != NULL)
        (void)fclose(f);
    return n;
}

static void test_running_units_are_reloaded(void **state)
{
    struct outcome o = reload("good.service");

    (void)state;
    assert_int_equal(o.ok, 1);
    assert_string_equal(o.text, "");
    assert_int_equal(calls("try-reload-or-restart good.service"), 1);
}

static void test_stopped_units_are_left_alone(void **state)
{
    struct outcome o = reload("stopped.service");

    (void)state;
    assert_int_equal(o.ok, 1);
    assert_string_equal(o.text, "stopped.service is not running; it will read the new files when it starts");
    assert_int_equal(calls("try-reload-or-restart stopped.service"), 0);
}

static void test_failures_are_told(void **state)
{
    struct outcome o = reload("gone.service");

    (void)state;
    assert_int_equal(o.ok, 0);
    assert_non_null(strstr(o.text, "there is no unit gone.service"));
    o = reload("masked.service");
    assert_non_null(strstr(o.text, "masked"));
    o = reload("nobus.service");
    assert_non_null(strstr(o.text, "asking systemd about nobus.service: "));
    o = reload("bad.service");
    assert_int_equal(o.ok, 0);
    assert_non_null(strstr(o.text, "reloading bad.service: "));
    assert_string_equal(o.output, "syntax error in line 3\n");
}

struct storm {
    struct outcome first;
    struct outcome second;
};

static void on_storm_timer(evutil_socket_t fd, short what, void *arg)
{
    struct storm *s = arg;

    (void)fd;
    (void)what;
    for (int i = 0; i < 500; i++)
        assert_true(reloads_request(reloads, "storm.service", done, &s->second));
}

static void test_a_thousand_share_two_runs_that_never_overlap(void **state)
{
    const struct timeval in_the_run = {.tv_usec = 250000};
    struct storm s = {.first.left = 500, .second.left = 500};

    (void)state;
    for (int i = 0; i < 500; i++)
        assert_true(reloads_request(reloads, "storm.service", done, &s.first));
    (void)event_base_once(base, -1, EV_TIMEOUT, on_storm_timer, &s, &in_the_run);
    while (s.first.left > 0 || s.second.left > 0)
        (void)event_base_dispatch(base);
    assert_int_equal(s.first.ok + s.second.ok, 1000);
    assert_int_equal(calls("try-reload-or-restart storm.service"), 2);
    assert_int_equal(calls("overlap"), 0);
}

static int set_up(void **state)
{
    FILE *f;

    (void)state;
    base = event_base_new();
    if (base == NULL || mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(systemctl, sizeof systemctl, "%s/systemctl", dir);
    f = fopen(systemctl, "w");
    if (f == NULL)
        return -1;
    (void)fputs(script, f);
    (void)fclose(f);
    reloads = reloads_new(base, systemctl);
    return chmod(systemctl, 0755);
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    reloads_free(reloads);
    event_base_free(base);
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_units_are_reloaded),
        cmocka_unit_test(test_stopped_units_are_left_alone),
        cmocka_unit_test(test_failures_are_told),
        cmocka_unit_test(test_a_thousand_share_two_runs_that_never_overlap),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
