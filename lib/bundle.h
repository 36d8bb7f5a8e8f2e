/* SPDX-License-Identifier: MIT */
#ifndef ACMED_BUNDLE_H
#define ACMED_BUNDLE_H

/* The files of one generation (DESIGN section 5) say everything twice: fullchain.pem is cert.pem and
 * chain.pem, haproxy.pem is fullchain.pem and privkey.pem. So damage to any of them shows, and one that is
 * damaged can be made again from the other four. */

#include "lib/buf.h"
#include "lib/err.h"

enum bundle_file {
    BUNDLE_CERT,
    BUNDLE_CHAIN,
    BUNDLE_FULLCHAIN,
    BUNDLE_PRIVKEY,
    BUNDLE_HAPROXY,
    BUNDLE_FILES /* their number */
};

/* "cert.pem" ... */
const char *bundle_file_to_str(enum bundle_file f);
/* It holds the key. */
bool bundle_file_is_secret(enum bundle_file f);

struct bundle {
    struct buf file[BUNDLE_FILES]; /* what is in each; empty: missing, or empty */
};

/* max: bytes of each file. All are secret, as any of them may hold what belongs into another. */
void bundle_init(struct bundle *b, size_t max);
void bundle_clear(struct bundle *b);

/* The key belongs to the leaf, and the certificates and keys are the same wherever they stand (how they are
 * laid out does not matter: an administrator may have put them there). Else false: e says which files do not
 * go together. */
bool bundle_check(const struct bundle *b, struct err *e);

/* Finds the one file that is damaged, puts into it what the other four prove that it was, and tells which.
 * False: it is not one alone (b is unchanged), or memory is out. */
bool bundle_repair(struct bundle *b, enum bundle_file *which);

#endif
