/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_ACCOUNT_PARTS_H
#define ACMED_KEEPER_ACCOUNT_PARTS_H

/* What account.c (found, made, registered) and account_change.c (another key, the end) share. */

#include "daemon/keeper/account.h"
#include "daemon/keeper/keygen.h"

#define KEY_FILE    "key.pem"
#define RECORD_FILE "account.json"

struct accounts {
    const struct store *store;
    const struct config *config;
    struct account *v; /* in the order of the configuration */
    size_t n;
    struct keygen keygen;
    struct account *making; /* what keygen makes a key for; one at a time. NULL: nothing */
    struct account *failed; /* it could not, which was not told yet: */
    struct err failure;
};

/* A key of the configured type. NULL with e; account->wants_key: it takes its time. */
struct key *account_new_key(struct account *account, struct err *e);

/* NULL: no configured CA. */
struct account *accounts_find(struct accounts *a, const struct config_ca *ca);

/* What account.json says. Borrowed. */
struct account_record {
    const char *directory;
    const char *url;
    const char *contact; /* NULL: not known */
    bool deactivated;
};

/* Durably. */
bool account_write_record(const struct dir *d, const struct account_record *record, struct err *e);

/* Reads the next key, if there is one, of an account whose key is read. */
bool account_load_next(const struct dir *d, struct account *account, struct err *e);

#endif
