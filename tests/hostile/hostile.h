/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TESTS_HOSTILE_H
#define ACMED_TESTS_HOSTILE_H

/* An engine that was taken over. It says hello as the real one does, then tries what its file of orders says
 * (one word; see main.c), and logs a line for each attempt: "attempt WHAT: refused" or "attempt WHAT:
 * GRANTED". */

#include "daemon/ipc.h"

#include <stdbool.h>

/* ---- speak.c ---- */

struct hostile {
    struct ipc_conn *keeper;
    struct ipc_conn *supervisor;
    char dir[1024];   /* where the program lies */
    char state[1024]; /* state_dir */
    int control;      /* the listener of the control socket; -1: not had yet */
};

/* The whole text of a file beside the program; "" when it cannot be read. At most size - 1 bytes. */
void hostile_read(const struct hostile *h, const char *name, char *text, size_t size);
void hostile_tell(const char *what, bool granted);
/* The same for a message with a descriptor. */
bool hostile_show(struct hostile *h, struct ipc_msg *reply, enum ipc_type type, int fd);
/* Sends, and waits up to a minute for the reply of this id. False: none comes. The reply's strings are
 * borrowed until the next call. */
bool hostile_ask(struct hostile *h, struct ipc_conn *to, struct ipc_msg *reply, enum ipc_type type, ...);

/* ---- the orders ---- */

void hostile_ask_keeper(struct hostile *h);
void hostile_ask_grants(struct hostile *h);
void hostile_ask_supervisor(struct hostile *h);
void hostile_escape(struct hostile *h, const char *how);
/* False: there is no such way. Returns only when nobody ends it. */
bool hostile_break(struct hostile *h, const char *how);

#endif
