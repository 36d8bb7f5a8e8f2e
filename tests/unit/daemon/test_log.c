/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/log.h"
#include "daemon/log_limit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Runs f with stderr going to a file; returns what was written (static storage). */
static const char *captured(void (*f)(void))
{
    static char text[2 * 1024 * 1024];
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
    log_open(true, LOG_JOURNALD);
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

/* A datagram socket stands in for journald, a file for the stream that it has from us. */
static char journald[128];
static int journal_fd;

static void listen_as_journald(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)snprintf(journald, sizeof journald, "/tmp/acmed-journald-%d", (int)getpid());
    memcpy(a.sun_path, journald, strlen(journald));
    journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(journal_fd, (const struct sockaddr *)&a, sizeof a), 0);
}

static const char *record(void)
{
    static char text[8192];
    ssize_t n = recv(journal_fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* JOURNAL_STREAM names what stderr is now, or something else. */
static void name_stream(unsigned long long off)
{
    struct stat st;
    char text[64];

    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    (void)snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino + off);
    (void)setenv("JOURNAL_STREAM", text, 1);
}

static void write_to_the_journal(void)
{
    name_stream(0);
    log_open(false, journald);
    log_error("a.example", "not renewed: %s", "forged\nPRIORITY=0");
    log_notice(NULL, "ready");
    log_info(NULL, "%0*d", 5000, 7);
}

static void lose_the_journal(void)
{
    name_stream(0);
    log_open(false, journald);
    (void)close(journal_fd);
    log_warning("a.example", "nobody reads the journal");
}

static void write_to_no_journal(void)
{
    name_stream(1); /* stderr was redirected: systemd's variable is inherited, its stream is not */
    log_open(false, journald);
    log_warning(NULL, "seen on stderr");
    name_stream(0);
    log_open(true, journald);
    log_warning(NULL, "forced to stderr");
    log_open(false, "/nonexistent/socket");
    log_warning(NULL, "journald is not there");
}

static void test_records_of_the_journal(void **state)
{
    (void)state;
    listen_as_journald();
    assert_string_equal(captured(write_to_the_journal), "");
    assert_string_equal(record(),
                        "PRIORITY=3\nSYSLOG_IDENTIFIER=acmed\nMESSAGE=a.example: not renewed: forged "
                        "PRIORITY=0\nACMED_CERTIFICATE=a.example\n");
    assert_string_equal(record(), "PRIORITY=5\nSYSLOG_IDENTIFIER=acmed\nMESSAGE=ready\n");
    assert_non_null(strstr(record(), "MESSAGE=00000"));
    assert_string_equal(record(), "");
    assert_non_null(
        strstr(captured(lose_the_journal), " acmed: warning: a.example: nobody reads the journal"));
    (void)unlink(journald);
    (void)unsetenv("JOURNAL_STREAM");
}

static void test_stderr_where_the_journal_is_not(void **state)
{
    const char *text;

    (void)state;
    listen_as_journald();
    text = captured(write_to_no_journal);
    assert_non_null(strstr(text, "seen on stderr"));
    assert_non_null(strstr(text, "forced to stderr"));
    assert_non_null(strstr(text, "journald is not there"));
    assert_string_equal(record(), "");
    (void)close(journal_fd);
    (void)unlink(journald);
    (void)unsetenv("JOURNAL_STREAM");
}

/* A child logs through the relay, a socketpair whose end fd[1] is its own; its records say whose they are. */
static int fd[2];

static void relay_to_the_journal(void)
{
    struct log_relay *r = log_relay_new(fd[0], "acmed-engine");

    name_stream(0);
    log_open(false, journald);
    log_relay_free(r);
}

static void test_a_childs_records_in_the_journal(void **state)
{
    pid_t pid;

    (void)state;
    listen_as_journald();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    pid = fork();
    if (pid == 0) {
        log_open_relay(fd[1], "acmed-engine");
        log_warning("b.example", "the CA asks for a pause");
        _exit(0);
    }
    (void)close(fd[1]);
    (void)waitpid(pid, NULL, 0);
    assert_string_equal(captured(relay_to_the_journal), "");
    assert_string_equal(record(),
                        "PRIORITY=4\nSYSLOG_IDENTIFIER=acmed-engine\nMESSAGE=b.example: the CA asks "
                        "for a pause\nACMED_CERTIFICATE=b.example\n");
    (void)close(journal_fd);
    (void)unlink(journald);
    (void)unsetenv("JOURNAL_STREAM");
    log_open(true, journald);
}

/* A child logs through the relay. */
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

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *p = strstr(text, what); p != NULL; p = strstr(p + 1, what))
        n++;
    return n;
}

/* Blocks where log_info() would lose records while the one who reads is slow. */
static void test_a_flood_is_bounded_and_counted(void **state)
{
    const struct {
        uint16_t head[3];
        char text[5];
    } record = {{LOG_LEVEL_INFO, 0, 5}, "flood"};
    const size_t size = sizeof record.head + sizeof record.text;
    const char *text;
    pid_t pid;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    pid = fork();
    if (pid == 0) {
        (void)close(fd[0]);
        for (int i = 0; i < LOG_LIMIT_RECORDS + 123; i++)
            if (write(fd[1], &record, size) != (ssize_t)size)
                _exit(1);
        _exit(0);
    }
    (void)close(fd[1]);
    text = captured(relay_all);
    (void)waitpid(pid, NULL, 0);
    assert_int_equal(count(text, "info: flood\n"), LOG_LIMIT_RECORDS);
    assert_int_equal(count(text, "warning: acmed-engine logs too much: 123 of its records were dropped"), 1);
}

/* What a child that was taken over sends is cleaned again: it needs no log.c of ours. */
static void test_hostile_records_are_cleaned(void **state)
{
    static const char name[] = "a\n\xc2\x9b";
    static const char text[] = "\033[2J \xc2\x9b"
                               "1m \x9b \xc3\xbc";
    const uint16_t head[] = {LOG_LEVEL_INFO, sizeof name - 1, sizeof text - 1};

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(write(fd[1], head, sizeof head), sizeof head);
    assert_int_equal(write(fd[1], name, sizeof name - 1), sizeof name - 1);
    assert_int_equal(write(fd[1], text, sizeof text - 1), sizeof text - 1);
    (void)close(fd[1]);
    assert_non_null(strstr(captured(relay_all), "info: a ??: ?[2J ??1m ? \xc3\xbc\n"));
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
        cmocka_unit_test(test_records_of_the_journal),
        cmocka_unit_test(test_stderr_where_the_journal_is_not),
        cmocka_unit_test(test_a_childs_records_in_the_journal),
        cmocka_unit_test(test_records_go_through_the_relay),
        cmocka_unit_test(test_a_stuck_supervisor_costs_records_not_time),
        cmocka_unit_test(test_a_flood_is_bounded_and_counted),
        cmocka_unit_test(test_hostile_records_are_cleaned),
        cmocka_unit_test(test_garbage_ends_the_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
