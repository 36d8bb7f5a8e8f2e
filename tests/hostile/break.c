/* SPDX-License-Identifier: MIT */
#include "tests/hostile/hostile.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void raw(int fd, const void *data, size_t n)
{
    (void)send(fd, data, n, MSG_NOSIGNAL);
}

static void frame(int fd, uint32_t len, enum ipc_type type, const void *data, size_t n)
{
    const uint32_t header[3] = {len, (uint32_t)type, 7};

    raw(fd, header, sizeof header);
    raw(fd, data, n);
}

static void oversized(int fd)
{
    frame(fd, UINT32_MAX, IPC_PING, "", 0);
}

static void no_type(int fd)
{
    frame(fd, 0, IPC_TYPE_COUNT, "", 0);
}

static void too_few_fields(int fd)
{
    frame(fd, 0, IPC_COPY, "", 0);
    frame(fd, 0, IPC_DEPLOY, "", 0);
}

static void too_many_fields(int fd)
{
    frame(fd, 8, IPC_PING, "12345678", 8);
}

static void a_nul_inside(int fd)
{
    frame(fd, 8, IPC_READY, "\3\0\0\0a\0b", 8);
}

static void a_string_beyond_its_frame(int fd)
{
    frame(fd, 8, IPC_READY, "\377\377\377\377abc", 8);
}

static void others_words(int fd)
{
    frame(fd, 16, IPC_FACTS, "\3\0\0\0abc\0\1\0\0\0\0\0\0\0", 16);
}

/* Descriptors on messages that carry none. */
static void descriptors(int fd)
{
    const uint32_t ping[3] = {0, IPC_PONG, 7};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(8 * sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)ping, sizeof ping};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    int fds[8];

    for (int i = 0; i < 8; i++)
        fds[i] = i < 3 ? i : 0;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
    for (int i = 0; i < 5; i++)
        (void)sendmsg(fd, &msg, MSG_NOSIGNAL);
}

static const struct {
    const char *name;
    void (*run)(int fd);
} ways[] = {
    {"oversized", oversized},           {"no-type", no_type},
    {"too-few-fields", too_few_fields}, {"too-many-fields", too_many_fields},
    {"nul-inside", a_nul_inside},       {"beyond-frame", a_string_beyond_its_frame},
    {"others-words", others_words},     {"descriptors", descriptors},
};

/* "keeper:WAY" or "supervisor:WAY". */
bool hostile_break(struct hostile *h, const char *how)
{
    const char *way = strchr(how, ':');
    int fd = ipc_conn_fd(strncmp(how, "keeper", 6) == 0 ? h->keeper : h->supervisor);

    for (size_t i = 0; way != NULL && i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(ways[i].name, way + 1) != 0)
            continue;
        ways[i].run(fd);
        (void)poll(NULL, 0, 60000);
        hostile_tell(how, true);
        return true;
    }
    return false;
}
