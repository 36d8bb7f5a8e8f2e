/* SPDX-License-Identifier: MIT */
#include "daemon/ipc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_SIZE 12 /* length of the rest of the frame, type, id: 4 bytes each, host order */
#define QUEUE_MAX   (64 * 1024 * 1024)
#define READ_SIZE   (64 * 1024)
#define FDS_MAX     16 /* descriptors queued for sending, or received and not yet claimed */

/* One row a message: what it carries, how long its strings may be, whether a descriptor goes with it. */
struct vocabulary {
    const char *name;
    const char *signature;
    uint32_t string_max;
    bool fd;
};

#define SHORT 1024
#define URLS  4096
#define TEXT  (64 * 1024)
#define CHAIN (300 * 1024)
#define LARGE (1024 * 1024)

static const struct vocabulary vocabulary[] = {
    [IPC_NONE] = {"none", "", 0, false},
    [IPC_HELLO] = {"hello", "ss", TEXT, false},
    [IPC_ACCOUNT_LOAD] = {"account-load", "s", SHORT, false},
    [IPC_ACCOUNT_SAVE] = {"account-save", "ss", URLS, false},
    [IPC_SIGN_NEW_ACCOUNT] = {"sign-new-account", "sss", URLS, false},
    [IPC_SIGN_FIND_ACCOUNT] = {"sign-find-account", "sss", URLS, false},
    [IPC_SIGN_NEW_ORDER] = {"sign-new-order", "ssssu", URLS, false},
    [IPC_SIGN_FETCH] = {"sign-fetch", "sss", URLS, false},
    [IPC_SIGN_ANSWER] = {"sign-answer", "sss", URLS, false},
    [IPC_SIGN_FINALIZE] = {"sign-finalize", "ssss", URLS, false},
    [IPC_REHEARSE_ORDER] = {"rehearse-order", "ssssu", URLS, false},
    [IPC_REHEARSE_FINALIZE] = {"rehearse-finalize", "ssss", URLS, false},
    [IPC_REHEARSE_CHECK] = {"rehearse-check", "ss", CHAIN, false},
    [IPC_REHEARSE_END] = {"rehearse-end", "s", SHORT, false},
    [IPC_DISCARD_KEY] = {"discard-key", "s", SHORT, false},
    [IPC_INSTALL] = {"install", "ss", CHAIN, false},
    [IPC_COPY] = {"copy", "s", SHORT, false},
    [IPC_EXAMINE] = {"examine", "s", SHORT, false},
    [IPC_PUBLISH] = {"publish", "ssss", SHORT, false},
    [IPC_WITHDRAW] = {"withdraw", "ssss", SHORT, false},
    [IPC_MARK_SERVED] = {"mark-served", "su", SHORT, false},
    [IPC_ACCOUNT_NEXT] = {"account-next", "s", SHORT, false},
    [IPC_ACCOUNT_SETTLE] = {"account-settle", "su", SHORT, false},
    [IPC_ACCOUNT_CLOSE] = {"account-close", "s", SHORT, false},
    [IPC_ACCOUNT_CONTACT] = {"account-contact", "s", SHORT, false},
    [IPC_SIGN_KEY_CHANGE] = {"sign-key-change", "sss", URLS, false},
    [IPC_SIGN_FIND_NEXT] = {"sign-find-next", "sss", URLS, false},
    [IPC_SIGN_UPDATE] = {"sign-update", "sss", URLS, false},
    [IPC_SIGN_DEACTIVATE] = {"sign-deactivate", "sss", URLS, false},
    [IPC_SIGN_REVOKE] = {"sign-revoke", "ssss", URLS, false},
    [IPC_SIGN_REVOKE_BY_KEY] = {"sign-revoke-by-key", "ssss", URLS, false},
    [IPC_REVOKED] = {"revoked", "su", SHORT, false},
    [IPC_ROLLBACK] = {"rollback", "su", SHORT, false},
    [IPC_PING] = {"ping", "", 0, false},
    [IPC_DNS_RECORD] = {"dns-record", "ssss", SHORT, false},
    [IPC_FACTS] = {"facts", "su", SHORT, false},
    [IPC_PERMIT] = {"permit", "usuu", SHORT, false},
    [IPC_OK] = {"ok", "", 0, false},
    [IPC_ERROR] = {"error", "us", TEXT, false},
    [IPC_ACCOUNT] = {"account", "ssus", URLS, false},
    [IPC_SIGNED] = {"signed", "s", TEXT, false},
    [IPC_INSTALLED] = {"installed", "u", 0, false},
    [IPC_EXAMINED] = {"examined", "uus", TEXT, false},
    [IPC_PONG] = {"pong", "u", 0, false},
    [IPC_DNS_RECORD_REPLY] = {"dns-record-reply", "ss", SHORT, false},
    [IPC_PERMITTED] = {"permitted", "u", 0, false},
    [IPC_FACTS_REPLY] = {"facts-reply", "suss", TEXT, false},
    [IPC_LISTENER] = {"listener", "ss", SHORT, true},
    [IPC_START] = {"start", "ssuu", TEXT, false},
    [IPC_STOP] = {"stop", "u", 0, false},
    [IPC_BIND] = {"bind", "s", SHORT, false},
    [IPC_RELEASE] = {"release", "s", SHORT, false},
    [IPC_DEPLOY] = {"deploy", "suss", SHORT, false},
    [IPC_DNS] = {"dns", "ssssss", SHORT, false},
    [IPC_GRANT] = {"grant", "", 0, true},
    [IPC_RELOAD] = {"reload", "", 0, false},
    [IPC_CHECK] = {"check", "", 0, false},
    [IPC_READY] = {"ready", "s", SHORT, false},
    [IPC_BOUND] = {"bound", "s", TEXT, false},
    [IPC_DEPLOYED] = {"deployed", "uuss", LARGE, false},
    [IPC_DNS_DONE] = {"dns-done", "uuss", LARGE, false},
    [IPC_GRANTED] = {"granted", "u", 0, false},
    [IPC_RELOADED] = {"reloaded", "us", LARGE, false},
};
static_assert(sizeof vocabulary / sizeof vocabulary[0] == IPC_TYPE_COUNT, "every message has its row");

struct ipc_conn {
    int fd;
    struct buf in;
    size_t taken; /* bytes of `in` that messages were already made of */
    struct buf out;
    /* Descriptors travel with the first byte of their frame, so each keeps that byte's place. */
    struct {
        int fd;
        size_t offset; /* in `out` */
    } out_fds[FDS_MAX];
    size_t n_out_fds;
    int in_fds[FDS_MAX];
    size_t n_in_fds;
    bool broken;
};

const char *ipc_type_to_str(enum ipc_type type)
{
    return (unsigned)type < IPC_TYPE_COUNT ? vocabulary[type].name : "unknown";
}

struct ipc_conn *ipc_conn_new(int fd)
{
    struct ipc_conn *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    c->fd = fd;
    buf_init(&c->in, (size_t)IPC_FRAME_MAX + HEADER_SIZE + READ_SIZE);
    buf_init(&c->out, QUEUE_MAX);
    return c;
}

void ipc_conn_free(struct ipc_conn *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_out_fds; i++)
        (void)close(c->out_fds[i].fd);
    for (size_t i = 0; i < c->n_in_fds; i++)
        (void)close(c->in_fds[i]);
    buf_clear(&c->in);
    buf_clear(&c->out);
    (void)close(c->fd);
    free(c);
}

int ipc_conn_fd(const struct ipc_conn *c)
{
    return c->fd;
}

static bool put_string(struct buf *out, const char *s, uint32_t max)
{
    size_t len = strlen(s);
    uint32_t n = (uint32_t)len;

    return len <= max && buf_add(out, &n, sizeof n) && buf_add(out, s, len + 1);
}

static bool put_fields(struct buf *out, const struct vocabulary *v, va_list ap)
{
    for (const char *p = v->signature; *p != '\0'; p++) {
        if (*p == 's') {
            if (!put_string(out, va_arg(ap, const char *), v->string_max))
                return false;
        } else {
            uint64_t u = va_arg(ap, uint64_t);

            if (!buf_add(out, &u, sizeof u))
                return false;
        }
    }
    return true;
}

/* Appends one frame; on failure the queue is as it was. */
bool ipc_vsend(struct ipc_conn *c, enum ipc_type type, uint32_t id, va_list ap)
{
    size_t start = c->out.len;
    uint32_t header[3] = {0, (uint32_t)type, id};

    if (buf_add(&c->out, header, sizeof header) && put_fields(&c->out, &vocabulary[type], ap)) {
        header[0] = (uint32_t)(c->out.len - start - HEADER_SIZE);
        if (header[0] <= IPC_FRAME_MAX) {
            memcpy(c->out.data + start, header, sizeof header);
            return true;
        }
    }
    c->out.len = start;
    c->out.failed = false;
    return false;
}

bool ipc_send(struct ipc_conn *c, enum ipc_type type, uint32_t id, ...)
{
    va_list ap;
    bool ok;

    assert(!vocabulary[type].fd);
    va_start(ap, id);
    ok = ipc_vsend(c, type, id, ap);
    va_end(ap);
    return ok;
}

bool ipc_send_fd(struct ipc_conn *c, enum ipc_type type, uint32_t id, int fd, ...)
{
    size_t start = c->out.len;
    va_list ap;
    bool ok;
    int copy;

    assert(vocabulary[type].fd);
    if (c->n_out_fds == FDS_MAX)
        return false;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return false;
    va_start(ap, fd);
    ok = ipc_vsend(c, type, id, ap);
    va_end(ap);
    if (!ok) {
        (void)close(copy);
        return false;
    }
    c->out_fds[c->n_out_fds].fd = copy;
    c->out_fds[c->n_out_fds++].offset = start;
    return true;
}

bool ipc_send_err(struct ipc_conn *c, uint32_t id, const struct err *e)
{
    return ipc_send(c, IPC_ERROR, id, (uint64_t)e->class, e->text);
}

bool ipc_wants_write(const struct ipc_conn *c)
{
    return c->out.len > 0;
}

/* Sends up to the next frame that carries a descriptor; such a frame's first byte goes with it. */
static ssize_t send_some(struct ipc_conn *c)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = c->out.data, .iov_len = c->out.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    bool with_fd = c->n_out_fds > 0 && c->out_fds[0].offset == 0;
    ssize_t n;

    if (with_fd) {
        msg.msg_control = control.room;
        msg.msg_controllen = sizeof control.room;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &c->out_fds[0].fd, sizeof(int));
    }
    if (c->n_out_fds > (with_fd ? 1U : 0U))
        iov.iov_len = c->out_fds[with_fd ? 1 : 0].offset;
    n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    if (n > 0 && with_fd) {
        (void)close(c->out_fds[0].fd);
        memmove(c->out_fds, c->out_fds + 1, --c->n_out_fds * sizeof c->out_fds[0]);
    }
    return n;
}

enum ipc_result ipc_flush(struct ipc_conn *c)
{
    while (c->out.len > 0) {
        ssize_t n = send_some(c);

        if (n < 0) {
            if (errno == EINTR)
                continue;
            return errno == EAGAIN ? IPC_RESULT_AGAIN : IPC_RESULT_CLOSED;
        }
        buf_consume(&c->out, (size_t)n);
        for (size_t i = 0; i < c->n_out_fds; i++)
            c->out_fds[i].offset -= (size_t)n;
    }
    return IPC_RESULT_OK;
}

static void keep_fds(struct ipc_conn *c, struct msghdr *msg)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h != NULL; h = CMSG_NXTHDR(msg, h)) {
        size_t n;

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
            if (c->n_in_fds < FDS_MAX) {
                c->in_fds[c->n_in_fds++] = fd;
            } else {
                c->broken = true;
                (void)close(fd);
            }
        }
    }
}

enum ipc_result ipc_fill(struct ipc_conn *c)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {.iov_len = READ_SIZE};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t n;

    if (c->taken > 0) {
        buf_consume(&c->in, c->taken);
        c->taken = 0;
    }
    iov.iov_base = buf_reserve(&c->in, READ_SIZE);
    if (iov.iov_base == NULL)
        return IPC_RESULT_BROKEN;
    do
        n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? IPC_RESULT_AGAIN : IPC_RESULT_CLOSED;
    if (n == 0)
        return IPC_RESULT_CLOSED;
    keep_fds(c, &msg);
    if ((msg.msg_flags & MSG_CTRUNC) != 0)
        c->broken = true;
    buf_grew(&c->in, (size_t)n);
    return IPC_RESULT_OK;
}

/* One field at p; false when it does not fit the frame or its bound. Advances *p. */
static bool get_field(struct ipc_msg *m, char kind, uint32_t max, const char **p, const char *end)
{
    size_t left = (size_t)(end - *p);

    if (kind == 'u') {
        if (left < sizeof(uint64_t))
            return false;
        memcpy(&m->field[m->n].u, *p, sizeof(uint64_t));
        *p += sizeof(uint64_t);
    } else {
        uint32_t len;

        if (left < sizeof len)
            return false;
        memcpy(&len, *p, sizeof len);
        left -= sizeof len;
        *p += sizeof len;
        if (len > max || len >= left || (*p)[len] != '\0' || memchr(*p, '\0', len) != NULL)
            return false;
        m->field[m->n].s = *p;
        m->field[m->n].len = len;
        *p += len + 1;
    }
    m->n++;
    return true;
}

static bool parse_frame(struct ipc_conn *c, struct ipc_msg *m, const char *p, const char *end)
{
    const struct vocabulary *v = &vocabulary[m->type];

    for (const char *s = v->signature; *s != '\0'; s++)
        if (!get_field(m, *s, v->string_max, &p, end))
            return false;
    if (p != end)
        return false;
    if (v->fd) {
        if (c->n_in_fds == 0)
            return false;
        m->fd = c->in_fds[0];
        memmove(c->in_fds, c->in_fds + 1, --c->n_in_fds * sizeof c->in_fds[0]);
    }
    return true;
}

enum ipc_result ipc_next(struct ipc_conn *c, struct ipc_msg *m, struct err *e)
{
    size_t left = c->in.len - c->taken;
    const char *p;
    uint32_t header[3];

    memset(m, 0, sizeof *m);
    m->fd = -1;
    if (c->broken) {
        err_set(e, ERR_CLASS_INTERNAL, "too many descriptors came with a message");
        return IPC_RESULT_BROKEN;
    }
    if (left < HEADER_SIZE)
        return IPC_RESULT_AGAIN;
    p = c->in.data + c->taken;
    memcpy(header, p, sizeof header);
    if (header[0] > IPC_FRAME_MAX || header[1] == IPC_NONE || header[1] >= IPC_TYPE_COUNT) {
        c->broken = true;
        err_set(e, ERR_CLASS_INTERNAL, "a frame of %" PRIu32 " bytes and type %" PRIu32 " is not one of ours",
                header[0], header[1]);
        return IPC_RESULT_BROKEN;
    }
    if (left - HEADER_SIZE < header[0])
        return IPC_RESULT_AGAIN;
    m->type = (enum ipc_type)header[1];
    m->id = header[2];
    if (!parse_frame(c, m, p + HEADER_SIZE, p + HEADER_SIZE + header[0])) {
        c->broken = true;
        err_set(e, ERR_CLASS_INTERNAL, "the fields of a message \"%s\" are not as they must be",
                ipc_type_to_str(m->type));
        return IPC_RESULT_BROKEN;
    }
    c->taken += HEADER_SIZE + header[0];
    return IPC_RESULT_OK;
}

void ipc_msg_to_err(const struct ipc_msg *m, struct err *e)
{
    uint64_t class = m->field[0].u;

    err_set(e,
            class > ERR_CLASS_NONE && class < ERR_CLASS_COUNT ? (enum err_class) class : ERR_CLASS_INTERNAL,
            "%s", m->field[1].s);
}
