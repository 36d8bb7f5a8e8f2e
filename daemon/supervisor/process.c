/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    pid_t pid;
    int fd; /* pidfd: readable when it has ended, and never another process */
    struct event *event;
    void (*on_exit)(void *arg, int status);
    void *arg;
    bool reaped;
};

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    struct process *p = arg;
    int status;

    (void)fd;
    (void)what;
    if (waitpid(p->pid, &status, WNOHANG) != p->pid)
        return;
    p->reaped = true;
    (void)event_del(p->event);
    p->on_exit(p->arg, status); /* may free p */
}

struct process *process_watch(struct event_base *base, pid_t pid, void (*on_exit)(void *arg, int status),
                              void *arg)
{
    struct process *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->pid = pid;
    p->on_exit = on_exit;
    p->arg = arg;
    p->fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (p->fd >= 0)
        p->event = event_new(base, p->fd, EV_READ | EV_PERSIST, on_end, p);
    if (p->event == NULL || (on_exit != NULL && event_add(p->event, NULL) != 0)) {
        process_free(p);
        return NULL;
    }
    return p;
}

void process_free(struct process *p)
{
    if (p == NULL)
        return;
    if (p->event != NULL)
        event_free(p->event);
    if (p->fd >= 0)
        (void)close(p->fd);
    if (!p->reaped)
        (void)waitpid(p->pid, NULL, WNOHANG);
    free(p);
}

void process_kill(const struct process *p, int signal)
{
    if (!p->reaped)
        (void)kill(p->pid, signal);
}

void process_wait(struct process *p)
{
    if (!p->reaped)
        p->reaped = waitpid(p->pid, NULL, 0) == p->pid;
    process_free(p);
}

void process_end(struct process *p)
{
    process_kill(p, SIGKILL);
    process_wait(p);
}

pid_t process_pid(const struct process *p)
{
    return p->pid;
}
