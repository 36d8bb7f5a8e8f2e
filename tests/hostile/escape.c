/* SPDX-License-Identifier: MIT */
#include "tests/hostile/hostile.h"

#include "daemon/log.h"
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void try_open(const char *what, int flags, const char *dir, const char *file)
{
    char path[1200];
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", dir, file);
    fd = open(path, flags | O_CLOEXEC, 0600);
    hostile_tell(what, fd >= 0);
}

/* The socket of a program that has nothing to do with acmed, which everybody may write to. */
static void try_stranger(const struct hostile *h, int type)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);

    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%.80s/stranger.sock", h->dir);
    hostile_tell("connect to a stranger's socket",
                 fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0);
}

static void files(const struct hostile *h)
{
    char path[1200];

    try_open("open the account key", O_RDONLY, h->state, "accounts/test/key.pem");
    try_open("open a certificate key", O_RDONLY, h->state, "certs/www.example.com/1/privkey.pem");
    try_open("open the pending key", O_RDONLY, h->state, "certs/www.example.com/pending/privkey.pem");
    try_open("list the accounts", O_RDONLY | O_DIRECTORY, h->state, "accounts");
    try_open("write into live/", O_WRONLY | O_CREAT, h->state, "live/x");
    try_open("write into certs/", O_WRONLY | O_CREAT, h->state, "certs/x");
    try_open("write into the state directory", O_WRONLY | O_CREAT, h->state, "x");
    try_open("write beside the program", O_WRONLY | O_CREAT, h->dir, "x");
    try_open("write into /tmp", O_WRONLY | O_CREAT, "/tmp", "x");
    try_open("write into /dev/shm", O_WRONLY | O_CREAT, "/dev/shm", "acmed-hostile");
    try_open("the supervisor's memory", O_RDONLY, "/proc", "self/../1/mem");
    (void)snprintf(path, sizeof path, "%s/state/link", h->state);
    hostile_tell("make a symbolic link", symlink("/etc/shadow", path) == 0);
    (void)snprintf(path, sizeof path, "%s/state/pipe", h->state);
    hostile_tell("make a FIFO", mkfifo(path, 0600) == 0);
    (void)snprintf(path, sizeof path, "%s/state/own", h->state);
    log_info(NULL, "its own journal is %s",
             open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? "writable" : "CLOSED");
    hostile_tell("set-user-id", chmod(path, 04755) == 0 && errno != ENOSYS);
}

static void system_calls(const struct hostile *h)
{
    static const int other_families[] = {AF_PACKET, AF_VSOCK, AF_ALG, AF_KEY};
    int pair[2];

    hostile_tell("a Unix datagram pair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    try_stranger(h, SOCK_STREAM);
    try_stranger(h, SOCK_DGRAM);
    try_stranger(h, SOCK_SEQPACKET);
    for (size_t i = 0; i < sizeof other_families / sizeof other_families[0]; i++)
        hostile_tell("another family of sockets", socket(other_families[i], SOCK_RAW, 0) >= 0);
    hostile_tell("fork", fork() >= 0);
    hostile_tell("signal the supervisor", kill(getppid(), SIGCONT) == 0);
    hostile_tell("become root", setuid(0) == 0);
}

/* Those that end the process. */
static void deadly(const struct hostile *h, const char *how)
{
    char *const argv[] = {(char *)"sh", NULL};

    (void)h;
    if (strcmp(how, "exec") == 0)
        (void)execve("/bin/sh", argv, NULL);
    else if (strcmp(how, "ptrace") == 0)
        (void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    hostile_tell(how, true);
}

void hostile_escape(struct hostile *h, const char *how)
{
    struct sandbox_paths paths = {0};
    char dir[1200];
    struct err e;

    /* As engine.c does: its paths come from the configuration. */
    (void)snprintf(dir, sizeof dir, "%s/certs", h->state);
    (void)strv_add(&paths.read, dir);
    (void)snprintf(dir, sizeof dir, "%s/live", h->state);
    (void)strv_add(&paths.read, dir);
    (void)snprintf(dir, sizeof dir, "%s/state", h->state);
    (void)strv_add(&paths.write, dir);
    if (!sandbox_engine(&paths, &e)) {
        log_error(NULL, "NOT CONFINED: %s", e.text);
        return;
    }
    if (strcmp(how, "escape") != 0) {
        deadly(h, how);
        return;
    }
    files(h);
    system_calls(h);
}
