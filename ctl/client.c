/* SPDX-License-Identifier: MIT */
#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_SIZE = 64 * 1024,
    CONNECT_TRIES = 100, /* with a pause in between: 10 s for a daemon with a full queue */
    CONNECT_PAUSE_MS = 100,
    SEND_TIMEOUT_MS = 10000
};

void client_init(struct client *c, int quit_fd)
{
    c->fd = -1;
    c->quit_fd = quit_fd;
    c->taken = 0;
    /* a message of the largest size, its NUL, and what was read beyond it */
    buf_init(&c->in, VARLINK_REPLY_MAX + 1 + READ_SIZE);
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    buf_clear(&c->in);
    c->taken = 0;
}

bool client_open(struct client *c, const char *path, int *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    bool connected = false;

    client_close(c);
    if (strlen(path) >= sizeof a.sun_path) {
        *why = ENAMETOOLONG;
        return false;
    }
    strcpy(a.sun_path, path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    for (int i = 0; c->fd >= 0 && i < CONNECT_TRIES; i++) {
        connected = connect(c->fd, (const struct sockaddr *)&a, sizeof a) == 0;
        if (connected || (errno != EAGAIN && errno != EINTR))
            break;
        (void)poll(NULL, 0, CONNECT_PAUSE_MS);
    }
    if (connected)
        return true;
    *why = errno;
    client_close(c);
    return false;
}

static enum client_result wait_for(struct client *c, short events, int timeout_ms)
{
    struct pollfd p[2] = {{.fd = c->fd, .events = events}, {.fd = c->quit_fd}};
    int n = poll(p, 2, timeout_ms);

    if (n < 0)
        return errno == EINTR ? CLIENT_INTERRUPTED : CLIENT_CLOSED;
    if (n == 0)
        return CLIENT_TIMEOUT;
    return (p[1].revents & (POLLERR | POLLNVAL)) != 0 ? CLIENT_QUIT : CLIENT_OK;
}

static enum client_result send_all(struct client *c, const char *data, size_t len)
{
    enum client_result result;

    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n >= 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            result = wait_for(c, POLLOUT, SEND_TIMEOUT_MS);
            if (result != CLIENT_OK && result != CLIENT_INTERRUPTED)
                return result;
        } else if (errno != EINTR) {
            return CLIENT_CLOSED;
        }
    }
    return CLIENT_OK;
}

enum client_result client_send(struct client *c, const char *method, json_t *parameters, bool more,
                               struct err *e)
{
    char *text = varlink_request(method, parameters, more);
    enum client_result result;

    if (text == NULL) {
        err_nomem(e, "a call");
        return CLIENT_BROKEN;
    }
    if (strlen(text) >= VARLINK_REQUEST_MAX) {
        err_set(e, ERR_CLASS_CONFIG, "too many names for one call");
        result = CLIENT_BROKEN;
    } else {
        result = send_all(c, text, strlen(text) + 1);
    }
    free(text);
    return result;
}

/* Takes a whole message out of the buffer; CLIENT_TIMEOUT: there is none yet. */
static enum client_result take(struct client *c, struct varlink_reply *r, struct err *e)
{
    const char *start = c->in.data + c->taken;
    size_t left = c->in.len - c->taken;
    const char *end = left > 0 ? memchr(start, '\0', left) : NULL;
    size_t len = end != NULL ? (size_t)(end - start) : left;

    if (len > VARLINK_REPLY_MAX) {
        err_set(e, ERR_CLASS_PERMANENT, "a reply larger than %d MiB", VARLINK_REPLY_MAX >> 20);
        return CLIENT_BROKEN;
    }
    if (end == NULL) {
        buf_consume(&c->in, c->taken);
        c->taken = 0;
        return CLIENT_TIMEOUT;
    }
    c->taken += len + 1;
    return varlink_reply_parse(r, start, len, e) ? CLIENT_OK : CLIENT_BROKEN;
}

static enum client_result read_some(struct client *c, struct err *e)
{
    char *p = buf_reserve(&c->in, READ_SIZE);
    ssize_t n;

    if (p == NULL) {
        err_nomem(e, "a reply");
        return CLIENT_BROKEN;
    }
    n = recv(c->fd, p, READ_SIZE, 0);
    if (n > 0)
        buf_grew(&c->in, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        return CLIENT_CLOSED;
    return CLIENT_OK;
}

static int64_t monotonic_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum client_result client_receive(struct client *c, struct varlink_reply *r, int timeout_ms, struct err *e)
{
    int64_t deadline = monotonic_ms() + timeout_ms;
    enum client_result result;

    for (;;) {
        result = take(c, r, e);
        if (result != CLIENT_TIMEOUT)
            return result;
        if (timeout_ms >= 0) {
            int64_t left = deadline - monotonic_ms();

            result = wait_for(c, POLLIN, left > 0 ? (int)left : 0);
        } else {
            result = wait_for(c, POLLIN, -1);
        }
        if (result == CLIENT_OK)
            result = read_some(c, e);
        if (result != CLIENT_OK)
            return result;
    }
}
