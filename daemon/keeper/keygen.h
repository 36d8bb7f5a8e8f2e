/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_KEYGEN_H
#define ACMED_KEEPER_KEYGEN_H

/* A slow key made in a child process (an RSA key takes 0.1 to 4 seconds): the keeper goes on answering. */

#include "lib/buf.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/key.h"

#include <stdbool.h>
#include <sys/types.h>

struct keygen {
    pid_t pid;      /* 0: not running */
    int fd;         /* where its PEM comes from; poll it for reading */
    struct buf pem; /* secret */
};

enum keygen_result { KEYGEN_AGAIN, KEYGEN_DONE, KEYGEN_FAILED };

bool keygen_start(struct keygen *g, enum key_type type, struct err *e);

/* Call when fd is readable. DONE: *key is the caller's. DONE and FAILED (with e): the child is gone and
 * waited for. */
enum keygen_result keygen_read(struct keygen *g, struct key **key, struct err *e);

/* Ends and waits for the child, if one is running. */
void keygen_cancel(struct keygen *g);

#endif
