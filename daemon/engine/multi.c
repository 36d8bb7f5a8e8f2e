/* SPDX-License-Identifier: MIT */
#include "daemon/engine/multi.h"

#include <stdlib.h>

struct multi {
    struct loop *loop;
    CURLM *curl;
    struct loop_delay *timeout;
    void (*on_step)(void *arg);
    void *arg;
};

/* What libcurl wants to know of one descriptor. */
struct watch {
    struct multi *multi;
    struct loop_io *io;
    curl_socket_t fd;
};

static void act(struct multi *m, curl_socket_t fd, int mask)
{
    int running;

    (void)curl_multi_socket_action(m->curl, fd, mask, &running);
    m->on_step(m->arg);
}

static void on_ready(void *arg, bool readable, bool writable)
{
    struct watch *w = arg;

    act(w->multi, w->fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct multi *m = arg;
    struct watch *w = socket_arg;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL)
            loop_io_free(w->io);
        free(w);
        return 0;
    }
    if (w == NULL) {
        w = calloc(1, sizeof *w);
        if (w == NULL)
            return -1;
        w->multi = m;
        w->fd = fd;
        w->io = loop_io_new(m->loop, fd, on_ready, w);
        if (w->io == NULL) {
            free(w);
            return -1;
        }
        (void)curl_multi_assign(m->curl, fd, w);
    }
    return loop_io_want(w->io, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0) ? 0 : -1;
}

static int on_timer(CURLM *curl, long ms, void *arg)
{
    struct multi *m = arg;

    (void)curl;
    if (ms < 0)
        loop_delay_stop(m->timeout);
    else
        loop_delay_start(m->timeout, ms);
    return 0;
}

static void on_timeout(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

struct multi *multi_new(struct loop *l, void (*on_step)(void *arg), void *arg)
{
    struct multi *m = calloc(1, sizeof *m);

    if (m == NULL)
        return NULL;
    *m = (struct multi){.loop = l, .on_step = on_step, .arg = arg};
    m->curl = curl_multi_init();
    m->timeout = loop_delay_new(l, on_timeout, m);
    if (m->curl == NULL || m->timeout == NULL) {
        multi_free(m);
        return NULL;
    }
    (void)curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
    (void)curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    return m;
}

void multi_free(struct multi *m)
{
    if (m == NULL)
        return;
    if (m->curl != NULL)
        (void)curl_multi_cleanup(m->curl);
    loop_delay_free(m->timeout);
    free(m);
}

CURLM *multi_curl(const struct multi *m)
{
    return m->curl;
}
