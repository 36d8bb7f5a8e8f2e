/* SPDX-License-Identifier: MIT */
#include "daemon/engine/resolver.h"

/* What newer versions have instead is not in 1.18. */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define CLASS_IN   1
#define TIMEOUT_MS 2000 /* of the first attempt; c-ares doubles it */
#define TRIES      3

struct watch {
    struct watch *next;
    struct resolver *owner;
    int fd;
    struct loop_io *io;
};

struct question {
    struct question *next;
    struct resolver *owner;
    struct loop_delay *later; /* c-ares may answer at once, and its channel must not be freed then */
    bool has_reply;
    struct dns_reply reply;
    struct err error;
    void (*done)(void *arg, const struct dns_reply *reply, const struct err *e);
    void *arg;
};

struct resolver {
    struct loop *loop;
    ares_channel channel;
    bool has_channel;
    bool ending;
    struct loop_delay *timer;
    struct watch *watches;
    struct question *questions;
};

/* ---- c-ares on the loop ---- */

static void set_timer(struct resolver *r)
{
    struct timeval tv;

    if (ares_timeout(r->channel, NULL, &tv) != NULL)
        loop_delay_start(r->timer, (int64_t)tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000);
    else
        loop_delay_stop(r->timer);
}

static void on_timer(void *arg)
{
    struct resolver *r = arg;

    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_socket(void *arg, bool readable, bool writable)
{
    struct watch *w = arg;
    struct resolver *r = w->owner;
    int fd = w->fd;

    ares_process_fd(r->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static void watch_drop(struct watch **p)
{
    struct watch *w = *p;

    *p = w->next;
    loop_io_free(w->io);
    free(w);
}

static void watch_add(struct watch **p, struct resolver *r, int fd)
{
    struct watch *w = calloc(1, sizeof *w);

    if (w == NULL)
        return;
    *w = (struct watch){.owner = r, .fd = fd, .io = loop_io_new(r->loop, fd, on_socket, w)};
    if (w->io == NULL)
        free(w); /* the question times out */
    else
        *p = w;
}

/* What c-ares wants to know of a socket. */
static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = arg;
    struct watch **p = &r->watches;

    while (*p != NULL && (*p)->fd != fd)
        p = &(*p)->next;
    if (readable == 0 && writable == 0) {
        if (*p != NULL)
            watch_drop(p);
        return;
    }
    if (*p == NULL)
        watch_add(p, r, fd);
    if (*p != NULL)
        (void)loop_io_want((*p)->io, readable != 0, writable != 0);
}

static bool open_channel(struct resolver *r, const struct strv *servers, bool recursive, struct err *e)
{
    struct ares_options o = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
                                      (recursive ? 0 : ARES_FLAG_NORECURSE),
                             .timeout = TIMEOUT_MS,
                             .tries = TRIES,
                             .sock_state_cb = on_state,
                             .sock_state_cb_data = r};
    int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    char *list;
    int rc;

#ifdef ARES_OPT_QUERY_CACHE /* since 1.31, and on unless told otherwise: what is waited for is new */
    o.qcache_max_ttl = 0;
    given |= ARES_OPT_QUERY_CACHE;
#endif
    rc = ares_init_options(&r->channel, &o, given);
    if (rc != ARES_SUCCESS)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot ask the DNS: %s", ares_strerror(rc));
    r->has_channel = true;
    if (servers == NULL || servers->n == 0)
        return true;
    list = strv_join(servers, ",");
    rc = list != NULL ? ares_set_servers_ports_csv(r->channel, list) : ARES_ENOMEM;
    free(list);
    return rc == ARES_SUCCESS || err_set(e, ERR_CLASS_INTERNAL, "cannot ask the DNS: %s", ares_strerror(rc));
}

struct resolver *resolver_new(struct loop *l, const struct strv *servers, bool recursive, struct err *e)
{
    struct resolver *r = calloc(1, sizeof *r);

    if (r != NULL) {
        r->loop = l;
        r->timer = loop_delay_new(l, on_timer, r);
    }
    if (r == NULL || r->timer == NULL) {
        resolver_free(r);
        err_nomem(e, "a question to the DNS");
        return NULL;
    }
    if (!open_channel(r, servers, recursive, e)) {
        resolver_free(r);
        return NULL;
    }
    return r;
}

/* ---- questions ---- */

static void question_drop(struct question *q)
{
    struct question **p = &q->owner->questions;

    while (*p != q)
        p = &(*p)->next;
    *p = q->next;
    loop_delay_free(q->later);
    dns_reply_clear(&q->reply);
    free(q);
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    r->ending = true;
    if (r->has_channel)
        ares_destroy(r->channel);
    while (r->questions != NULL)
        question_drop(r->questions);
    while (r->watches != NULL)
        watch_drop(&r->watches);
    loop_delay_free(r->timer);
    free(r);
}

static void tell(void *arg)
{
    struct question q = *(struct question *)arg;

    ((struct question *)arg)->reply = (struct dns_reply){0};
    question_drop(arg);
    q.done(q.arg, q.has_reply ? &q.reply : NULL, q.has_reply ? NULL : &q.error);
    dns_reply_clear(&q.reply);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *message, int len)
{
    struct question *q = arg;

    (void)timeouts;
    if (q->owner->ending)
        return;
    if (message != NULL && len > 0 &&
        (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND))
        q->has_reply = dns_reply_parse(&q->reply, message, (size_t)len, &q->error);
    else
        err_set(&q->error, ERR_CLASS_TRANSIENT, "%s", ares_strerror(status));
    loop_delay_start(q->later, 0);
}

bool resolver_ask(struct resolver *r, const char *name, enum dns_type type,
                  void (*done)(void *arg, const struct dns_reply *reply, const struct err *e), void *arg)
{
    struct question *q = calloc(1, sizeof *q);

    if (q == NULL)
        return false;
    *q = (struct question){.next = r->questions, .owner = r, .done = done, .arg = arg};
    q->later = loop_delay_new(r->loop, tell, q);
    if (q->later == NULL) {
        free(q);
        return false;
    }
    r->questions = q;
    ares_query(r->channel, name, CLASS_IN, (int)type, on_answer, q);
    set_timer(r);
    return true;
}
