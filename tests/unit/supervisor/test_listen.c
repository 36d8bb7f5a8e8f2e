/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/listen.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/notify.h"
#include "daemon/supervisor/socket.h"
#include "daemon/supervisor/state_dir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/acmed-listen-XXXXXX";

static const char *in(const char *name)
{
    static char path[4][128];
    static int turn;

    turn = (turn + 1) % 4;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

/* A configuration with the control socket and one http_listen (none without text). */
static struct config *configuration(const char *control, const char *listen)
{
    struct config_messages m = {0};
    char text[1024];
    struct config_file file = {.path = "test.conf", .text = text};
    struct config *c;

    file.len =
        (size_t)snprintf(text, sizeof text,
                         "[acmed]\ncontact = a@example.com\nagree_terms = yes\ncontrol_socket = %s\n%s%s\n"
                         "[certificate a.example]\n",
                         in(control), listen != NULL ? "http_listen = " : "", listen != NULL ? listen : "");
    c = config_parse(&file, 1, NULL, &m);
    if (c == NULL)
        fail_msg("%s", m.v[0].text);
    config_messages_clear(&m);
    return c;
}

static int tcp(int family, uint16_t *port)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in4;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&in4, sizeof in4), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in4, &len), 0);
    *port = ntohs(in4.sin_port);
    return fd;
}

static void count(void *arg, const struct listener *v)
{
    (void)v;
    ++*(int *)arg;
}

static void test_a_taken_port_is_told_and_had_later(void **state)
{
    struct listeners *l = listeners_new();
    char text[64], *said;
    struct config *c;
    struct err e;
    uint16_t port;
    int taken = tcp(AF_INET, &port), fresh = 0;

    (void)state;
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", port);
    c = configuration("control", text);
    assert_true(listeners_apply(l, c, 0, &said, &e));
    assert_non_null(strstr(said, text));
    assert_non_null(strstr(said, "the port is taken"));
    (void)snprintf(text, sizeof text, "pid %d)", (int)getpid());
    assert_non_null(strstr(said, text));
    free(said);
    assert_string_equal(listeners_get(l, 0)->purpose, "control");
    assert_null(listeners_get(l, 1));
    said = listeners_bind(l, c, "http-01", count, &fresh); /* a challenge is pending */
    assert_non_null(strstr(said, "the port is taken"));
    free(said);
    (void)close(taken);
    said = listeners_bind(l, c, "http-01", count, &fresh);
    assert_string_equal(said, "");
    free(said);
    assert_int_equal(fresh, 1);
    assert_non_null(listeners_get(l, 1));
    listeners_release(l, "http-01");
    assert_null(listeners_get(l, 1));
    listeners_free(l);
    config_free(c);
}

/* Whoever listens as another user cannot be looked into without root's powers. */
static void test_a_holder_out_of_sight_is_told_as_far_as_it_can_be(void **state)
{
    struct listen_addr a = {.kind = LISTEN_TCP, .host = (char *)"127.0.0.1"};
    uint16_t port;
    int taken = tcp(AF_INET, &port), status;
    char text[128];
    pid_t pid;

    (void)state;
    if (geteuid() != 0) {
        (void)close(taken);
        skip();
    }
    a.port = port;
    a.text = (char *)"127.0.0.1:80";
    (void)snprintf(text, sizeof text,
                   "the port is taken (held by a process of uid 0; `ss -ltnp sport = :%u` names it)", port);
    pid = fork();
    if (pid == 0) {
        struct err e;

        (void)close(taken);
        _exit(setuid(65534) == 0 && socket_listen(&a, &e) < 0 && strstr(e.text, text) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    (void)close(taken);
}

static void test_equal_listeners_stay_open_at_a_reload(void **state)
{
    struct listeners *l = listeners_new();
    struct config *a, *b;
    char text[128], *said = NULL;
    struct stat st;
    struct err e;
    int control, http;

    (void)state;
    (void)snprintf(text, sizeof text, "unix:%s", in("http"));
    a = configuration("control", text);
    (void)snprintf(text, sizeof text, "unix:%s unix:%s", in("http"), in("other"));
    b = configuration("control2", text);
    assert_true(listeners_apply(l, a, 0, &said, &e));
    assert_string_equal(said, "");
    free(said);
    assert_int_equal(stat(in("http"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    control = listeners_get(l, 0)->fd;
    http = listeners_get(l, 1)->fd;
    assert_true(listeners_apply(l, b, 0, &said, &e));
    free(said);
    assert_int_equal(access(in("control"), F_OK), 0); /* the old engine still serves it */
    listeners_prune(l);
    assert_int_not_equal(access(in("control"), F_OK), 0);
    for (size_t i = 0; listeners_get(l, i) != NULL; i++) {
        const struct listener *v = listeners_get(l, i);

        if (strcmp(v->purpose, "control") == 0)
            assert_int_not_equal(v->fd, control);
        else if (strstr(v->text, "/http") != NULL)
            assert_int_equal(v->fd, http);
    }
    listeners_free(l);
    assert_int_not_equal(access(in("other"), F_OK), 0);
    config_free(a);
    config_free(b);
}

static void test_stale_sockets_are_replaced_others_are_not(void **state)
{
    struct err e;
    int fd = socket_listen_unix(in("run/acmed.sock"), 0666, &e), again;
    struct stat st;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(stat(in("run"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(socket_listen_unix(in("run/acmed.sock"), 0666, &e), -1);
    assert_non_null(strstr(e.text, "another program listens there"));
    (void)close(fd); /* as after kill -9 */
    again = socket_listen_unix(in("run/acmed.sock"), 0666, &e);
    assert_true(again >= 0);
    (void)close(again);
    (void)unlink(in("run/acmed.sock"));
    assert_int_equal(mkdir(in("run/acmed.sock"), 0755), 0);
    assert_int_equal(socket_listen_unix(in("run/acmed.sock"), 0666, &e), -1);
    assert_non_null(strstr(e.text, "exists and is not a socket"));
    (void)rmdir(in("run/acmed.sock"));
    (void)rmdir(in("run"));
}

static void test_ipv6_and_ipv4_side_by_side(void **state)
{
    struct listen_addr a = {.kind = LISTEN_TCP, .text = (char[]){"0.0.0.0:x"}, .host = (char[]){"0.0.0.0"}};
    struct listen_addr b = {.kind = LISTEN_TCP, .text = (char[]){"[::]:x"}, .host = (char[]){"::"}};
    struct sockaddr_in6 name = {.sin6_family = AF_INET6};
    socklen_t len = sizeof name;
    struct err e;
    int four = -1;

    (void)state;
    /* The kernel chooses IPv6's port; another test may have just that one of IPv4. */
    for (int i = 0; four < 0 && i < 20; i++) {
        int six = socket_listen(&b, &e);

        if (six < 0)
            skip(); /* no IPv6 here */
        assert_int_equal(getsockname(six, (struct sockaddr *)&name, &len), 0);
        a.port = ntohs(name.sin6_port);
        four = socket_listen(&a, &e);
        (void)close(six);
    }
    assert_true(four >= 0);
    (void)close(four);
}

static void test_sockets_of_the_service_manager(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    pid = fork(); /* descriptors 3 and 4 are to be the passed ones */
    if (pid == 0) {
        struct config *c = configuration("control", NULL);
        uint16_t port;
        int a = tcp(AF_INET, &port), b = tcp(AF_INET, &port);
        char number[16], *said;
        struct listeners *l;
        struct err e;

        a = fcntl(a, F_DUPFD, 20);
        b = fcntl(b, F_DUPFD, 20);
        (void)dup2(a, 3);
        (void)dup2(b, 4);
        (void)snprintf(number, sizeof number, "%d", (int)getpid());
        (void)setenv("LISTEN_PID", number, 1);
        (void)setenv("LISTEN_FDS", "2", 1);
        (void)setenv("LISTEN_FDNAMES", "http:control", 1);
        l = listeners_new();
        if (l == NULL || getenv("LISTEN_FDS") != NULL || !listeners_apply(l, c, 0, &said, &e))
            _exit(1);
        /* The two passed ones and no other: http_listen is not set, the control socket is there. */
        if (listeners_get(l, 0)->fd != 3 || strcmp(listeners_get(l, 0)->purpose, "http-01") != 0 ||
            listeners_get(l, 1)->fd != 4 || strcmp(listeners_get(l, 1)->purpose, "control") != 0 ||
            listeners_get(l, 2) != NULL)
            _exit(2);
        free(said);
        listeners_free(l);
        config_free(c);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A process that has all our descriptors, and ends a moment after go[1] is closed. */
static pid_t fork_dying(int go[2])
{
    char byte;
    pid_t pid;

    assert_int_equal(pipe(go), 0);
    pid = fork();
    if (pid == 0) {
        (void)close(go[1]);
        (void)!read(go[0], &byte, 1);
        (void)usleep(200000);
        _exit(0);
    }
    (void)close(go[0]);
    return pid;
}

static void test_the_lock_has_one_holder(void **state)
{
    char expected[64];
    struct err e;
    int a = lock_take(dir, 0, &e), b, go[2];

    (void)state;
    assert_true(a >= 0);
    b = lock_take(dir, 100, &e);
    assert_int_equal(b, -1);
    (void)snprintf(expected, sizeof expected, "another acmed (pid %d) works on %s", (int)getpid(), dir);
    assert_non_null(strstr(e.text, expected));
    (void)fork_dying(go);
    (void)close(a);
    assert_int_equal(lock_take(dir, 0, &e), -1);
    (void)close(go[1]);
    b = lock_take(dir, 5000, &e);
    assert_true(b >= 0);
    (void)close(b);
    (void)wait(NULL);
    (void)unlink(in("lock"));
}

static void test_the_state_directory(void **state)
{
    struct stat st;
    struct err e;

    (void)state;
    assert_true(state_dir_check(in("state"), geteuid(), &e));
    assert_true(state_dir_prepare(in("state"), geteuid(), &e));
    assert_int_equal(stat(in("state"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_true(state_dir_prepare(in("state"), geteuid(), &e));
    assert_false(state_dir_prepare(in("state"), 4711, &e));
    assert_non_null(strstr(e.text, "but acmed runs as uid 4711"));
    assert_true(state_dir_give(in("state"), geteuid(), getegid(), &e));
    assert_int_equal(stat(in("state/state/history"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    if (geteuid() == 0) { /* another user from now on: its files follow, planted links do not */
        FILE *f = fopen(in("state/state/a.json"), "w");

        (void)fclose(f);
        assert_int_equal(symlink("/etc/passwd", in("state/state/b.json")), 0);
        assert_int_equal(link("/bin/true", in("state/state/c.json")) == 0 || errno == EXDEV || errno == EPERM,
                         1);
        assert_true(state_dir_give(in("state"), 65534, 65534, &e));
        assert_int_equal(stat(in("state/state/a.json"), &st), 0);
        assert_int_equal(st.st_uid, 65534);
        assert_int_equal(stat("/etc/passwd", &st), 0);
        assert_int_equal(st.st_uid, 0);
        assert_int_equal(stat("/bin/true", &st), 0);
        assert_int_equal(st.st_uid, 0);
        (void)unlink(in("state/state/a.json"));
        (void)unlink(in("state/state/b.json"));
        (void)unlink(in("state/state/c.json"));
    }
    (void)rmdir(in("state/state/history"));
    (void)rmdir(in("state/state"));
    (void)rmdir(in("state"));
}

static void test_the_service_manager_is_told(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char text[256] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    (void)state;
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", in("notify"));
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    (void)setenv("NOTIFY_SOCKET", addr.sun_path, 1);
    notify_open();
    assert_null(getenv("NOTIFY_SOCKET"));
    notify_status("2 certificates\nMAINPID=1");
    assert_true(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, "STATUS=2 certificates");
    notify_ready();
    memset(text, 0, sizeof text);
    assert_true(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, "READY=1");
    (void)close(fd);
    (void)unlink(addr.sun_path);
    notify_open();
}

/* The engine of a supervisor that was killed has the sockets until it has ended, a moment later. */
static void test_what_a_dying_predecessor_holds_is_waited_for(void **state)
{
    struct listeners *l = listeners_new();
    char text[64], *said;
    struct config *c;
    struct err e;
    uint16_t port;
    int taken = tcp(AF_INET, &port), unix_fd = socket_listen_unix(in("held"), 0600, &e);
    int go[2];
    pid_t pid = fork_dying(go);

    (void)state;
    assert_true(pid > 0 && unix_fd >= 0);
    (void)close(taken);
    (void)close(unix_fd);
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", port);
    c = configuration("held", text);
    assert_false(listeners_apply(l, c, 0, &said, &e));
    (void)close(go[1]);
    assert_true(listeners_apply(l, c, 10000, &said, &e));
    assert_string_equal(said, "");
    free(said);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    listeners_free(l);
    config_free(c);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_taken_port_is_told_and_had_later),
        cmocka_unit_test(test_a_holder_out_of_sight_is_told_as_far_as_it_can_be),
        cmocka_unit_test(test_equal_listeners_stay_open_at_a_reload),
        cmocka_unit_test(test_stale_sockets_are_replaced_others_are_not),
        cmocka_unit_test(test_ipv6_and_ipv4_side_by_side),
        cmocka_unit_test(test_sockets_of_the_service_manager),
        cmocka_unit_test(test_what_a_dying_predecessor_holds_is_waited_for),
        cmocka_unit_test(test_the_lock_has_one_holder),
        cmocka_unit_test(test_the_state_directory),
        cmocka_unit_test(test_the_service_manager_is_told),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
