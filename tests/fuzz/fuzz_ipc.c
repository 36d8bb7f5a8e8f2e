/* SPDX-License-Identifier: MIT */
#include "daemon/ipc.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const struct ipc_msg *m)
{
    struct err e;

    assert(m->n <= IPC_FIELDS_MAX && m->fd == -1); /* none came with the bytes */
    for (size_t i = 0; i < m->n; i++)
        assert(m->field[i].s == NULL || strlen(m->field[i].s) == m->field[i].len);
    (void)ipc_type_to_str(m->type);
    if (m->type == IPC_ERROR)
        ipc_msg_to_err(m, &e);
}

/* The input is what a compromised process sends; its first byte says in how large pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum ipc_result result = IPC_RESULT_AGAIN;
    struct ipc_conn *c;
    struct ipc_msg m;
    struct err e;
    size_t piece;
    int sv[2];

    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv) != 0)
        return 0;
    piece = data[0] == 0 ? size : data[0];
    c = ipc_conn_new(sv[0]);
    assert(c != NULL);
    for (size_t at = 1; at < size && result == IPC_RESULT_AGAIN; at += piece) {
        size_t n = size - at < piece ? size - at : piece;

        if (send(sv[1], data + at, n, 0) != (ssize_t)n)
            break;
        (void)ipc_fill(c);
        while ((result = ipc_next(c, &m, &e)) == IPC_RESULT_OK)
            check_message(&m);
    }
    if (result == IPC_RESULT_BROKEN)
        assert(ipc_next(c, &m, &e) == IPC_RESULT_BROKEN); /* for good */
    ipc_conn_free(c);
    (void)close(sv[1]);
    return 0;
}
