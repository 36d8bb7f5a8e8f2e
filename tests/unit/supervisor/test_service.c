/* SPDX-License-Identifier: MIT */
#include "tests/unit/test.h"

#include "daemon/build.h"
#include "daemon/ipc.h"
#include "daemon/log.h"
#include "daemon/snapshot.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/notify.h"
#include "daemon/supervisor/service.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* This program is also keeper and engine: the supervisor starts it under their names. How a child behaves
 * stands in the contact of the configuration: "crash@example.com" and so on. What they log arrives through
 * the supervisor. */

static struct snapshot *snapshot;

static bool told(const char *what)
{
    const char *contact = snapshot->config->contact;

    return contact != NULL && strncmp(contact, what, strlen(what)) == 0;
}

static struct ipc_conn *child_open(const char *name)
{
    struct ipc_conn *c = ipc_conn_new(IPC_FD_SUPERVISOR);
    struct err e;

    log_open_relay(IPC_FD_LOG, name);
    log_set_level(LOG_LEVEL_DEBUG);
    snapshot = snapshot_read(IPC_FD_CONFIG, &e);
    if (snapshot == NULL) {
        log_error(NULL, "%s", e.text);
        _exit(1);
    }
    return c;
}

/* Blocks until there is a message; false: end of file. */
static bool next(struct ipc_conn *c, struct ipc_msg *m)
{
    struct pollfd p = {.fd = ipc_conn_fd(c), .events = POLLIN};
    struct err e;

    for (;;) {
        (void)ipc_flush(c);
        switch (ipc_next(c, m, &e)) {
        case IPC_RESULT_OK:
            return true;
        case IPC_RESULT_AGAIN:
            break;
        default:
            return false;
        }
        if (poll(&p, 1, -1) > 0 && ipc_fill(c) == IPC_RESULT_CLOSED)
            return false;
    }
}

/* Ends when the other one does, as the real ones do. */
static void follow(struct ipc_conn *c, const char *what)
{
    char byte;

    if (!told(what))
        return;
    (void)ipc_flush(c);
    (void)!read(IPC_FD_PEER, &byte, 1);
    _exit(0);
}

/* Dies, but only when the supervisor has seen the end of the other one, which follows. */
static void lead(struct ipc_conn *c, const char *what)
{
    struct ipc_msg m;

    if (!told(what))
        return;
    (void)ipc_flush(c);
    (void)close(IPC_FD_PEER);
    while (next(c, &m))
        ;
    abort();
}

static int keeper_main(void)
{
    struct ipc_conn *c = child_open("keeper");
    struct ipc_msg m;

    log_info(NULL, "keeper has pid %d", (int)getpid());
    (void)ipc_send(c, IPC_HELLO, 0, build_id, "{\"fake\": true}");
    follow(c, "engine-dies");
    lead(c, "keeper-dies");
    while (next(c, &m))
        if (m.type == IPC_FACTS)
            (void)ipc_send(c, IPC_FACTS_REPLY, m.id, "/state/certs/a.example/7", UINT64_C(1800000000), "0abc",
                           "1st.example a.example");
        else if (m.type == IPC_PING)
            (void)ipc_send(c, IPC_PONG, m.id, UINT64_C(0));
    log_info(NULL, "keeper ends at end of file");
    return 0;
}

static void log_surroundings(void)
{
    char list[256] = "";
    const struct dirent *d;
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    while ((d = readdir(dir)) != NULL)
        if (d->d_name[0] != '.' && atoi(d->d_name) != dirfd(dir))
            n++;
    (void)closedir(dir);
    for (char **v = environ; *v != NULL; v++)
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), "%.*s ", (int)strcspn(*v, "="), *v);
    log_info(NULL, "the state is in %s", snapshot->config->state_dir);
    log_info(NULL, "engine has pid %d uid %d, %zu descriptors, environment %s", (int)getpid(), (int)getuid(),
             n, list);
}

static void on_engine_start(struct ipc_conn *c, const struct ipc_msg *m)
{
    log_info(NULL, "confinement %s", m->field[0].s);
    log_info(NULL, "acmed has run since %llu", (unsigned long long)m->field[3].u);
    if (told("crash"))
        _exit(3);
    if (told("abort"))
        abort();
    if (told("break"))
        (void)ipc_send(c, IPC_SIGNED, 0, "forged");
    if (told("deploy"))
        for (uint32_t i = 1; i <= 3; i++) {
            (void)ipc_send(c, IPC_DEPLOY, i, "a.example", UINT64_C(7), "hook", "issued");
            (void)ipc_send(c, IPC_DEPLOY, 10 + i, "a.example", UINT64_C(7), "reload", "issued");
        }
    if (told("again"))
        (void)ipc_send(c, IPC_DEPLOY, 1, "a.example", UINT64_C(7), "hook", "deploy");
    if (told("foreign")) {
        (void)ipc_send(c, IPC_DEPLOY, 1, "../x", UINT64_C(7), "hook", "issued");
        (void)ipc_send(c, IPC_DEPLOY, 2, "a.example", UINT64_C(7), "rm", "issued");
        (void)ipc_send(c, IPC_DEPLOY, 3, "a.example", UINT64_C(7), "hook", "$(x)");
    }
    (void)ipc_send(c, IPC_READY, 0, "1 certificate");
    if (told("reload-once") && m->field[2].u == 0)
        (void)ipc_send(c, IPC_RELOAD, 7);
}

static int engine_main(void)
{
    struct ipc_conn *c = child_open("engine");
    struct ipc_msg m;
    struct err e;

    (void)ipc_send(c, IPC_HELLO, 0, told("mismatch") ? "9.9.9+other" : build_id, "{}");
    log_surroundings();
    follow(c, "keeper-dies");
    lead(c, "engine-dies");
    while (next(c, &m)) {
        if (m.type == IPC_LISTENER) {
            log_info(NULL, "listener %s %s", m.field[0].s, m.field[1].s);
            (void)close(m.fd);
        } else if (m.type == IPC_START) {
            on_engine_start(c, &m);
        } else if (m.type == IPC_DEPLOYED) {
            log_info(NULL, "deployed id %u: %s [%s] output [%s]", (unsigned)m.id,
                     m.field[0].u ? "done" : "failed", m.field[2].s, m.field[3].s);
            if (told("again") && m.id < 120)
                (void)ipc_send(c, IPC_DEPLOY, m.id + 1, "a.example", UINT64_C(7), "hook", "deploy");
        } else if (m.type == IPC_RELOADED) {
            log_info(NULL, "reloaded: %s",
                     ipc_next(c, &m, &e) == IPC_RESULT_OK && m.type == IPC_STOP ? "and is to stop"
                                                                                : "and goes on");
            return 0;
        } else if (m.type == IPC_PING) {
            log_info(NULL, "pinged");
            (void)ipc_send(c, IPC_PONG, m.id, UINT64_C(0));
        } else if (m.type == IPC_STOP) {
            log_info(NULL, "engine was told to stop in %u s", (unsigned)m.field[0].u);
            if (told("slow"))
                (void)usleep(700000);
            if (!told("stubborn"))
                return 0;
        }
    }
    return 0;
}

static char dir[] = "/tmp/acmed-service-XXXXXX";
static char conf[128], log_path[128];
static pid_t service;
static const char *state_dir = "state";

static void configure(const char *contact, const char *more)
{
    FILE *f = fopen(conf, "w");

    assert_non_null(f);
    (void)fprintf(f,
                  "[acmed]\ncontact = %s@example.com\nagree_terms = yes\nstate_dir = %s/%s\ncontrol_socket = "
                  "%s/run/acmed.sock\nhttp_listen = unix:%s/http.sock\n%s\n[certificate a.example]\n",
                  contact, dir, state_dir, dir, dir, more);
    (void)fprintf(f, "hook = %s/hook arg\nreload = a b\n", dir);
    assert_int_equal(fclose(f), 0);
}

static void write_script(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f, "#!/bin/sh\n%s\n", text);
    (void)fclose(f);
    assert_int_equal(chmod(path, 0755), 0);
}

static char manager[128]; /* the service manager's socket; "": there is none */

static int serve(void)
{
    struct load l;
    struct err e;
    char state[128], systemctl[128];
    struct service_setup setup = {.conf = conf,
                                  .load = &l,
                                  .keeper_path = "/proc/self/exe",
                                  .engine_path = "/proc/self/exe",
                                  .systemctl = systemctl,
                                  .uid = geteuid()};

    (void)umask(077);
    if (manager[0] != '\0') {
        (void)setenv("NOTIFY_SOCKET", manager, 1);
        (void)setenv("WATCHDOG_USEC", "4800000", 1);
    }
    notify_open();
    (void)snprintf(state, sizeof state, "%s/state", dir);
    (void)snprintf(systemctl, sizeof systemctl, "%s/systemctl", dir);
    (void)mkdir(state, 0755);
    (void)chmod(state, 0755);
    if (!load_read(&l, conf, geteuid())) {
        load_log_messages(&l.messages, true, true);
        return 2;
    }
    setup.lock_fd = lock_take(state, 0, &e);
    return setup.lock_fd >= 0 ? service_run(&setup) : 1;
}

static void start(void)
{
    (void)unlink(log_path);
    service = fork();
    if (service == 0) {
        int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0644), status;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(fd, STDERR_FILENO);
        (void)close(fd);
        log_open(true, LOG_JOURNALD);
        status = serve();
        exit(status);
    }
    assert_true(service > 0);
}

static const char *log_text(void)
{
    static char text[262144];
    int fd = open(log_path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* Waits until the text is in the log `times` times. */
static void await(const char *what, int times)
{
    const struct timespec pause = {0, 10000000L};

    for (int i = 0; i < 2000; i++) {
        int n = 0;

        for (const char *p = strstr(log_text(), what); p != NULL; p = strstr(p + 1, what))
            n++;
        if (n >= times)
            return;
        (void)nanosleep(&pause, NULL);
    }
    fail_msg("not in the log: %s\n%s", what, log_text());
}

static void await_file(const char *name)
{
    const struct timespec pause = {0, 10000000L};
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    for (int i = 0; i < 2000 && access(path, F_OK) != 0; i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(access(path, F_OK), 0);
}

static int stop(int signal)
{
    int status;

    if (signal != 0)
        (void)kill(service, signal);
    assert_int_equal(waitpid(service, &status, 0), service);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The user acmed is there where acmed is installed. */
static uid_t engine_uid(void)
{
    const struct passwd *pw = getpwnam("acmed");

    if (geteuid() != 0)
        return geteuid();
    return pw != NULL ? pw->pw_uid : 65534;
}

static void test_start_and_stop(void **state)
{
    char text[64];

    (void)state;
    configure("fine", "");
    start();
    await("ready: 1 certificate", 1);
    await("listener control ", 1);
    await("listener http-01 unix:", 1);
    await("\"keeper\":{\"fake\":true}", 1);
    (void)snprintf(text, sizeof text, "uid %d, 7 descriptors, environment", (int)engine_uid());
    if (getenv("ASAN_OPTIONS") == NULL)
        await(text, 1);
    assert_null(strstr(log_text(), "NOTIFY_SOCKET"));
    assert_null(strstr(log_text(), "pinged")); /* without a watchdog nothing ticks */
    assert_null(strstr(log_text(), "HOME"));
    assert_int_equal(stop(SIGTERM), 0);
    await("engine was told to stop in 5 s", 1);
    await("keeper ends at end of file", 1);
}

static void test_a_crashing_child_is_started_again_ever_later(void **state)
{
    (void)state;
    configure("crash", "");
    start();
    await("acmed-engine ended with status 3", 3);
    await("started again in 0.1 s", 1);
    await("started again in 0.2 s", 1);
    await("started again in 0.4 s", 1);
    assert_int_equal(stop(SIGTERM), 0);
}

static void test_the_one_that_died_first_is_named(void **state)
{
    (void)state;
    configure("engine-dies", "");
    start();
    await("acmed-engine was ended by signal 6", 2);
    assert_null(strstr(log_text(), "acmed-keeper ended"));
    assert_int_equal(stop(SIGTERM), 0);
    configure("keeper-dies", "");
    start();
    await("acmed-keeper was ended by signal 6", 2);
    assert_null(strstr(log_text(), "acmed-engine ended"));
    assert_int_equal(stop(SIGTERM), 0);
}

static void test_a_child_that_breaks_the_protocol_is_ended(void **state)
{
    (void)state;
    configure("break", "");
    start();
    await("acmed-engine breaks the protocol (it sent signed) and is ended", 2);
    assert_int_equal(stop(SIGINT), 0);
}

static void test_another_build_asks_for_a_restart(void **state)
{
    (void)state;
    configure("mismatch", "");
    start();
    assert_int_equal(stop(0), 75);
    await("acmed was upgraded", 1);
}

static void test_a_broken_reload_is_refused_and_a_good_one_is_not(void **state)
{
    (void)state;
    configure("fine", "");
    start();
    await("ready: ", 1);
    configure("fine", "bogus = 1");
    assert_int_equal(kill(service, SIGHUP), 0);
    await("acmed.conf:7: ", 1);
    await("the reload is refused", 1);
    assert_null(strstr(log_text(), "told to stop"));
    configure("fine", "max_orders = 3");
    assert_int_equal(kill(service, SIGHUP), 0);
    await("told to stop", 1);
    await("engine has pid", 2);
    await("listener control ", 2);
    assert_int_equal(stop(SIGTERM), 0);
}

/* Who hears that the new configuration is in force, and asks on, must not be answered by the old one. */
static void test_the_answer_to_a_reload_comes_with_the_end(void **state)
{
    (void)state;
    configure("reload-once", "");
    start();
    await("reloaded: ", 1);
    assert_non_null(strstr(log_text(), "reloaded: and is to stop"));
    await("engine has pid", 2);
    await("ready: ", 2);
    assert_int_equal(stop(SIGTERM), 0);
}

static void test_a_stubborn_engine_is_ended(void **state)
{
    (void)state;
    configure("stubborn", "");
    start();
    await("ready: ", 1);
    assert_int_equal(stop(SIGTERM), 0);
    await("acmed-engine did not finish in time", 1);
}

static void test_deployment_steps(void **state)
{
    (void)state;
    write_script("hook", "echo \"$1 $ACMED_CERTIFICATE [$ACMED_DOMAINS] $ACMED_EVENT $ACMED_FULLCHAIN "
                         "$ACMED_SERIAL ${NOTIFY_SOCKET-none}\"; "
                         "sleep 0.3; exit 4");
    write_script("systemctl",
                 "echo \"$*\" >>${0%/*}/systemctl.log\n"
                 "case $1/$4 in show/a.service) echo LoadState=loaded; echo ActiveState=active;;\n"
                 "show/b.service) echo LoadState=loaded; echo ActiveState=inactive;; esac");
    configure("deploy", "");
    start();
    await("deployed id 3: failed [", 1);
    await("exited with status 4] output [arg a.example [a.example 1st.example] issued "
          "/state/certs/a.example/7/fullchain.pem 0abc none",
          3);
    await("acmed: warning: a.example: hook: arg a.example [a.example 1st", 1);
    await("deployed id 13: done [b.service is not running; it will read the new files when it starts] output "
          "[]",
          1);
    await("deployed id 1", 4); /* 1, 11, 12, 13 */
    assert_int_equal(stop(SIGTERM), 0);
    write_script(
        "check",
        "test \"$(cat ${0%/*}/systemctl.log | sort | uniq -c | tr -s ' ' | tr '\\n' ';')\" = "
        "' 1 show --property=LoadState,ActiveState -- a.service; 1 show --property=LoadState,ActiveState -- "
        "b.service; 1 try-reload-or-restart --no-ask-password -- a.service;'");
    {
        char command[160];

        (void)snprintf(command, sizeof command, "%s/check", dir);
        assert_int_equal(system(command), 0);
    }
}

static void test_what_the_engine_may_not_ask(void **state)
{
    (void)state;
    configure("foreign", "");
    start();
    await("deployed id 1: failed [no such certificate is configured]", 1);
    await("deployed id 2: failed [no such step, event or generation]", 1);
    await("deployed id 3: failed [no such step, event or generation]", 1);
    assert_int_equal(stop(SIGTERM), 0);
}

/* An engine that was taken over. */
static void test_a_hook_is_not_run_over_and_over(void **state)
{
    (void)state;
    write_script("hook", "echo run >>${0%/*}/over");
    configure("again", "");
    start();
    await("deployed id 100: done", 1);
    await(
        "deployed id 101: failed [the hook has run 100 times in a short time, and does not run again for the "
        "next 15 min]",
        1);
    await("deployed id 120: failed", 1);
    assert_int_equal(stop(SIGTERM), 0);
    write_script("check", "test \"$(wc -l <${0%/*}/over)\" = 100");
    {
        char command[160];

        (void)snprintf(command, sizeof command, "%s/check", dir);
        assert_int_equal(system(command), 0);
    }
}

static void test_a_running_hook_is_joined_by_the_next_engine(void **state)
{
    (void)state;
    write_script("hook",
                 "echo run >>${0%/*}/runs; while [ ! -e ${0%/*}/go ]; do sleep 0.05; done; echo slow");
    write_script("systemctl", "echo LoadState=not-found");
    configure("deploy", "");
    start();
    await("ready: ", 1);
    await_file("runs");
    configure("deploy", "max_orders = 4");
    assert_int_equal(kill(service, SIGHUP), 0);
    await("ready: ", 2); /* it asked for the hook before it said so */
    write_script("go", "");
    await("output [slow", 3);
    await("there is no unit a.service", 1);
    assert_int_equal(stop(SIGTERM), 0);
    write_script("check", "test \"$(wc -l <${0%/*}/runs)\" = 1");
    {
        char command[160];

        (void)snprintf(command, sizeof command, "%s/check", dir);
        assert_int_equal(system(command), 0);
    }
}

static void test_children_do_not_outlive_a_killed_supervisor(void **state)
{
    const struct timespec pause = {0, 10000000L};
    int engine = 0, status, lock, tries = 0;
    char where[128];
    struct err e;

    (void)state;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans come to us: their end is seen wherever the test runs */
    configure("fine", "");
    start();
    await("ready: ", 1);
    assert_int_equal(sscanf(strstr(log_text(), "engine has pid "), "engine has pid %d", &engine), 1);
    (void)kill(service, SIGKILL);
    assert_int_equal(waitpid(service, &status, 0), service);
    (void)snprintf(where, sizeof where, "%s/state", dir);
    lock = lock_take(where, 5000, &e); /* the keeper held it, too */
    assert_true(lock >= 0);
    (void)close(lock);
    while (waitpid(engine, &status, WNOHANG) == 0 && tries++ < 500)
        (void)nanosleep(&pause, NULL);
    assert_true(tries < 500);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static int manager_open(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = 10};

    (void)snprintf(manager, sizeof manager, "%s/notify", dir);
    memcpy(a.sun_path, manager, strlen(manager));
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

static void manager_close(int fd)
{
    (void)close(fd);
    (void)unlink(manager);
    manager[0] = '\0';
}

/* Waits until the service manager is told something that begins with the text. */
static void await_told(int fd, const char *what)
{
    char text[2048];
    ssize_t len;

    do {
        len = recv(fd, text, sizeof text - 1, 0);
        if (len < 0)
            fail_msg("the service manager is not told: %s\n%s", what, log_text());
        text[len > 0 ? len : 0] = '\0';
    } while (strncmp(text, what, strlen(what)) != 0);
}

static int pid_of(const char *name)
{
    char line[64];
    const char *found;
    int pid = 0;

    (void)snprintf(line, sizeof line, "%s has pid ", name);
    found = strstr(log_text(), line);
    assert_non_null(found);
    assert_int_equal(sscanf(found + strlen(line), "%d", &pid), 1);
    return pid;
}

static void test_the_watchdog_is_fed_when_both_answer(void **state)
{
    int fd = manager_open();
    char since[64];

    (void)state;
    configure("fine", "");
    start();
    await_told(fd, "STATUS=1 certificate");
    await_told(fd, "READY=1");
    await_told(fd, "WATCHDOG=1");
    await_told(fd, "WATCHDOG=1");
    await("pinged", 2);
    assert_null(strstr(log_text(), "WATCHDOG"));
    assert_null(strstr(log_text(), "killed"));
    assert_int_equal(kill(service, SIGHUP), 0);
    await_told(fd, "RELOADING=1\nMONOTONIC_USEC=");
    await_told(fd, "READY=1");
    await("engine has pid", 2);
    (void)snprintf(since, sizeof since, "%.40s", strstr(log_text(), "acmed has run since"));
    since[strcspn(since, "\n")] = '\0';
    await(since, 2);
    assert_int_equal(stop(SIGTERM), 0);
    await_told(fd, "STOPPING=1");
    manager_close(fd);
}

static void a_child_hangs(const char *name)
{
    char text[64];
    int fd = manager_open();

    configure("fine", "");
    start();
    await("ready: ", 1);
    await_told(fd, "READY=1");
    assert_int_equal(kill(pid_of(name), SIGSTOP), 0);
    (void)snprintf(text, sizeof text, "acmed-%s has not answered for 1 s and is killed", name);
    await(text, 1);
    await_told(fd, "WATCHDOG=1"); /* the rest of acmed is well */
    await("keeper has pid", 2);
    await("engine has pid", 2);
    await_told(fd, "STATUS=1 certificate");
    assert_int_equal(stop(SIGTERM), 0);
    manager_close(fd);
}

static void test_a_child_that_hangs_is_killed_and_both_start_again(void **state)
{
    (void)state;
    a_child_hangs("engine");
    a_child_hangs("keeper");
}

static bool is_locked(const char *name)
{
    char path[128];
    struct err e;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = lock_take(path, 0, &e);
    if (fd >= 0)
        (void)close(fd);
    return fd < 0;
}

static void test_a_reload_moves_to_another_state_directory(void **state)
{
    char path[128];
    int held;
    struct err e;

    (void)state;
    configure("slow", "");
    start();
    await("ready: ", 1);
    state_dir = "state2";
    configure("slow", "");
    assert_int_equal(kill(service, SIGHUP), 0);
    await("comes into force", 1);
    assert_int_equal(kill(service, SIGHUP), 0); /* while the old pair finishes */
    await("comes into force", 2);
    await("/state2", 1);
    await("engine has pid", 2);
    assert_null(strstr(log_text(), "refused"));
    assert_false(is_locked("state")); /* free for another acmed */
    assert_true(is_locked("state2"));
    state_dir = "state3";
    (void)snprintf(path, sizeof path, "%s/state3", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    held = lock_take(path, 0, &e);
    configure("slow", "");
    assert_int_equal(kill(service, SIGHUP), 0);
    await("the reload is refused", 1);
    await("another acmed (pid ", 1);
    assert_true(is_locked("state2"));
    (void)close(held);
    assert_int_equal(stop(SIGTERM), 0);
    assert_false(is_locked("state2"));
    state_dir = "state";
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
        return -1;
    (void)snprintf(conf, sizeof conf, "%s/acmed.conf", dir);
    (void)snprintf(log_path, sizeof log_path, "%s/log", dir);
    write_script("hook", "true");
    write_script("systemctl", "true");
    return 0;
}

static int tear_down(void **state)
{
    char command[160];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_a_crashing_child_is_started_again_ever_later),
        cmocka_unit_test(test_the_one_that_died_first_is_named),
        cmocka_unit_test(test_a_child_that_breaks_the_protocol_is_ended),
        cmocka_unit_test(test_another_build_asks_for_a_restart),
        cmocka_unit_test(test_a_broken_reload_is_refused_and_a_good_one_is_not),
        cmocka_unit_test(test_the_answer_to_a_reload_comes_with_the_end),
        cmocka_unit_test(test_a_stubborn_engine_is_ended),
        cmocka_unit_test(test_deployment_steps),
        cmocka_unit_test(test_the_watchdog_is_fed_when_both_answer),
        cmocka_unit_test(test_a_child_that_hangs_is_killed_and_both_start_again),
        cmocka_unit_test(test_a_reload_moves_to_another_state_directory),
        cmocka_unit_test(test_children_do_not_outlive_a_killed_supervisor),
        cmocka_unit_test(test_what_the_engine_may_not_ask),
        cmocka_unit_test(test_a_hook_is_not_run_over_and_over),
        cmocka_unit_test(test_a_running_hook_is_joined_by_the_next_engine),
    };

    if (argc > 0 && strcmp(argv[0], "acmed-keeper") == 0)
        return keeper_main();
    if (argc > 0 && strcmp(argv[0], "acmed-engine") == 0)
        return engine_main();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
