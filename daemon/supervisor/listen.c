/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/listen.h"

#include "daemon/supervisor/socket.h"
#include "lib/buf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PASSED_FIRST 3
#define PASSED_MAX   64
#define PASSED_TEXT  "systemd"
#define PAUSE_MS     20

static const char control[] = "control";
static const char http[] = "http-01";
static const char tls_alpn[] = "tls-alpn-01";

struct listeners {
    struct listener *v; /* owned */
    size_t n;
    bool passed_http;     /* the service manager passed a socket for the http-01 responder */
    bool passed_tls_alpn; /* likewise */
    unsigned patience_ms; /* left for addresses that are taken */
};

static struct listener *add(struct listeners *l, const char *purpose, const char *text, int fd)
{
    struct listener *grown = realloc(l->v, (l->n + 1) * sizeof *grown);
    char *copy = strdup(text);

    if (grown != NULL)
        l->v = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return NULL;
    }
    l->v[l->n] = (struct listener){.purpose = purpose, .text = copy, .fd = fd};
    return &l->v[l->n++];
}

static void unlink_unix(int fd)
{
    struct sockaddr_un addr;
    socklen_t len = sizeof addr;

    memset(&addr, 0, sizeof addr);
    if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0 && addr.sun_family == AF_UNIX &&
        addr.sun_path[0] == '/')
        (void)unlink(addr.sun_path);
}

static void shut(struct listener *v)
{
    if (v->fd < 0)
        return;
    if (!v->passed)
        unlink_unix(v->fd);
    (void)close(v->fd);
    v->fd = -1;
}

static void drop(struct listeners *l, size_t i)
{
    shut(&l->v[i]);
    free(l->v[i].text);
    l->v[i] = l->v[--l->n];
}

/* Named "control" or "tls-alpn-01" by FileDescriptorName=, else for the http-01 responder
 * (sd_listen_fds_with_names(3)). */
static const char *purpose_of(const char *name, size_t len)
{
    if (len == strlen(control) && strncmp(name, control, len) == 0)
        return control;
    return len == strlen(tls_alpn) && strncmp(name, tls_alpn, len) == 0 ? tls_alpn : http;
}

static bool take_passed(struct listeners *l)
{
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID"), *names = getenv("LISTEN_FDNAMES");
    long n = count != NULL ? strtol(count, NULL, 10) : 0;
    bool ok = true;

    if (names == NULL)
        names = "";
    if (n > PASSED_MAX || pid == NULL || strtol(pid, NULL, 10) != (long)getpid())
        n = 0;
    for (int i = 0; i < n && ok; i++) {
        size_t len = strcspn(names, ":");
        const char *purpose = purpose_of(names, len);
        struct listener *v = add(l, purpose, PASSED_TEXT, PASSED_FIRST + i);

        (void)fcntl(PASSED_FIRST + i, F_SETFD, FD_CLOEXEC);
        (void)fcntl(PASSED_FIRST + i, F_SETFL, fcntl(PASSED_FIRST + i, F_GETFL) | O_NONBLOCK);
        ok = v != NULL;
        if (ok)
            v->passed = true;
        l->passed_http = l->passed_http || purpose == http;
        l->passed_tls_alpn = l->passed_tls_alpn || purpose == tls_alpn;
        names += names[len] == ':' ? len + 1 : len;
    }
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDNAMES");
    return ok;
}

struct listeners *listeners_new(void)
{
    struct listeners *l = calloc(1, sizeof *l);

    if (l != NULL && !take_passed(l)) {
        listeners_free(l);
        return NULL;
    }
    return l;
}

void listeners_free(struct listeners *l)
{
    if (l == NULL)
        return;
    while (l->n > 0)
        drop(l, l->n - 1);
    free(l->v);
    free(l);
}

static struct listener *find(struct listeners *l, const char *purpose, const char *text)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].purpose == purpose && strcmp(l->v[i].text, text) == 0)
            return &l->v[i];
    return NULL;
}

/* A supervisor that was killed leaves an engine behind, which holds the listeners until the kernel has ended
 * it too. */
static int listen_patiently(struct listeners *l, const struct listen_addr *a, const char *path, struct err *e)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000L};

    for (;; l->patience_ms -= PAUSE_MS) {
        int fd = a != NULL ? socket_listen(a, e) : socket_listen_unix(path, 0666, e);

        if (fd >= 0 || e->class != ERR_CLASS_TRANSIENT || l->patience_ms < PAUSE_MS)
            return fd;
        (void)nanosleep(&pause, NULL);
    }
}

static bool want_control(struct listeners *l, const char *path, struct err *e)
{
    struct listener *v = find(l, control, PASSED_TEXT);
    int fd;

    if (v == NULL)
        v = find(l, control, path);
    if (v == NULL) {
        fd = listen_patiently(l, NULL, path, e);
        if (fd < 0)
            return err_wrap(e, "control_socket");
        v = add(l, control, path, fd);
        if (v == NULL) {
            (void)close(fd);
            return err_nomem(e, "control socket");
        }
    }
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].purpose == control)
            l->v[i].wanted = &l->v[i] == v;
    return true;
}

/* The address family of a default address may be missing on this machine; of a written one not. */
static bool worth_telling(const struct listen_addr *a, const struct err *e)
{
    return a->explicit_ || e->class != ERR_CLASS_CONFIG;
}

static void want_address(struct listeners *l, const char *purpose, const struct listen_addr *a,
                         struct buf *warnings)
{
    struct listener *v = find(l, purpose, a->text);
    struct err e;

    if (v == NULL)
        v = add(l, purpose, a->text, -1);
    if (v == NULL) {
        warnings->failed = true;
        return;
    }
    v->wanted = true;
    v->on_demand = false;
    if (v->fd >= 0)
        return;
    v->fd = listen_patiently(l, a, NULL, &e);
    if (v->fd < 0 && worth_telling(a, &e))
        (void)buf_addf(warnings, "%s%s; acmed tries again whenever a challenge needs it, and on reload",
                       warnings->len > 0 ? "\n" : "", e.text);
}

static void want(struct listeners *l, const char *purpose, const struct listen_addr *a, bool passed,
                 struct buf *warnings)
{
    if (a->kind == LISTEN_SYSTEMD && !passed)
        (void)buf_addf(warnings, "%s%s: the service manager passed no socket for it",
                       warnings->len > 0 ? "\n" : "",
                       purpose == http ? "http_listen = systemd" : "tls_alpn_listen = systemd");
    else if (a->kind == LISTEN_TCP || a->kind == LISTEN_UNIX)
        want_address(l, purpose, a, warnings);
}

bool listeners_apply(struct listeners *l, const struct config *c, unsigned wait_ms, char **warnings,
                     struct err *e)
{
    struct buf b;

    l->patience_ms = wait_ms;
    if (!want_control(l, c->control_socket, e))
        return false;
    buf_init(&b, 64 * 1024);
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].purpose != control)
            l->v[i].wanted = l->v[i].passed;
    for (size_t i = 0; i < c->n_http_listen; i++)
        if (c->http_listen_set || !l->passed_http)
            want(l, http, &c->http_listen[i], l->passed_http, &b);
    for (size_t i = 0; i < c->n_tls_alpn_listen; i++)
        want(l, tls_alpn, &c->tls_alpn_listen[i], l->passed_tls_alpn, &b);
    *warnings = buf_take(&b, NULL);
    buf_clear(&b);
    return true;
}

void listeners_prune(struct listeners *l)
{
    for (size_t i = l->n; i-- > 0;)
        if (!l->v[i].wanted && !l->v[i].passed)
            drop(l, i);
}

static const struct listen_addr *address_of(const struct config *c, const struct listener *v)
{
    const struct listen_addr *a = v->purpose == http ? c->http_listen : c->tls_alpn_listen;
    size_t n = v->purpose == http ? c->n_http_listen : c->n_tls_alpn_listen;

    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i].text, v->text) == 0)
            return &a[i];
    return NULL;
}

char *listeners_bind(struct listeners *l, const struct config *c, const char *purpose,
                     void (*fresh)(void *arg, const struct listener *), void *arg)
{
    struct buf errors;
    char *text;

    buf_init(&errors, 60 * 1024);
    for (size_t i = 0; i < l->n; i++) {
        struct listener *v = &l->v[i];
        const struct listen_addr *a;
        struct err e;

        if (v->purpose == control || strcmp(v->purpose, purpose) != 0 || !v->wanted || v->fd >= 0 ||
            (a = address_of(c, v)) == NULL)
            continue;
        v->fd = socket_listen(a, &e);
        if (v->fd >= 0) {
            v->on_demand = true;
            fresh(arg, v);
        } else if (worth_telling(a, &e)) {
            (void)buf_addf(&errors, "%s%s", errors.len > 0 ? "\n" : "", e.text);
        }
    }
    text = buf_take(&errors, NULL);
    buf_clear(&errors);
    return text;
}

void listeners_release(struct listeners *l, const char *purpose)
{
    for (size_t i = 0; i < l->n; i++) {
        if (purpose != NULL && strcmp(l->v[i].purpose, purpose) != 0)
            continue;
        if (l->v[i].on_demand)
            shut(&l->v[i]);
        l->v[i].on_demand = false;
    }
}

const struct listener *listeners_get(const struct listeners *l, size_t i)
{
    for (size_t k = 0; k < l->n; k++)
        if (l->v[k].fd >= 0 && l->v[k].wanted && i-- == 0)
            return &l->v[k];
    return NULL;
}
