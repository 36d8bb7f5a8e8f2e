/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Runs f with stderr going to a file; returns what was written (static storage). */
static const char *captured(void (*f)(void))
{
    static char text[65536];
    FILE *tmp = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t n;

    assert_non_null(tmp);
    (void)dup2(fileno(tmp), STDERR_FILENO);
    f();
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    rewind(tmp);
    n = fread(text, 1, sizeof text - 1, tmp);
    text[n] = '\0';
    (void)fclose(tmp);
    return text;
}

static void write_some(void)
{
    log_open(true);
    log_error("example.com", "the CA said \"%s\"", "\033[31mno\nreally");
    log_notice(NULL, "no certificate");
    log_debug(NULL, "dropped");
}

static void test_lines_on_stderr(void **state)
{
    const char *text = captured(write_some);

    (void)state;
    assert_non_null(strstr(text, " acmed: error: example.com: the CA said \"?[31mno really\"\n"));
    assert_non_null(strstr(text, " acmed: notice: no certificate\n"));
    assert_null(strstr(text, "dropped"));
}

/* A child logs through the relay: a socketpair whose end fd[1] is its own. */
static int fd[2];

static void relay_all(void)
{
    struct log_relay *r = log_relay_new(fd[0], "acmed-engine");

    while (log_relay_read(r))
        ;
    log_relay_free(r);
}

static void test_records_go_through_the_relay(void **state)
{
    const char *text;
    pid_t pid;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    pid = fork();
    if (pid == 0) {
        log_open_relay(fd[1], "acmed-engine");
        log_warning("a.example", "first");
        log_info(NULL, "second %0*d", 5000, 7);
        _exit(0);
    }
    (void)close(fd[1]);
    (void)waitpid(pid, NULL, 0);
    text = captured(relay_all);
    assert_non_null(strstr(text, " acmed-engine: warning: a.example: first\n"));
    assert_non_null(strstr(text, " acmed-engine: info: second 0000"));
}

static void test_a_stuck_supervisor_costs_records_not_time(void **state)
{
    struct timespec a, b;
    int status;
    pid_t pid;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    pid = fork();
    if (pid == 0) {
        const int size = 4096;

        (void)setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        log_open_relay(fd[1], "acmed-engine");
        for (int i = 0; i < 40; i++)
            log_info(NULL, "%d %01000d", i, 0);
        log_open_relay(fd[1], "acmed-engine");
        _exit(0);
    }
    (void)waitpid(pid, &status, 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    assert_int_equal(status, 0);
    assert_true(b.tv_sec - a.tv_sec < 10);
    (void)close(fd[1]);
    assert_non_null(strstr(captured(relay_all), "info: 0 000"));
}

static void test_garbage_ends_the_relay(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(write(fd[1], "\xff\xff\xff\xff\xff\xff\xff\xff", 8), 8);
    assert_non_null(strstr(captured(relay_all), "its log is not read any more"));
    (void)close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_on_stderr),
        cmocka_unit_test(test_records_go_through_the_relay),
        cmocka_unit_test(test_a_stuck_supervisor_costs_records_not_time),
        cmocka_unit_test(test_garbage_ends_the_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
