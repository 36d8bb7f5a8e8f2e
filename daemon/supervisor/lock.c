/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 50

static bool wait_for(int fd, unsigned wait_ms)
{
    const struct timespec pause = {0, RETRY_MS * 1000000L};

    for (unsigned waited = 0;; waited += RETRY_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= wait_ms)
            return false;
        (void)nanosleep(&pause, NULL);
    }
}

/* Who holds it, as it wrote itself down. */
static bool refuse(int fd, const char *state_dir, struct err *e)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;

    if (pid > 0)
        return err_set(e, ERR_CLASS_INTERNAL,
                       "another acmed (pid %ld) works on %s; stop it, or give this one its own state_dir",
                       pid, state_dir);
    return err_set(e, ERR_CLASS_INTERNAL,
                   "another acmed works on %s; stop it, or give this one its own state_dir", state_dir);
}

int lock_take(const char *state_dir, unsigned wait_ms, struct err *e)
{
    char path[PATH_MAX];
    int fd;

    (void)snprintf(path, sizeof path, "%s/lock", state_dir);
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_set(e, ERR_CLASS_INTERNAL, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (!wait_for(fd, wait_ms)) {
        (void)refuse(fd, state_dir, e);
        (void)close(fd);
        return -1;
    }
    if (ftruncate(fd, 0) == 0) /* the pid is for people: a full disk does not matter */
        (void)dprintf(fd, "%ld\n", (long)getpid());
    return fd;
}
