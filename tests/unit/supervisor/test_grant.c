/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/supervisor/grant.h"

#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char call[] =
    "{\"method\":\"org.acmed.Control.Revoke\",\"parameters\":{\"name\":\"a.example\"}}";

struct rig {
    char dir[32];
    char path[64];
    struct config *config;
    struct listeners *l;
    int client;   /* what the person holds */
    int accepted; /* what the engine shows */
    struct grant_rules rules;
    struct act act;
    char who[64];
    struct err e;
};

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static int listener_of(const struct rig *r)
{
    return listeners_get(r->l, 0)->fd;
}

static void set_up(struct rig *r)
{
    struct config_messages m = {0};
    char text[512];
    struct config_file file = {.path = "test.conf", .text = text};
    char *warnings;

    *r = (struct rig){.dir = "/tmp/acmed-grant-XXXXXX"};
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(r->path, sizeof r->path, "%s/sock", r->dir);
    file.len = (size_t)snprintf(text, sizeof text,
                                "[acmed]\ncontact = a@example.com\nagree_terms = yes\ncontrol_socket = %s\n"
                                "http_listen = off\n[certificate a.example]\n",
                                r->path);
    r->config = config_parse(&file, 1, NULL, &m);
    config_messages_clear(&m);
    assert_non_null(r->config);
    r->l = listeners_new();
    assert_true(listeners_apply(r->l, r->config, 0, &warnings, &r->e));
    free(warnings);
    r->client = connect_to(r->path);
    r->accepted = accept(listener_of(r), NULL, NULL);
    assert_true(r->accepted >= 0);
    r->rules = (struct grant_rules){.own = geteuid(), .engine = 12345, .engine_pid = 1};
}

static void tear_down(struct rig *r)
{
    (void)close(r->client);
    (void)close(r->accepted);
    listeners_free(r->l);
    config_free(r->config);
    (void)rmdir(r->dir);
}

static bool ask(struct rig *r, int fd)
{
    return grant_read(fd, r->l, &r->rules, &r->act, r->who, &r->e);
}

static void say(const struct rig *r, const char *text)
{
    assert_int_equal(send(r->client, text, strlen(text) + 1, 0), (int)strlen(text) + 1);
}

static void refused(struct rig *r, int fd, const char *why)
{
    assert_false(ask(r, fd));
    if (strstr(r->e.text, why) == NULL)
        fail_msg("%s, not %s", r->e.text, why);
}

static void test_one_call_is_one_grant(void **state)
{
    struct rig r;
    char rest[16];

    (void)state;
    set_up(&r);
    refused(&r, r.accepted, "no call"); /* a connection that asks for nothing */
    say(&r, call);
    say(&r, "the next");
    assert_true(ask(&r, r.accepted));
    assert_int_equal(r.act.kind, ACT_REVOKE);
    assert_string_equal(r.act.subject, "a.example");
    assert_non_null(strstr(r.who, "uid"));
    assert_int_equal(recv(r.accepted, rest, sizeof rest, MSG_PEEK), 9); /* nothing else was taken */
    assert_string_equal(rest, "the next");
    refused(&r, r.accepted, "");
    tear_down(&r);
}

static void test_what_was_read_before_counts_not(void **state)
{
    struct rig r;
    char byte;

    (void)state;
    set_up(&r);
    say(&r, call);
    assert_int_equal(recv(r.accepted, &byte, 1, 0), 1);
    assert_false(ask(&r, r.accepted));
    tear_down(&r);
}

static void test_what_is_asked(void **state)
{
    static const char *const others[] = {
        "{\"method\":\"org.acmed.Control.Status\"}",
        "{\"method\":\"org.acmed.Control.Renew\",\"parameters\":{\"names\":[\"a.example\"]}}",
        "{\"method\":\"org.acmed.Control.Revoke\"}",
        "{\"method\":\"org.acmed.Control.Revoke\",\"method\":\"org.acmed.Control.Revoke\"}",
        "garbage",
        "",
    };
    char huge[GRANT_CALL_MAX + 100];
    struct rig r;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        set_up(&r);
        say(&r, others[i]);
        assert_false(ask(&r, r.accepted));
        tear_down(&r);
    }
    set_up(&r);
    memset(huge, ' ', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    memcpy(huge, call, strlen(call));
    say(&r, huge);
    refused(&r, r.accepted, "no call of at most");
    tear_down(&r);
}

/* Everything else that an engine holds or could make. */
static void test_other_descriptors(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct rig r;
    int other[2];
    int pipes[2];
    int foreign;
    int client;
    int accepted;

    (void)state;
    set_up(&r);
    say(&r, call);
    refused(&r, listener_of(&r), "no connection"); /* SO_PEERCRED of a listener is who listens: us */
    refused(&r, r.client, "no connection");
    assert_int_equal(send(r.accepted, call, sizeof call, 0), (int)sizeof call);
    refused(&r, r.client, "no connection");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    assert_int_equal(send(other[0], call, sizeof call, 0), (int)sizeof call);
    refused(&r, other[1], "no connection");
    assert_int_equal(pipe(pipes), 0);
    refused(&r, pipes[0], "no connection");
    refused(&r, -1, "no connection");
    /* A socket of the same kind at another path. */
    foreign = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s/other", r.dir);
    assert_int_equal(bind(foreign, (const struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(foreign, 1), 0);
    client = connect_to(addr.sun_path);
    accepted = accept(foreign, NULL, NULL);
    assert_int_equal(send(client, call, sizeof call, 0), (int)sizeof call);
    refused(&r, accepted, "no connection");
    (void)unlink(addr.sun_path);
    for (int i = 0; i < 2; i++) {
        (void)close(other[i]);
        (void)close(pipes[i]);
    }
    (void)close(foreign);
    (void)close(client);
    (void)close(accepted);
    tear_down(&r);
}

static void test_the_engine_may_not(void **state)
{
    struct rig r;

    (void)state;
    set_up(&r);
    say(&r, call);
    r.rules.engine_pid = getpid(); /* who connected */
    refused(&r, r.accepted, "may not");
    r.rules.engine_pid = 1;
    r.rules.own = 54321;
    r.rules.engine = geteuid();
    refused(&r, r.accepted, "may not");
    r.rules.has_group = true; /* not even where somebody put its user into control_group */
    r.rules.group = getegid();
    refused(&r, r.accepted, "may not");
    r.rules.engine = 12345;
    assert_true(ask(&r, r.accepted));
    tear_down(&r);
}

/* Somebody else's connection; only root can play him. */
static void test_strangers_and_the_group(void **state)
{
    struct pollfd waiting = {.events = POLLIN};
    struct rig r;
    pid_t pid;
    int status;

    (void)state;
    if (geteuid() != 0)
        skip();
    set_up(&r);
    (void)close(r.client);
    (void)close(r.accepted);
    assert_int_equal(chmod(r.dir, 0755), 0);
    assert_int_equal(chmod(r.path, 0666), 0);
    pid = fork();
    if (pid == 0) {
        const gid_t groups[] = {777};
        char byte;

        (void)alarm(60); /* whatever becomes of the test */
        (void)close(listener_of(&r));
        if (setgroups(1, groups) != 0 || setgid(888) != 0 || setuid(999) != 0)
            _exit(1);
        r.client = connect_to(r.path);
        if (send(r.client, call, sizeof call, 0) != (ssize_t)sizeof call)
            _exit(2);
        _exit(recv(r.client, &byte, 1, 0) == 0 ? 0 : 3);
    }
    waiting.fd = listener_of(&r);
    assert_int_equal(poll(&waiting, 1, 60000), 1);
    r.accepted = accept(waiting.fd, NULL, NULL);
    assert_true(r.accepted >= 0);
    refused(&r, r.accepted, "may not");
    assert_non_null(strstr(r.who, "uid 999"));
    r.rules.has_group = true;
    r.rules.group = 778;
    refused(&r, r.accepted, "may not");
    r.rules.group = 888;
    r.rules.engine = 999;
    refused(&r, r.accepted, "may not");
    r.rules.engine = 12345;
    r.rules.group = 777; /* by SO_PEERGROUPS */
    waiting.fd = r.accepted;
    assert_int_equal(poll(&waiting, 1, 60000), 1);
    assert_true(ask(&r, r.accepted));
    (void)close(r.accepted);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    r.client = r.accepted = -1;
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_call_is_one_grant), cmocka_unit_test(test_what_was_read_before_counts_not),
        cmocka_unit_test(test_what_is_asked),         cmocka_unit_test(test_other_descriptors),
        cmocka_unit_test(test_the_engine_may_not),    cmocka_unit_test(test_strangers_and_the_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
