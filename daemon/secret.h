/* SPDX-License-Identifier: MIT */
#ifndef ACMED_DAEMON_SECRET_H
#define ACMED_DAEMON_SECRET_H

/* Secrets that an administrator hands over: a file of mode 0600, or a systemd credential
 * (systemd.exec(5), LoadCredential=). The supervisor looks whether they are well kept, the keeper alone reads
 * them. */

#include "lib/buf.h"
#include "lib/err.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define SECRET_MAX 4096 /* bytes of a file */

bool secret_is_credential(const char *value);

/* Where the secret is: value is an absolute path or "credential:NAME", which lies in
 * $CREDENTIALS_DIRECTORY. False with e where that is not set. */
bool secret_path(const char *value, char path[PATH_MAX], struct err *e);

/* Whether a file of these attributes may be taken for a secret: plain, owned by root or uid, and nobody
 * else's to read or to write. */
bool secret_check(const char *value, const struct stat *st, uid_t uid, struct err *e);

/* Appends the content to out, after secret_check() with the effective uid. */
bool secret_read(const char *value, struct buf *out, struct err *e);

#endif
