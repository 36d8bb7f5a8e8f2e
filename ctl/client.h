/* SPDX-License-Identifier: MIT */
#ifndef ACMED_CTL_CLIENT_H
#define ACMED_CTL_CLIENT_H

/* One connection to the daemon's control socket: Varlink messages out and in, nothing about what they mean.
 */

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/varlink.h"

#include <jansson.h>
#include <stdbool.h>

struct client {
    int fd;        /* -1: closed */
    int quit_fd;   /* when its reader is gone (a closed pipe), waiting ends; -1: none */
    struct buf in; /* received, not yet taken */
    size_t taken;  /* bytes of `in` that were */
};

enum client_result {
    CLIENT_OK,
    CLIENT_CLOSED, /* the daemon ended the connection */
    CLIENT_TIMEOUT,
    CLIENT_INTERRUPTED, /* a signal came (the terminal changed its size) */
    CLIENT_QUIT,        /* nobody reads our output any more */
    CLIENT_BROKEN       /* it speaks no Varlink, or too much of it */
};

/* No connection yet. */
void client_init(struct client *c, int quit_fd);

/* Connects to the socket at path. On failure *why is the errno of it (ENAMETOOLONG: no socket can have that
 * path). */
bool client_open(struct client *c, const char *path, int *why);

/* Closes; may be opened again. */
void client_close(struct client *c);

/* Sends a call; parameters are stolen (NULL: none). */
enum client_result client_send(struct client *c, const char *method, json_t *parameters, bool more,
                               struct err *e);

/* The next reply, for the caller to clear, waited for at most timeout_ms (-1: for ever). *r is filled on
 * CLIENT_OK alone, *e on CLIENT_BROKEN alone. */
enum client_result client_receive(struct client *c, struct varlink_reply *r, int timeout_ms, struct err *e);

#endif
