/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/murmur.h"

#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_ 1000 /* bytes of a line; longer ones are cut into several */
#define LINES_MAX 1000 /* of one child's life */
#define READS_MAX 64   /* in one turn of the loop, and at the end */

struct murmur {
    const char *name;
    int fd;
    int child_fd; /* -1: the child has it */
    struct event *readable;
    char line[LINE_MAX_];
    size_t len;
    unsigned lines;
};

static void end_line(struct murmur *m)
{
    if (m->len > 0 && m->lines < LINES_MAX)
        log_warning(NULL, "%s wrote to stderr: %.*s", m->name, (int)m->len, m->line);
    if (m->len > 0 && m->lines++ == LINES_MAX)
        log_warning(NULL, "%s writes too much to stderr; the rest is not logged", m->name);
    m->len = 0;
}

static void take(struct murmur *m, const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] == '\n' || m->len == sizeof m->line)
            end_line(m);
        if (data[i] != '\n')
            m->line[m->len++] = data[i] != '\0' ? data[i] : '?';
        if (m->lines > LINES_MAX)
            m->lines = LINES_MAX + 1; /* it does not come round */
    }
}

/* False: end of file. */
static bool drain(struct murmur *m)
{
    char data[4096];

    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = read(m->fd, data, sizeof data);

        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        take(m, data, (size_t)n);
    }
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct murmur *m = arg;

    (void)fd;
    (void)what;
    if (!drain(m))
        (void)event_del(m->readable);
}

struct murmur *murmur_new(struct event_base *base, const char *name)
{
    struct murmur *m = calloc(1, sizeof *m);
    int fds[2];

    if (m == NULL || pipe2(fds, O_CLOEXEC) != 0) {
        free(m);
        return NULL;
    }
    *m = (struct murmur){.name = name, .fd = fds[0], .child_fd = fds[1]};
    m->readable = event_new(base, m->fd, EV_READ | EV_PERSIST, on_readable, m);
    if (m->readable == NULL || fcntl(m->fd, F_SETFL, O_NONBLOCK) != 0 || event_add(m->readable, NULL) != 0) {
        murmur_free(m);
        return NULL;
    }
    return m;
}

int murmur_child_fd(const struct murmur *m)
{
    return m->child_fd;
}

void murmur_started(struct murmur *m)
{
    if (m->child_fd >= 0)
        (void)close(m->child_fd);
    m->child_fd = -1;
}

void murmur_free(struct murmur *m)
{
    if (m == NULL)
        return;
    murmur_started(m);
    (void)drain(m);
    end_line(m);
    if (m->readable != NULL)
        event_free(m->readable);
    (void)close(m->fd);
    free(m);
}
