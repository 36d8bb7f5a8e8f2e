/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef ACMED_WIDE_SANDBOX
#define WIDE true
#else
#define WIDE false
#endif

/* Each body runs in a confined child: 0 says that everything was as it should be, else the line. */
#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            return __LINE__;                                                                                 \
    } while (0)

static char dir[] = "/tmp/acmed-sandbox-XXXXXX"; /* may be written in the engine */

static struct sandbox_paths paths;

static int in_child(bool keeper, int (*body)(void))
{
    struct err e;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        int line;

        if (!(keeper ? sandbox_keeper(&e) : sandbox_engine(&paths, &e))) {
            (void)fprintf(stderr, "%s\n", e.text);
            _exit(255);
        }
        line = body();
        if (line != 0)
            (void)fprintf(stderr, "line %d failed: %s\n", line, strerror(errno));
        _exit(line == 0 ? 0 : 1);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void engine(int (*body)(void))
{
    assert_int_equal(in_child(false, body), 0);
}

static void keeper(int (*body)(void))
{
    assert_int_equal(in_child(true, body), 0);
}

static void killed(bool in_keeper, int (*body)(void))
{
    int status = in_child(in_keeper, body);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int do_exec(void)
{
    (void)execl("/bin/true", "true", (char *)NULL);
    return __LINE__;
}

static int do_process_vm(void)
{
    (void)process_vm_readv(getppid(), NULL, 0, NULL, 0, 0);
    return __LINE__;
}

static int do_ptrace(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    return __LINE__;
}

static int do_socket(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
    return __LINE__;
}

static int do_socketpair(void)
{
    int fd[2];

    (void)socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
    return __LINE__;
}

static void test_forbidden_calls_kill(void **state)
{
    (void)state;
    killed(false, do_exec);
    killed(false, do_process_vm);
    killed(true, do_exec);
    killed(true, do_process_vm);
    killed(true, do_socket);
    killed(true, do_socketpair);
    if (!WIDE) {
        killed(false, do_ptrace);
        killed(true, do_ptrace);
    }
}

static int unknown_calls(void)
{
    CHECK(sandbox_unknown_syscalls() == 0);
    CHECK(syscall(SYS_inotify_init1, 0) == -1 && errno == ENOSYS);
    CHECK(syscall(SYS_io_uring_setup, 1, NULL) == -1 && errno == ENOSYS);
    CHECK(syscall(100000) == -1 && errno == ENOSYS);
    CHECK(sandbox_unknown_syscalls() == 3);
    CHECK(getpid() > 0);
    return 0;
}

static void test_unknown_calls_are_answered_and_counted(void **state)
{
    (void)state;
    if (WIDE)
        skip();
    engine(unknown_calls);
    keeper(unknown_calls);
}

static int engine_sockets(void)
{
    int fd[2];

    CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    CHECK(socket(AF_INET6, SOCK_DGRAM, 0) >= 0);
    CHECK(socket(AF_NETLINK, SOCK_RAW, 0 /* NETLINK_ROUTE */) >= 0);
    CHECK(socket(AF_NETLINK, SOCK_RAW, 9 /* NETLINK_AUDIT */) < 0 && errno == EAFNOSUPPORT);
    CHECK(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT);
    CHECK(socket(AF_UNIX, SOCK_DGRAM, 0) < 0 && errno == EAFNOSUPPORT);
    CHECK(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT);
    CHECK(socket(AF_VSOCK, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) < 0 && errno == EAFNOSUPPORT);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0 && errno == EAFNOSUPPORT);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    return 0;
}

static void test_the_engine_s_sockets(void **state)
{
    (void)state;
    engine(engine_sockets);
}

static int engine_files(void)
{
    char path[256];
    int fd;

    CHECK(open("/etc/passwd", O_RDONLY) >= 0);
    CHECK(open("/dev/urandom", O_RDONLY) >= 0); /* c-ares, for what nobody may guess */
    CHECK(open("/etc/acmed-not-mine", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
    CHECK(open("/root", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
    CHECK(open("/proc/self/environ", O_RDONLY) < 0 && errno == EACCES);
    CHECK(open("/tmp/acmed-not-mine", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
    (void)snprintf(path, sizeof path, "%s/journal.tmp", dir);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0);
    (void)snprintf(path, sizeof path, "%s/journal.tmp", dir);
    CHECK(unlink(path) == 0);
    (void)snprintf(path, sizeof path, "%s/link", dir);
    CHECK(symlink("/etc/shadow", path) < 0);
    return 0;
}

static void test_the_engine_s_files(void **state)
{
    (void)state;
    if (WIDE || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
        skip();
    engine(engine_files);
}

static int engine_fork(void)
{
    CHECK(fork() < 0 && errno == EPERM);
    CHECK(vfork() < 0 && errno == EPERM);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
          MAP_FAILED);
    CHECK(kill(getppid(), 0) < 0 && errno == ENOSYS);
    return 0;
}

static void test_the_engine_does_not_multiply(void **state)
{
    (void)state;
    if (WIDE)
        skip();
    engine(engine_fork);
}

static void *thread_main(void *arg)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;

    if (getaddrinfo("localhost", "443", &hints, &found) == 0) {
        *(int *)arg = 1;
        freeaddrinfo(found);
    }
    return NULL;
}

static int engine_threads(void)
{
    pthread_t t[4];
    int found[4] = {0};

    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, thread_main, &found[i]) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(t[i], NULL) == 0 && found[i] == 1);
    return 0;
}

static void test_the_engine_resolves_in_threads(void **state)
{
    int warm = 0;

    (void)state;
    (void)thread_main(&warm);
    assert_int_equal(warm, 1);
    engine(engine_threads);
}

static int keeper_store(void)
{
    char a[256], b[256];
    int fd, status;
    pid_t pid;

    (void)snprintf(a, sizeof a, "%s/a", dir);
    (void)snprintf(b, sizeof b, "%s/b", dir);
    fd = open(a, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, "key", 3) == 3 && fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(fchown(fd, getuid(), getgid()) == 0 && fchmod(fd, 0640) == 0 && close(fd) == 0);
    CHECK(rename(a, b) == 0 && link(b, a) == 0 && unlink(a) == 0);
    CHECK(symlink("b", a) == 0 && unlink(a) == 0 && unlink(b) == 0);
    CHECK(mkdir(a, 0700) == 0 && rmdir(a) == 0);
    pid = fork();
    if (pid == 0)
        _exit(7);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(sandbox_unknown_syscalls() == 0);
    return 0;
}

static void test_the_keeper_stores_and_forks(void **state)
{
    (void)state;
    keeper(keeper_store);
}

static int report_says(const char *cap)
{
    json_t *r = sandbox_report();
    size_t n = json_array_size(json_object_get(r, "capabilities"));

    CHECK(r != NULL);
    CHECK(json_is_true(json_object_get(r, "no_new_privs")));
    CHECK(strcmp(json_string_value(json_object_get(r, "seccomp")), "filter") == 0);
    CHECK(json_is_false(json_object_get(r, "dumpable")) || WIDE);
    CHECK((json_object_get(r, "widened") != NULL) == WIDE);
    if (geteuid() == 0 && cap != NULL)
        CHECK(n > 0 && n <= 3 &&
              strcmp(json_string_value(json_array_get(json_object_get(r, "capabilities"), 0)), cap) == 0);
    else
        CHECK(n == 0);
    json_decref(r);
    return 0;
}

static int engine_report(void)
{
    return report_says(NULL);
}

static int keeper_report(void)
{
    return report_says("CHOWN");
}

static void test_reports_tell_what_is_in_force(void **state)
{
    json_t *r = sandbox_report();

    (void)state;
    assert_string_equal(json_string_value(json_object_get(r, "seccomp")), "none");
    json_decref(r);
    engine(engine_report);
    keeper(keeper_report);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL && strv_add(&paths.write, dir) && strv_add(&paths.read, "/does/not/exist")
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    strv_clear(&paths.read);
    strv_clear(&paths.write);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden_calls_kill),
        cmocka_unit_test(test_unknown_calls_are_answered_and_counted),
        cmocka_unit_test(test_the_engine_s_sockets),
        cmocka_unit_test(test_the_engine_s_files),
        cmocka_unit_test(test_the_engine_does_not_multiply),
        cmocka_unit_test(test_the_engine_resolves_in_threads),
        cmocka_unit_test(test_the_keeper_stores_and_forks),
        cmocka_unit_test(test_reports_tell_what_is_in_force),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
