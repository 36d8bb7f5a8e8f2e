/* SPDX-License-Identifier: MIT */
#include "daemon/supervisor/socket.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

/* The inode of the TCP socket that listens on the port, from /proc/net/tcp or tcp6, and whose it is. 0: none.
 */
static unsigned long listening_inode(const char *table, uint16_t port, unsigned *uid)
{
    FILE *f = fopen(table, "re");
    char line[512];
    unsigned long inode = 0;

    if (f == NULL)
        return 0;
    while (inode == 0 && fgets(line, sizeof line, f) != NULL) {
        unsigned local, state, owner;
        unsigned long found;

        /* sl local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode */
        if (sscanf(line, " %*[^:]: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %u %*u %lu",
                   &local, &state, &owner, &found) == 4 &&
            local == port && state == 0x0a /* LISTEN */) {
            inode = found;
            *uid = owner;
        }
    }
    (void)fclose(f);
    return inode;
}

/* True when the process has a descriptor of that socket. */
static bool holds(const char *pid, const char *wanted)
{
    char path[PATH_MAX], target[64];
    const struct dirent *d;
    bool found = false;
    DIR *dir;

    (void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
    dir = opendir(path);
    while (dir != NULL && !found && (d = readdir(dir)) != NULL) {
        ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof target - 1);

        target[n > 0 ? n : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return found;
}

/* " (held by nginx, pid 123)"; where the kernel does not let us look into that process (the unit's bounding
 * set has no CAP_SYS_PTRACE), how a person finds out; "" when it is gone by now. */
static void describe_holder(uint16_t port, char *out, size_t size)
{
    unsigned uid = 0;
    unsigned long inode = listening_inode("/proc/net/tcp", port, &uid);
    char wanted[64], path[PATH_MAX], name[64] = "";
    const struct dirent *d;
    DIR *proc;

    out[0] = '\0';
    if (inode == 0)
        inode = listening_inode("/proc/net/tcp6", port, &uid);
    proc = inode != 0 ? opendir("/proc") : NULL;
    if (inode != 0)
        (void)snprintf(out, size, " (held by a process of uid %u; `ss -ltnp sport = :%u` names it)", uid,
                       port);
    if (proc == NULL)
        return;
    (void)snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    while ((d = readdir(proc)) != NULL) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9' || !holds(d->d_name, wanted))
            continue;
        (void)snprintf(path, sizeof path, "/proc/%s/comm", d->d_name);
        FILE *f = fopen(path, "re");
        if (f != NULL && fgets(name, sizeof name, f) != NULL)
            name[strcspn(name, "\n")] = '\0';
        if (f != NULL)
            (void)fclose(f);
        (void)snprintf(out, size, " (held by %s, pid %s)", name, d->d_name);
        break;
    }
    (void)closedir(proc);
}

static bool tcp_address(const struct listen_addr *addr, struct sockaddr_storage *ss, socklen_t *len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};

    memset(ss, 0, sizeof *ss);
    if (inet_pton(AF_INET, addr->host, &in.sin_addr) == 1) {
        *len = sizeof in;
        memcpy(ss, &in, sizeof in);
        return true;
    }
    *len = sizeof in6;
    if (inet_pton(AF_INET6, addr->host, &in6.sin6_addr) != 1)
        return false;
    memcpy(ss, &in6, sizeof in6);
    return true;
}

static int listen_tcp(const struct listen_addr *addr, struct err *e)
{
    enum err_class class = ERR_CLASS_INTERNAL;
    const int on = 1;
    struct sockaddr_storage ss;
    char holder[128] = "";
    socklen_t len;
    int error;
    int fd;

    if (!tcp_address(addr, &ss, &len)) {
        err_set(e, ERR_CLASS_CONFIG, "%s %s: not a numeric address", addr->key, addr->text);
        return -1;
    }
    fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (ss.ss_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
        bind(fd, (const struct sockaddr *)&ss, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    error = errno;
    if (error == EADDRINUSE) {
        class = ERR_CLASS_TRANSIENT;
        describe_holder(addr->port, holder, sizeof holder);
    } else if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL) {
        class = ERR_CLASS_CONFIG;
    }
    err_set(e, class, "%s %s: %s%s", addr->key, addr->text,
            error == EADDRINUSE ? "the port is taken" : strerror(error), holder);
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static bool make_parent(const char *path, struct err *e)
{
    char dir[PATH_MAX];
    char *slash;

    (void)snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL || slash == dir)
        return true;
    *slash = '\0';
    if (mkdir(dir, 0755) == 0)
        return chmod(dir, 0755) == 0;
    if (errno != EEXIST)
        return err_set(e, ERR_CLASS_CONFIG, "%s cannot be made: %s", dir, strerror(errno));
    return true;
}

/* Removes a socket file that nobody listens on. False: somebody does, or it is no socket. */
static bool remove_stale(const char *path, const struct sockaddr_un *addr, struct err *e)
{
    struct stat st;
    int fd, rc, error;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? true : err_set(e, ERR_CLASS_CONFIG, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_CLASS_CONFIG, "%s exists and is not a socket", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)addr, sizeof *addr);
    error = errno;
    if (fd >= 0)
        (void)close(fd);
    if (rc == 0 || error != ECONNREFUSED)
        return err_set(e, ERR_CLASS_TRANSIENT, "%s: another program listens there", path);
    if (unlink(path) != 0)
        return err_set(e, ERR_CLASS_CONFIG, "%s: the stale socket cannot be removed: %s", path,
                       strerror(errno));
    return true;
}

int socket_listen_unix(const char *path, mode_t mode, struct err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof addr.sun_path) {
        err_set(e, ERR_CLASS_CONFIG, "%s: the path of a socket has at most %zu bytes", path,
                sizeof addr.sun_path - 1);
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path));
    if (!make_parent(path, e) || !remove_stale(path, &addr, e))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Between bind and chmod the umask makes it ours alone. */
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 && chmod(path, mode) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    err_set(e, ERR_CLASS_CONFIG, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

int socket_listen(const struct listen_addr *addr, struct err *e)
{
    int fd;

    if (addr->kind == LISTEN_TCP)
        return listen_tcp(addr, e);
    fd = socket_listen_unix(addr->host, 0666, e); /* the web server in front runs as anybody */
    if (fd < 0)
        err_wrap(e, "%s %s", addr->key, addr->text);
    return fd;
}
