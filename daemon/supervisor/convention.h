/* SPDX-License-Identifier: MIT */
#ifndef ACMED_SUPERVISOR_CONVENTION_H
#define ACMED_SUPERVISOR_CONVENTION_H

/* How the program that sets a DNS record wants to be told: the conventions of `dns_hook`. */

#include "lib/config.h"

#include <sys/types.h>

struct convention_record {
    bool cleanup;           /* remove it; else set it */
    const char *identifier; /* the domain that is proven */
    const char *token;
    const char *target; /* "": no CNAME record leads from name to another */
    const char *name;   /* that the CA asks for */
    const char *value;  /* base64url: nothing to be quoted anywhere */
};

/* Where the record is to be. */
const char *convention_place(const struct convention_record *r);

/* May programs of the kind run side by side? Others were written for clients that have one certificate in
 * hand. */
bool convention_is_parallel(enum dns_hook_kind kind);

/* The command line into argv (empty), and what it reads (the caller frees; NULL: nothing). uid, home: of the
 * user who runs it. False with e. */
bool convention_words(const struct config_dns_hook *h, const struct convention_record *r, uid_t uid,
                      const char *home, struct strv *argv, char **input, struct err *e);

/* Are the programs and files that it takes there, and in trusted hands: root's or uid's? */
bool convention_check(const struct config_dns_hook *h, uid_t uid, const char *home, struct err *e);

#endif
