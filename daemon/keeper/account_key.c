/* SPDX-License-Identifier: MIT */
/* The keys of accounts: of the configured type, the slow ones made in a child. */

#include "daemon/keeper/account_parts.h"

struct key *account_new_key(struct account *account, struct err *e)
{
    const enum key_type type = account->ca->account_key;
    struct key *made = account->made;

    account->made = NULL;
    if (made != NULL)
        return made;
    if (type == KEY_TYPE_ECDSA_P256 || type == KEY_TYPE_ECDSA_P384)
        return key_generate(type, e);
    account->wants_key = true;
    (void)err_set(e, ERR_CLASS_INTERNAL, "its key is being made");
    return NULL;
}

enum accounts_result accounts_wait(struct accounts *a, const struct config_ca *ca, struct err *e)
{
    struct account *account = accounts_find(a, ca);

    if (account == NULL || !account->wants_key)
        return ACCOUNTS_FAILED;
    if (a->failed == account) {
        a->failed = NULL;
        *e = a->failure;
        return ACCOUNTS_FAILED;
    }
    if (a->making != NULL)
        return ACCOUNTS_WAIT;
    if (!keygen_start(&a->keygen, ca->account_key, e))
        return ACCOUNTS_FAILED;
    a->making = account;
    return ACCOUNTS_WAIT;
}

size_t accounts_poll(const struct accounts *a, struct pollfd *fd)
{
    if (a->making == NULL)
        return 0;
    *fd = (struct pollfd){.fd = a->keygen.fd, .events = POLLIN};
    return 1;
}

bool accounts_dispatch(struct accounts *a, int fd)
{
    enum keygen_result result;

    if (a->making == NULL || a->keygen.fd != fd)
        return false;
    result = keygen_read(&a->keygen, &a->making->made, &a->failure);
    if (result == KEYGEN_AGAIN)
        return false;
    a->failed = result == KEYGEN_FAILED ? a->making : NULL;
    a->making = NULL;
    return true;
}
