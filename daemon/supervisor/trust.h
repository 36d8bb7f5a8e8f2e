/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_TRUST_H
#define ACMED_SUPERVISOR_TRUST_H

/* Whom a file obeys: what acmed reads its orders from, or runs, must be in nobody's hands but root's and the
 * uid's that runs acmed (DESIGN section 6, last paragraph). */

#include "lib/err.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Owner and writability of one file, as it was stat'ed. path: for the message. */
bool trust_stat(const char *path, const struct stat *st, uid_t uid, struct err *e);

/* All parent directories of the absolute path, as written and with symbolic links resolved. */
bool trust_parents(const char *path, uid_t uid, struct err *e);

/* A file (program: an executable one) that is there, with all its parent directories. Right before a program
 * is run this is as good as a look at the descriptor that is executed: nobody who is not trusted can change
 * what was found in order. */
bool trust_file(const char *path, uid_t uid, bool program, struct err *e);

#endif
