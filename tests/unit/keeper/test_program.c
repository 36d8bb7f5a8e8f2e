/* SPDX-License-Identifier: MIT */
#include "tests/unit/keeper/peer.h"

#include "daemon/build.h"
#include "tests/unit/keeper/jws.h"

#include <libgen.h>
#include <limits.h>
#include <sys/file.h>
#include <time.h>

#define URL   "https://ca.test/acme/1"
#define NONCE "abc-_123"

#ifdef ACMED_WIDE_SANDBOX
#define WIDE true
#else
#define WIDE false
#endif

struct program {
    struct fixture f;
    struct peer p;
    int log;
};

/* ../libexec/acmed/acmed-keeper from the test's own directory, as acmed finds it from its own. */
static void find_program(char *path, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    assert_true(n > 0);
    self[n] = '\0';
    (void)snprintf(path, size, "%s/../libexec/acmed/acmed-keeper", dirname(self));
}

static int config_memfd(const struct fixture *f)
{
    struct err e = {0};
    int fd = snapshot_write(&(struct snapshot_source){.files = f->snapshot->files,
                                                      .n_files = f->snapshot->n_files,
                                                      .ids = f->snapshot->ids,
                                                      .n_ids = f->snapshot->n_ids,
                                                      .engine_uid = f->engine_uid,
                                                      .engine_gid = f->engine_gid},
                            &e);

    if (fd < 0)
        fail_msg("%s", e.text);
    return fd;
}

/* In the child: each descriptor to its fixed number, by way of numbers that collide with none. */
static void become(const char *path, const int fds[5], uid_t uid)
{
    char name[] = "acmed-keeper";
    char *const argv[] = {name, NULL};
    int program = open(path, O_PATH | O_CLOEXEC); /* by descriptor: that user may not reach the build tree */
    int high[5];

    for (int i = 0; i < 5; i++)
        high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
    program = fcntl(program, F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < 5; i++)
        if (dup2(high[i], 3 + i) < 0)
            _exit(126);
    if (uid != geteuid() && (setgid(uid) != 0 || setuid(uid) != 0))
        _exit(126);
    (void)fexecve(program, argv, environ);
    _exit(127);
}

static void start(struct program *g, const char *text, uid_t uid)
{
    char path[PATH_MAX + 64];
    int engine[2];
    int supervisor[2];
    int log[2];
    int fds[5];

    memset(g, 0, sizeof *g);
    fixture_open(&g->f, text);
    g->f.engine_uid = uid;
    g->f.engine_gid = uid;
    if (uid != geteuid()) {
        assert_int_equal(chown(g->f.dir, uid, uid), 0);
        assert_int_equal(chown(g->f.root, uid, uid), 0);
    }
    find_program(path, sizeof path);
    peer_pair(engine);
    peer_pair(supervisor);
    peer_pair(log);
    fds[IPC_FD_SUPERVISOR - 3] = supervisor[1];
    fds[IPC_FD_PEER - 3] = engine[1];
    fds[IPC_FD_LOG - 3] = log[1];
    fds[IPC_FD_CONFIG - 3] = config_memfd(&g->f);
    fds[IPC_FD_LOCK - 3] = open(g->f.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fds[IPC_FD_LOCK - 3], LOCK_EX), 0);
    g->p.pid = fork();
    assert_true(g->p.pid >= 0);
    if (g->p.pid == 0)
        become(path, fds, uid);
    for (int i = 0; i < 5; i++)
        (void)close(fds[i]);
    g->p.engine = ipc_conn_new(engine[0]);
    g->p.supervisor = ipc_conn_new(supervisor[0]);
    g->log = log[0];
    peer_greet(&g->p);
}

static void hello_is_confined(const struct program *g)
{
    json_t *report = json_loads(g->p.m.field[1].s, 0, NULL);

    assert_string_equal(g->p.m.field[0].s, build_id);
    assert_non_null(report);
    assert_true(json_is_true(json_object_get(report, "no_new_privs")));
    if (!WIDE)
        assert_string_equal(json_string_value(json_object_get(report, "seccomp")), "filter");
    json_decref(report);
}

static bool lock_is_free(const struct fixture *f)
{
    int fd = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_free;

    assert_true(fd >= 0);
    is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    (void)close(fd);
    return is_free;
}

/* The whole vocabulary, confined, with no system call that the filter does not know. */
static void issue(struct program *g)
{
    struct peer *p = &g->p;
    int64_t now = (int64_t)time(NULL);
    char *csr;
    char *chain;

    peer_ask(p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    peer_ask(p, IPC_SIGNED, IPC_SIGN_NEW_ACCOUNT, "test", URL, NONCE);
    peer_ask(p, IPC_OK, IPC_ACCOUNT_SAVE, "test", "https://ca.test/acct/7");
    peer_ask(p, IPC_SIGNED, IPC_SIGN_NEW_ORDER, "one.test", URL, NONCE, "test", (uint64_t)0);
    assert_int_equal(kill(p->pid, SIGTERM), 0); /* to every process of the unit: not for the keeper */
    assert_int_equal(kill(p->pid, SIGINT), 0);
    peer_ask(p, IPC_SIGNED, IPC_SIGN_FETCH, "test", URL, NONCE);
    peer_ask(p, IPC_SIGNED, IPC_SIGN_FINALIZE, "one.test", URL, NONCE, "test");
    csr = jws_csr(p->m.field[0].s);
    chain = ca_certify(csr, "one.test", now - 60, now + 86400);
    peer_ask(p, IPC_INSTALLED, IPC_INSTALL, "one.test", chain);
    peer_ask(p, IPC_OK, IPC_COPY, "one.test");
    peer_ask(p, IPC_OK, IPC_DISCARD_KEY, "one.test");
    peer_refused(p, "configured", IPC_COPY, "two.test");
    free(chain);
    free(csr);
    peer_ask(p, IPC_PONG, IPC_PING);
    assert_int_equal(p->m.field[0].u, 0);
}

static void run(uid_t uid)
{
    struct program g;

    start(&g, FIXTURE_PLAIN "key = rsa-2048\ncopy = fullchain:@/full.pem privkey:@/key.pem\n", uid);
    hello_is_confined(&g);
    assert_false(lock_is_free(&g.f));
    issue(&g);
    assert_int_equal(fixture_mode(&g.f, "key.pem"), 0600);
    assert_int_equal(peer_stop(&g.p), 0);
    assert_true(lock_is_free(&g.f));
    (void)close(g.log);
    fixture_close(&g.f);
}

static void test_the_program_confined(void **state)
{
    (void)state;
    run(geteuid());
}

static void test_the_program_without_root(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    run(65534);
}

/* It ends at once while a key is being made, and nothing holds the state directory afterwards. */
static void test_the_lock_is_not_held_by_a_child(void **state)
{
    struct program g;

    (void)state;
    start(&g, FIXTURE_PLAIN "key = rsa-4096\n", geteuid());
    peer_ask(&g.p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    assert_true(ipc_send(g.p.engine, IPC_SIGN_FINALIZE, 90, "one.test", URL, NONCE, "test"));
    assert_true(ipc_send(g.p.engine, IPC_PING, 91));
    peer_send_all(g.p.engine);
    peer_expect(&g.p, IPC_PONG, 91);
    assert_int_equal(peer_stop(&g.p), 0);
    assert_true(lock_is_free(&g.f));
    (void)close(g.log);
    fixture_close(&g.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_program_confined),
        cmocka_unit_test(test_the_program_without_root),
        cmocka_unit_test(test_the_lock_is_not_held_by_a_child),
    };
    int failed;

    (void)signal(SIGPIPE, SIG_IGN);
    ca_start();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    ca_stop();
    return failed;
}
