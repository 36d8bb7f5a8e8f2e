/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/keygen.h"

#include "daemon/random.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEM_MAX 16384

static bool write_bytes(int fd, const struct buf *pem)
{
    for (size_t done = 0; done < pem->len;) {
        ssize_t n = write(fd, pem->data + done, pem->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* The child. It keeps nothing open but its pipe: neither the sockets, whose end of file tells others that the
 * keeper is gone, nor the lock of the state directory. */
static _Noreturn void child(int fd, enum key_type type)
{
    struct buf pem;
    struct key *key;
    bool ok;

    if (fd > 3)
        (void)close_range(3, (unsigned)fd - 1, 0);
    (void)close_range((unsigned)fd + 1, UINT_MAX, 0);
    key = key_generate(type, NULL);
    buf_init_secret(&pem, PEM_MAX);
    ok = key != NULL && key_to_pem(key, &pem, NULL) && write_bytes(fd, &pem);
    buf_clear(&pem);
    key_free(key);
    _exit(ok ? 0 : 1);
}

bool keygen_start(struct keygen *g, enum key_type type, struct err *e)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_set(e, ERR_CLASS_INTERNAL, "cannot make a pipe for key generation: %s", strerror(errno));
    pid = fork();
    if (pid < 0) {
        (void)err_set(e, ERR_CLASS_INTERNAL, "cannot start a child for key generation: %s", strerror(errno));
        (void)close(fds[0]);
        (void)close(fds[1]);
        return false;
    }
    if (pid == 0)
        child(fds[1], type);
    (void)close(fds[1]);
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    g->pid = pid;
    g->fd = fds[0];
    buf_init_secret(&g->pem, PEM_MAX);
    return true;
}

/* The child has closed its pipe, so it is about to exit. */
static int reap(struct keygen *g)
{
    int status = -1;

    while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    (void)close(g->fd);
    g->pid = 0;
    g->fd = -1;
    return status;
}

enum keygen_result keygen_read(struct keygen *g, struct key **key, struct err *e)
{
    char *room = buf_reserve(&g->pem, 4096);
    ssize_t n = room != NULL ? read(g->fd, room, 4096) : 0;
    int status;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return KEYGEN_AGAIN;
    if (n > 0) {
        buf_grew(&g->pem, (size_t)n);
        return KEYGEN_AGAIN;
    }
    status = reap(g);
    *key = NULL;
    if (status == 0 && g->pem.len > 0 && !g->pem.failed)
        *key = key_from_pem(g->pem.data, g->pem.len, e);
    else
        (void)err_set(e, ERR_CLASS_INTERNAL, "the child that was to make a key ended with %s %d",
                      WIFSIGNALED(status) ? "signal" : "status",
                      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    buf_clear(&g->pem);
    return *key != NULL ? KEYGEN_DONE : KEYGEN_FAILED;
}

void keygen_cancel(struct keygen *g)
{
    if (g->pid == 0)
        return;
    (void)kill(g->pid, SIGKILL);
    (void)reap(g);
    buf_clear(&g->pem);
}
