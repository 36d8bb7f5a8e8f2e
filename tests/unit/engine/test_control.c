/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/rig.h"

#include "daemon/engine/control.h"
#include "daemon/engine/peer.h"
#include "daemon/engine/methods.h"
#include "daemon/snapshot.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#define STRANGER 65534
#define GET_INFO "{\"method\":\"org.varlink.service.GetInfo\"}"

struct rig {
    struct engine engine;
    struct config config;
    struct snapshot snapshot;
    char *dir;
};

/* ---- in the place of the method_*.c ---- */

static struct peer *held; /* whose Watch goes on */
static unsigned drained;
static unsigned ended;
static unsigned renewed;
static char reply_filler[1024 * 1024];

static void on_drained(void *arg)
{
    (void)arg;
    drained++;
}

static void on_end(void *arg)
{
    (void)arg;
    ended++;
    held = NULL;
}

void method_watch(struct peer *p, const json_t *parameters)
{
    (void)parameters;
    assert_true(peer_wants_more(p));
    held = p;
    peer_continue(p, on_drained, on_end, NULL);
}

void method_renew(struct peer *p, const json_t *parameters)
{
    (void)parameters;
    assert_true(peer_may_control(p));
    renewed++;
    peer_reply(p, json_pack("{si}", "n", (int)renewed), false);
}

/* A reply as long as parameter "size" asks for. */
void method_status(struct peer *p, const json_t *parameters)
{
    size_t size = (size_t)json_integer_value(json_object_get(parameters, "size"));
    char *text = malloc(size + 1);

    assert_non_null(text);
    memset(text, 'x', size);
    peer_reply(p, json_pack("{ss%}", "text", text, size), false);
    free(text);
}

void method_history(struct peer *p, const json_t *parameters)
{
    (void)parameters;
    peer_error(p, VARLINK_CONTROL_INTERFACE ".NoSuchCertificate", NULL);
}

void method_check(struct peer *p, const json_t *parameters)
{
    method_history(p, parameters);
}

void method_deploy(struct peer *p, const json_t *parameters)
{
    method_history(p, parameters);
}

void method_reload(struct peer *p, const json_t *parameters)
{
    method_history(p, parameters);
}

/* ---- */

static void begin(struct rig *r, int64_t deadline_ms)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    control_free(r->engine.control);
    r->engine.serving = true;
    r->engine.control = control_new(&r->engine, deadline_ms);
    assert_non_null(r->engine.control);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/s", r->dir);
    (void)unlink(a.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(chmod(a.sun_path, 0666), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_true(control_listen(r->engine.control, fd));
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    held = NULL;
    drained = ended = renewed = 0;
    r->engine.loop = loop_new();
    r->engine.config = &r->config;
    r->engine.snapshot = &r->snapshot;
    r->engine.supervisor_uid = geteuid();
    r->dir = rig_dir();
    assert_int_equal(chmod(r->dir, 0755), 0);
    begin(r, 30000);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    control_free(r->engine.control);
    loop_free(r->engine.loop);
    rig_dir_free(r->dir);
    free(r);
    return 0;
}

static int join(const struct rig *r)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/s", r->dir);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* A connection counts as that of the uid that made it; without root, the supervisor is made another's. */
static int join_as(struct rig *r, uid_t uid, gid_t gid)
{
    int fd;

    if (geteuid() != 0) {
        r->engine.supervisor_uid = geteuid() + 1;
        return join(r);
    }
    assert_int_equal(setegid(gid), 0);
    assert_int_equal(seteuid(uid), 0);
    fd = join(r);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    return fd;
}

static int join_as_stranger(struct rig *r, gid_t gid)
{
    return join_as(r, STRANGER, gid);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text) + 1, MSG_NOSIGNAL), strlen(text) + 1);
}

/* The next message, its NUL included; NULL: the connection ended instead. The caller decrefs. */
static json_t *hear(struct rig *r, int fd)
{
    char *text = malloc(10 * 1024 * 1024);
    int64_t end = loop_monotonic_ms() + RIG_PATIENCE_MS;
    size_t len = 0;
    json_t *j = NULL;
    bool ends = false;
    ssize_t n = -1;

    assert_non_null(text);
    while (loop_monotonic_ms() < end) {
        n = recv(fd, text + len, 64 * 1024, MSG_DONTWAIT | MSG_PEEK);
        if (n < 0) {
            rig_run(r->engine.loop, 1);
            continue;
        }
        ends = n == 0 || memchr(text + len, '\0', (size_t)n) != NULL;
        if (n > 0 && ends)
            n = (ssize_t)strlen(text + len) + 1;
        assert_int_equal(recv(fd, text + len, (size_t)n, MSG_DONTWAIT), n); /* what follows is another's */
        len += (size_t)n;
        if (ends)
            break;
    }
    assert_true(n >= 0);
    if (n > 0)
        j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_true(n == 0 || j != NULL);
    free(text);
    return j;
}

static void expect_error(struct rig *r, int fd, const char *error, const char *member, const char *value)
{
    json_t *j = hear(r, fd);
    const json_t *parameters = json_object_get(j, "parameters");

    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "error")), error);
    if (member != NULL)
        assert_string_equal(json_string_value(json_object_get(parameters, member)), value);
    json_decref(j);
}

static void expect_info(struct rig *r, int fd)
{
    json_t *j = hear(r, fd);

    assert_non_null(j);
    assert_null(json_object_get(j, "error"));
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "parameters"), "product")),
                        "acmed");
    json_decref(j);
}

static void expect_end(struct rig *r, int fd)
{
    assert_null(hear(r, fd));
    (void)close(fd);
}

static void test_introspection(void **state)
{
    struct rig *r = *state;
    int fd = join(r);
    json_t *j;

    say(fd, GET_INFO);
    expect_info(r, fd);
    say(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"org."
            "acmed."
            "Control\"}}");
    j = hear(r, fd);
    assert_non_null(
        strstr(json_string_value(json_object_get(json_object_get(j, "parameters"), "description")),
               "interface org.acmed.Control"));
    json_decref(j);
    say(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"a."
            "b\"}}");
    expect_error(r, fd, VARLINK_INTERFACE_NOT_FOUND, "interface", "a.b");
    say(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":1}}");
    expect_error(r, fd, VARLINK_INVALID_PARAMETER, "parameter", "interface");
    say(fd, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}");
    expect_error(r, fd, VARLINK_INVALID_PARAMETER, "parameter", "interface");
    (void)close(fd);
}

static void test_unknown(void **state)
{
    struct rig *r = *state;
    int fd = join(r);

    say(fd, "{\"method\":\"org.acmed.Control.Nothing\"}");
    expect_error(r, fd, VARLINK_METHOD_NOT_FOUND, "method", "org.acmed.Control.Nothing");
    say(fd, "{\"method\":\"io.example.Thing\"}");
    expect_error(r, fd, VARLINK_INTERFACE_NOT_FOUND, "interface", "io.example");
    say(fd, "{\"method\":\"nodot\"}");
    expect_error(r, fd, VARLINK_INTERFACE_NOT_FOUND, NULL, NULL);
    say(fd, "{\"method\":\"org.acmed.Control.Watch\"}"); /* without more */
    expect_error(r, fd, VARLINK_EXPECTED_MORE, NULL, NULL);
    say(fd, GET_INFO); /* errors end nothing */
    expect_info(r, fd);
    (void)close(fd);
}

static void test_split_and_pipelined(void **state)
{
    struct rig *r = *state;
    static const char two[] = GET_INFO "\0{\"method\":\"a.b.C\"}\0" GET_INFO;
    int fd = join(r);

    for (size_t i = 0; i < sizeof GET_INFO; i++) {
        assert_int_equal(send(fd, &GET_INFO[i], 1, MSG_NOSIGNAL), 1);
        rig_run(r->engine.loop, 1);
    }
    expect_info(r, fd);
    assert_int_equal(send(fd, two, sizeof two, MSG_NOSIGNAL), sizeof two);
    expect_info(r, fd);
    expect_error(r, fd, VARLINK_INTERFACE_NOT_FOUND, "interface", "a.b");
    expect_info(r, fd);
    say(fd, "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}"); /* is not answered */
    say(fd, "{\"method\":\"c.d.E\"}");
    expect_error(r, fd, VARLINK_INTERFACE_NOT_FOUND, "interface", "c.d");
    (void)close(fd);
}

static void test_garbage_closes(void **state)
{
    static const char *const garbage[] = {
        "",
        "garbage",
        "[]",
        "{}",
        "{\"method\":1}",
        "{\"method\":\"a.b\",\"method\":\"a.b\"}",
        "{\"method\":\"a.b\",\"parameters\":[]}",
        "{\"method\":\"\xff\"}",
        "{\"method\":\"org.varlink.service.GetInfo\",\"more\":true,\"oneway\":true}",
    };
    struct rig *r = *state;
    char *deep = malloc(60000);
    int fd;

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        fd = join(r);
        say(fd, garbage[i]);
        expect_end(r, fd);
    }
    assert_non_null(deep);
    memset(deep, '[', 59999);
    deep[59999] = '\0';
    fd = join(r);
    say(fd, deep);
    expect_end(r, fd);
    free(deep);
    fd = join(r);
    say(fd, GET_INFO);
    expect_info(r, fd);
    (void)close(fd);
}

static void test_request_limit(void **state)
{
    struct rig *r = *state;
    size_t size = VARLINK_REQUEST_MAX;
    char *text = malloc(size + 2);
    size_t sent = 0;
    int fd = join(r);
    int n;

    assert_non_null(text);
    memset(text, ' ', size + 1);
    text[size] = '\0'; /* exactly the limit */
    n = snprintf(text, size, "%s", GET_INFO);
    text[n] = ' ';
    while (sent < size + 1) {
        ssize_t w = send(fd, text + sent, size + 1 - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        sent += w > 0 ? (size_t)w : 0;
        rig_run(r->engine.loop, 1);
    }
    expect_info(r, fd);
    (void)close(fd);

    memset(text, 'x', size + 2); /* never a terminator */
    fd = join(r);
    for (int i = 0; i < 1000; i++) {
        ssize_t w = send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        rig_run(r->engine.loop, 1);
        if (w < 0 && errno != EAGAIN)
            break;
        assert_true(i < 999);
    }
    (void)close(fd);
    free(text);
}

static void test_strangers_may_read_only(void **state)
{
    struct rig *r = *state;
    int fd = join_as_stranger(r, STRANGER);

    say(fd, GET_INFO);
    expect_info(r, fd);
    say(fd, "{\"method\":\"org.acmed.Control.Renew\"}");
    expect_error(r, fd, VARLINK_PERMISSION_DENIED, NULL, NULL);
    say(fd, "{\"method\":\"org.acmed.Control.History\"}");
    expect_error(r, fd, VARLINK_CONTROL_INTERFACE ".NoSuchCertificate", NULL, NULL);
    assert_int_equal(renewed, 0);
    (void)close(fd);
}

static void test_who_may_control(void **state)
{
    struct rig *r = *state;
    int fd = join(r);
    json_t *j;

    say(fd, "{\"method\":\"org.acmed.Control.Renew\"}");
    j = hear(r, fd);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "parameters"), "n")), 1);
    json_decref(j);
    (void)close(fd);
    if (geteuid() != 0)
        return;
    r->config.control_group = strdup("4242"); /* numbers are taken as they are */
    fd = join_as_stranger(r, 4242);
    say(fd, "{\"method\":\"org.acmed.Control.Renew\"}");
    j = hear(r, fd);
    assert_null(json_object_get(j, "error"));
    json_decref(j);
    (void)close(fd);
    fd = join_as_stranger(r, 4243);
    say(fd, "{\"method\":\"org.acmed.Control.Renew\"}");
    expect_error(r, fd, VARLINK_PERMISSION_DENIED, NULL, NULL);
    (void)close(fd);
    free(r->config.control_group);
    assert_int_equal(renewed, 2);
}

/* A request that never ends is dropped; one that has not begun, or is being answered, is not. */
static void test_deadline(void **state)
{
    struct rig *r = *state;
    int unfinished;
    int idle;
    int watching;

    begin(r, 150);
    unfinished = join(r);
    idle = join(r);
    watching = join(r);
    assert_int_equal(send(unfinished, "{", 1, MSG_NOSIGNAL), 1);
    say(watching, "{\"method\":\"org.acmed.Control.Watch\",\"more\":true}");
    expect_end(r, unfinished);
    rig_run(r->engine.loop, 200);
    assert_int_equal(ended, 0);
    say(idle, GET_INFO);
    expect_info(r, idle);
    (void)close(idle);
    (void)close(watching);
    rig_until(r->engine.loop, &ended, 1);
}

/* Slow as it may be, it gets what it asked for, and the rest of its requests wait meanwhile. */
static void test_large_reply(void **state)
{
    struct rig *r = *state;
    int fd = join(r);
    json_t *j;

    say(fd, "{\"method\":\"org.acmed.Control.Status\",\"parameters\":{\"size\":5000000}}");
    say(fd, GET_INFO);
    j = hear(r, fd);
    assert_int_equal(json_string_length(json_object_get(json_object_get(j, "parameters"), "text")), 5000000);
    json_decref(j);
    expect_info(r, fd);
    say(fd, "{\"method\":\"org.acmed.Control.Status\",\"parameters\":{\"size\":9000000}}"); /* above 8 MiB */
    expect_error(r, fd, VARLINK_EXPECTED_MORE, NULL, NULL);
    (void)close(fd);
}

static void test_reader_that_never_drains(void **state)
{
    struct rig *r = *state;
    int slow;
    int flooded;

    begin(r, 150);
    slow = join(r);
    say(slow, "{\"method\":\"org.acmed.Control.Watch\",\"more\":true}");
    rig_run(r->engine.loop, 20);
    assert_non_null(held);
    memset(reply_filler, 'x', sizeof reply_filler - 1);
    peer_reply(held, json_pack("{ss}", "x", reply_filler), true);
    assert_false(peer_is_drained(held));
    rig_until(r->engine.loop, &ended, 1); /* at the deadline */
    (void)close(slow);

    begin(r, 30000);
    flooded = join(r);
    say(flooded, "{\"method\":\"org.acmed.Control.Watch\",\"more\":true}");
    rig_run(r->engine.loop, 20);
    for (int i = 0; i < 20 && held != NULL; i++)
        peer_reply(held, json_pack("{ss}", "x", reply_filler), true);
    rig_until(r->engine.loop, &ended, 2); /* at the bound */
    (void)close(flooded);
}

static void test_drained_is_told(void **state)
{
    struct rig *r = *state;
    int fd = join(r);

    say(fd, "{\"method\":\"org.acmed.Control.Watch\",\"more\":true}");
    rig_run(r->engine.loop, 20);
    memset(reply_filler, 'x', sizeof reply_filler - 1);
    peer_reply(held, json_pack("{ss}", "x", reply_filler), true);
    assert_int_equal(drained, 0);
    json_decref(hear(r, fd));
    rig_until(r->engine.loop, &drained, 1);
    peer_reply(held, NULL, false);
    assert_int_equal(ended, 1);
    json_decref(hear(r, fd));
    say(fd, GET_INFO);
    expect_info(r, fd);
    (void)close(fd);
}

#define STRANGERS 400
#define WATCH     "{\"method\":\"org.acmed.Control.Watch\",\"more\":true}"

/* So many connections each, of uids from `uid` on. */
static void crowd(struct rig *r, int *fds, size_t n, uid_t uid, size_t each)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = join_as(r, uid + (uid_t)(i / each), STRANGER);
        if (i % 50 == 0)
            rig_run(r->engine.loop, 5);
    }
    rig_run(r->engine.loop, 20);
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
}

/* Strangers take no place from those who may control, however many they are. */
static void test_cap(void **state)
{
    struct rig *r = *state;
    int strangers[STRANGERS];
    int idle = join(r);
    int fd;

    if (geteuid() != 0) {
        (void)close(idle);
        skip();
    }
    crowd(r, strangers, STRANGERS, STRANGER - STRANGERS / 10, 10);
    say(idle, GET_INFO);
    expect_info(r, idle);
    fd = join(r);
    say(fd, GET_INFO);
    expect_info(r, fd);
    (void)close(fd);
    expect_end(r, strangers[0]); /* the oldest that waits for nothing */
    say(strangers[STRANGERS - 1], GET_INFO);
    expect_info(r, strangers[STRANGERS - 1]);
    close_all(strangers + 1, STRANGERS - 1);
    (void)close(idle);
}

/* One uid has a quarter of the places: what it holds on to keeps out itself alone. */
static void test_cap_of_one_uid(void **state)
{
    struct rig *r = *state;
    int fds[60];
    int more;
    int other;

    if (geteuid() != 0)
        skip();
    crowd(r, fds, 60, STRANGER, 60);
    for (size_t i = 0; i < 60; i++)
        say(fds[i], WATCH);
    rig_run(r->engine.loop, 20);
    more = join_as(r, STRANGER, STRANGER);
    expect_end(r, more);
    other = join_as(r, STRANGER - 1, STRANGER);
    say(other, GET_INFO);
    expect_info(r, other);
    (void)close(other);
    close_all(fds, 60);
    rig_run(r->engine.loop, 20);

    /* Idle ones give way, its own only. */
    other = join_as(r, STRANGER - 1, STRANGER);
    crowd(r, fds, 60, STRANGER, 60);
    more = join_as(r, STRANGER, STRANGER);
    say(more, GET_INFO);
    expect_info(r, more);
    expect_end(r, fds[0]);
    say(other, GET_INFO);
    expect_info(r, other);
    close_all(fds + 1, 59);
    (void)close(more);
    (void)close(other);
}

/* Those who may control are not counted. */
static void test_no_cap_for_who_may_control(void **state)
{
    struct rig *r = *state;
    int fds[100];

    for (size_t i = 0; i < 100; i++) {
        fds[i] = join(r);
        say(fds[i], WATCH);
        if (i % 25 == 0)
            rig_run(r->engine.loop, 5);
    }
    rig_run(r->engine.loop, 20);
    assert_int_equal(ended, 0);
    for (size_t i = 0; i < 100; i++) {
        char byte;

        assert_int_equal(recv(fds[i], &byte, 1, MSG_DONTWAIT), -1); /* none was turned away */
        (void)close(fds[i]);
    }
}

/* Also when no connection is open whose end would make room. */
static void test_out_of_descriptors(void **state)
{
    struct rig *r = *state;
    struct rlimit old;
    struct rlimit small;
    int fd = join(r);
    int first_free = dup(fd);

    say(fd, GET_INFO);
    (void)close(first_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    small = (struct rlimit){.rlim_cur = (rlim_t)first_free, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    rig_run(r->engine.loop, 50);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    expect_info(r, fd);
    (void)close(fd);
}

static void test_stop(void **state)
{
    struct rig *r = *state;
    int watching = join(r);
    int idle = join(r);

    say(watching, "{\"method\":\"org.acmed.Control.Watch\",\"more\":true}");
    rig_run(r->engine.loop, 20);
    r->engine.stopping = true;
    control_stop(r->engine.control);
    assert_int_equal(ended, 1);
    expect_error(r, watching, VARLINK_CONTROL_INTERFACE ".Stopping", NULL, NULL);
    control_free(r->engine.control);
    r->engine.control = NULL;
    control_free(NULL);
    expect_end(r, idle);
    (void)close(watching);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_introspection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split_and_pipelined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers_may_read_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_may_control, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_never_drains, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drained_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cap_of_one_uid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_cap_for_who_may_control, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
