/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_SOCKET_H
#define ACMED_SUPERVISOR_SOCKET_H

/* Making one listening socket. */

#include "lib/config.h"
#include "lib/err.h"

#include <sys/types.h>

/* A listening socket for a TCP or unix: address, or -1 with e: who holds the port, where /proc tells. */
int socket_listen(const struct listen_addr *addr, struct err *e);

/* A listening unix socket of that mode. Its directory is made (0755) if missing; a socket file which nobody
 * answers is replaced, one that somebody answers is not. */
int socket_listen_unix(const char *path, mode_t mode, struct err *e);

#endif
