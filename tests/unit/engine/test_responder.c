/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <time.h>

#define GET_TOKEN "GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\n"

struct rig {
    struct loop *loop;
    struct challenges *challenges;
    struct responder *responder;
    uint16_t port;
};

static bool is_live(void *arg, const char *host)
{
    (void)arg;
    return strcmp(host, "live.example") == 0 || strcmp(host, "2001:db8::1") == 0 ||
           strcmp(host, "192.0.2.1") == 0;
}

static int listener(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void begin(struct rig *r, enum http_other other, unsigned cap, int64_t deadline_ms)
{
    responder_free(r->responder);
    r->responder = responder_new(r->loop, r->challenges, other, cap, deadline_ms, is_live, r);
    assert_non_null(r->responder);
    assert_true(door_listen(responder_door(r->responder), listener(&r->port), "127.0.0.1", false));
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->loop = loop_new();
    r->challenges = challenges_new();
    assert_true(challenge_add(r->challenges, "token", "thumb"));
    begin(r, HTTP_OTHER_REDIRECT, 16, 10000);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    responder_free(r->responder);
    challenges_free(r->challenges);
    loop_free(r->loop);
    free(r);
    return 0;
}

static int visit(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The reply to one request on a connection of its own, which the responder ends. */
static const char *ask(struct rig *r, const char *request)
{
    static char reply[16384];
    bool closed;
    int fd = visit(r->port);

    say(fd, request);
    (void)rig_read(r->loop, fd, reply, sizeof reply, &closed);
    assert_true(closed);
    (void)close(fd);
    return reply;
}

static void begins(const char *text, const char *wanted)
{
    if (strncmp(text, wanted, strlen(wanted)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", text, wanted);
}

static const char *body_of(const char *reply)
{
    const char *body = strstr(reply, "\r\n\r\n");

    assert_non_null(body);
    return body + 4;
}

static void test_known_token(void **state)
{
    struct rig *r = *state;
    const char *reply = ask(r, GET_TOKEN);

    begins(reply, "HTTP/1.1 200 OK\r\n");
    assert_string_equal(body_of(reply), "token.thumb");
    assert_non_null(strstr(reply, "\r\nContent-Length: 11\r\n"));
    assert_non_null(strstr(reply, "\r\nConnection: close\r\n"));
    reply = ask(r, "HEAD /.well-known/acme-challenge/token HTTP/1.1\r\nHost: a.example\r\n\r\n");
    begins(reply, "HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(reply, "\r\nContent-Length: 11\r\n"));
    assert_string_equal(body_of(reply), "");

    challenge_remove(r->challenges, "token");
    begins(ask(r, GET_TOKEN), NOT_FOUND);
}

/* One constant answer, which repeats nothing that was asked. */
static void test_unknown_tokens(void **state)
{
    static const char *const paths[] = {
        "unknown",      "",       "token/",  "token?x", "token.thumb", "../../../etc/passwd",
        "%2e%2e/token", "/token", "./token", "TOKEN",   "tok%65n",     "token%00",
    };
    struct rig *r = *state;
    char first[1024] = "";
    char request[512];

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *reply;

        (void)snprintf(request, sizeof request,
                       "GET /.well-known/acme-challenge/%s HTTP/1.1\r\nHost: live.example\r\n\r\n", paths[i]);
        reply = ask(r, request);
        begins(reply, NOT_FOUND);
        assert_string_equal(body_of(reply), "");
        if (i == 0)
            (void)snprintf(first, sizeof first, "%s", reply);
        assert_string_equal(reply, first);
    }
}

static void other(struct rig *r, const char *target, const char *host, const char *location)
{
    char request[512];
    char wanted[512];
    const char *reply;

    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host);
    reply = ask(r, request);
    if (location == NULL) {
        begins(reply, NOT_FOUND);
        assert_null(strstr(reply, "Location"));
        return;
    }
    (void)snprintf(wanted, sizeof wanted, "\r\nLocation: %s\r\n", location);
    begins(reply, "HTTP/1.1 302 Found\r\n");
    assert_non_null(strstr(reply, wanted));
}

static void test_redirect(void **state)
{
    struct rig *r = *state;

    other(r, "/a?b=c", "Live.Example:80", "https://live.example/a?b=c");
    other(r, "/", "live.example", "https://live.example/");
    other(r, "/", "dead.example", NULL);
    other(r, "/", "", NULL);
    other(r, "/", "[::1]", NULL);
    other(r, "/x", "[2001:DB8::0:1]:80", "https://[2001:db8::1]/x");
    other(r, "/x", "192.0.2.1:80", "https://192.0.2.1/x");
    other(r, "http://evil.example/", "live.example", NULL);
    other(r, "//evil.example", "live.example", NULL);
    other(r, "/a//b", "live.example", NULL);
    other(r, "/a/../b", "live.example", NULL);
    other(r, "/a/%2E%2e/b", "live.example", NULL);
    other(r, "/\\evil.example", "live.example", NULL);
    other(r, "/<script>", "live.example", NULL);
    other(r, "*", "live.example", NULL);
    begin(r, HTTP_OTHER_404, 16, 10000);
    other(r, "/a", "live.example", NULL);
    begins(ask(r, GET_TOKEN), "HTTP/1.1 200 OK\r\n");
}

/* The refusal reaches a client that goes on sending, and costs bounded memory. */
static void test_refusals_reach_the_client(void **state)
{
    struct rig *r = *state;
    char *megabyte = malloc(1024 * 1024);
    char reply[1024];
    size_t sent = 0;
    int fd;

    begins(ask(r, "POST / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 405 ");
    begins(ask(r, "GET / HTTP/1.1\nHost: a\n\n"), "HTTP/1.1 400 ");
    begins(
        ask(r, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello"),
        "HTTP/1.1 400 ");
    begins(ask(r, GET_TOKEN GET_TOKEN), "HTTP/1.1 400 ");

    assert_non_null(megabyte);
    memset(megabyte, 'x', 1024 * 1024);
    memcpy(megabyte, "GET / HTTP/1.1\r\nX: ", 19);
    fd = visit(r->port);
    while (sent < 1024 * 1024) {
        ssize_t n = send(fd, megabyte + sent, 1024 * 1024 - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        rig_run(r->loop, 1);
    }
    (void)rig_read(r->loop, fd, reply, sizeof reply, NULL);
    begins(reply, "HTTP/1.1 431 ");
    (void)close(fd);
    free(megabyte);
}

static void test_byte_by_byte(void **state)
{
    struct rig *r = *state;
    char reply[1024];
    int fd = visit(r->port);

    for (const char *p = GET_TOKEN; *p != '\0'; p++) {
        assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
        rig_run(r->loop, 1);
    }
    (void)rig_read(r->loop, fd, reply, sizeof reply, NULL);
    begins(reply, "HTTP/1.1 200 OK\r\n");
    (void)close(fd);
}

static bool is_closed(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* A silent one, a slow one that sends byte after byte, and a refused one that will not go. */
static void test_absolute_deadline(void **state)
{
    struct rig *r = *state;
    int64_t start;
    char reply[1024];
    int fds[3];

    begin(r, HTTP_OTHER_404, 16, 200);
    start = loop_monotonic_ms();
    for (size_t i = 0; i < 3; i++)
        fds[i] = visit(r->port);
    say(fds[2], "\r\n\r\n");
    while (loop_monotonic_ms() < start + 150) {
        (void)send(fds[1], "G", 1, MSG_NOSIGNAL);
        rig_run(r->loop, 10);
    }
    if (loop_monotonic_ms() < start + 200) /* on a busy machine it may be over already */
        assert_false(is_closed(fds[0]) || is_closed(fds[1]));
    while (loop_monotonic_ms() < start + RIG_PATIENCE_MS && !(is_closed(fds[0]) && is_closed(fds[1]))) {
        (void)send(fds[1], "G", 1, MSG_NOSIGNAL);
        rig_run(r->loop, 10);
    }
    assert_true(is_closed(fds[0]) && is_closed(fds[1]));
    (void)rig_read(r->loop, fds[2], reply, sizeof reply, NULL);
    begins(reply, "HTTP/1.1 400 ");
    for (size_t i = 0; i < 3; i++)
        (void)close(fds[i]);
}

/* Whoever holds all places, with or without having sent something: a challenge is answered. */
static void test_cap(void **state)
{
    static const char *const openings[] = {"", "GET / HT", "\r\n\r\n"};
    struct rig *r = *state;

    for (size_t k = 0; k < sizeof openings / sizeof openings[0]; k++) {
        int fds[24];
        unsigned closed = 0;

        begin(r, HTTP_OTHER_404, 16, 10000);
        for (size_t i = 0; i < 24; i++) {
            fds[i] = visit(r->port);
            say(fds[i], openings[k]);
            rig_run(r->loop, 2);
        }
        begins(ask(r, GET_TOKEN), "HTTP/1.1 200 OK\r\n");
        if (k == 0) {
            for (size_t i = 0; i < 24; i++)
                closed += is_closed(fds[i]);
            assert_int_equal(closed, 9);
            assert_true(is_closed(fds[0]) && !is_closed(fds[23])); /* the oldest go */
        }
        for (size_t i = 0; i < 24; i++)
            (void)close(fds[i]);
        rig_run(r->loop, 20);
    }
}

static int64_t cpu_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void test_out_of_descriptors(void **state)
{
    struct rig *r = *state;
    struct rlimit old;
    struct rlimit small;
    char reply[1024];
    int fd = visit(r->port);
    int first_free = dup(fd);
    int64_t cpu;

    say(fd, GET_TOKEN);
    (void)close(first_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    small = (struct rlimit){.rlim_cur = (rlim_t)first_free, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    cpu = cpu_ms();
    rig_run(r->loop, 300);
    cpu = cpu_ms() - cpu;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(recv(fd, reply, 1, MSG_DONTWAIT), -1);
    assert_true(cpu < 150); /* it does not spin, */
    (void)rig_read(r->loop, fd, reply, sizeof reply, NULL);
    begins(reply, "HTTP/1.1 200 OK\r\n"); /* and recovers by itself */
    (void)close(fd);
}

static void test_on_demand_is_released(void **state)
{
    struct rig *r = *state;
    uint16_t kept = r->port;
    uint16_t port;
    int fd;

    assert_true(door_listen(responder_door(r->responder), listener(&port), "on demand", true));
    assert_int_equal(door_listeners(responder_door(r->responder)), 2);
    r->port = port;
    begins(ask(r, GET_TOKEN), "HTTP/1.1 200 OK\r\n");
    door_drop_on_demand(responder_door(r->responder));
    assert_int_equal(door_listeners(responder_door(r->responder)), 1);
    r->port = kept;
    begins(ask(r, GET_TOKEN), "HTTP/1.1 200 OK\r\n");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    {
        struct sockaddr_in a = {
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), -1);
    }
    (void)close(fd);
}

static void test_free_with_visitors(void **state)
{
    struct rig *r = *state;
    int a = visit(r->port);
    int b = visit(r->port);

    say(a, "GET /");
    say(b, "\r\n\r\n");
    rig_run(r->loop, 20);
    responder_free(r->responder);
    r->responder = NULL;
    responder_free(NULL);
    rig_run(r->loop, 5);
    assert_true(is_closed(a));
    (void)close(a);
    (void)close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redirect, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_reach_the_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absolute_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_demand_is_released, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_with_visitors, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
