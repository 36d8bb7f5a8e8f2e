/* SPDX-License-Identifier: MIT */
/* Loads the responder: a new connection per request, or connections that are held and never say enough.
 *
 *   load requests PORT PATH SECONDS CLIENTS      prints requests, failures and the slowest answer in ms
 *   load hold PORT COUNT                         prints "held" when all are open; ends with its input */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 256

struct client {
    int fd;
    double since;
    char answer[1024];
    size_t n;
};

static struct sockaddr_in where = {.sin_family = AF_INET};
static char request[512];
static int poller;

static double now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void fatal(const char *what)
{
    perror(what);
    exit(1);
}

static int begin(struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    c->n = 0;
    c->since = now();
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&where, sizeof where) != 0)
        fatal("connect");
    if (send(c->fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        fatal("send");
    return epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

/* True when the server has closed: the answer is complete. */
static int take(struct client *c)
{
    ssize_t n = recv(c->fd, c->answer + c->n, sizeof c->answer - 1 - c->n, MSG_DONTWAIT);

    if (n > 0)
        c->n += (size_t)n;
    c->answer[c->n] = '\0';
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static int requests(const char *path, double seconds, int clients)
{
    static struct client c[CLIENTS_MAX];
    struct epoll_event ready[CLIENTS_MAX];
    double start = now(), slowest = 0;
    unsigned long done = 0, failed = 0;

    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    for (int i = 0; i < clients; i++)
        (void)begin(&c[i]);
    while (now() - start < seconds) {
        int n = epoll_wait(poller, ready, CLIENTS_MAX, 1000);

        for (int i = 0; i < n; i++) {
            struct client *one = ready[i].data.ptr;
            double took;

            if (!take(one))
                continue;
            took = now() - one->since;
            slowest = took > slowest ? took : slowest;
            if (strncmp(one->answer, "HTTP/1.1 ", 9) == 0)
                done++;
            else
                failed++;
            (void)close(one->fd);
            (void)begin(one);
        }
    }
    (void)printf("%.0f %lu %.3f\n", (double)done / (now() - start), failed, slowest * 1000);
    return 0;
}

/* The loopback has several addresses to come from: the ports of one would not do for many. */
static int hold(int count)
{
    struct rlimit files = {.rlim_cur = (rlim_t)count + 64, .rlim_max = (rlim_t)count + 64};

    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        fatal("setrlimit");
    for (int i = 0; i < count; i++) {
        struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(0x7f000002U + (unsigned)(i % 8))};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
            connect(fd, (struct sockaddr *)&where, sizeof where) != 0)
            fatal("hold");
        (void)!send(fd, "GET /", 5, MSG_NOSIGNAL);
    }
    (void)printf("held\n");
    (void)fflush(stdout);
    (void)!getchar();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    where.sin_port = htons((unsigned short)atoi(argv[2]));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (strcmp(argv[1], "requests") == 0 && argc == 6 && atoi(argv[5]) <= CLIENTS_MAX)
        return requests(argv[3], atof(argv[4]), atoi(argv[5]));
    if (strcmp(argv[1], "hold") == 0)
        return hold(atoi(argv[3]));
    return 2;
}
