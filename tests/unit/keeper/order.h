/* SPDX-License-Identifier: MIT */
#ifndef ACMED_TEST_KEEPER_ORDER_H
#define ACMED_TEST_KEEPER_ORDER_H

/* What an engine asks of the keeper in the course of an order at the CA `test`, and what that CA answers. */

#include "tests/unit/keeper/ca.h"
#include "tests/unit/keeper/jws.h"
#include "tests/unit/keeper/peer.h"

#include <time.h>

#define URL     "https://ca.test/acme/1"
#define ACCOUNT "https://ca.test/acct/7"
#define NONCE   "abc-_123"
#define DAY     86400

/* The account is registered. */
static inline void order_account(struct peer *p)
{
    peer_ask(p, IPC_ACCOUNT, IPC_ACCOUNT_LOAD, "test");
    peer_ask(p, IPC_OK, IPC_ACCOUNT_SAVE, "test", ACCOUNT);
}

/* A chain, valid for 90 days, for the key of a finalize request; the caller frees. */
static inline char *order_certify(const char *jws, const char *names)
{
    int64_t now = (int64_t)time(NULL);
    char *csr = jws_csr(jws);
    char *chain = ca_certify(csr, names, now - 60, now + 90 * DAY);

    free(csr);
    return chain;
}

/* The same for the key that the keeper finalizes with. */
static inline char *order_finalize(struct peer *p, const char *name)
{
    peer_ask(p, IPC_SIGNED, IPC_SIGN_FINALIZE, name, URL, NONCE, "test");
    return order_certify(p->m.field[0].s, name);
}

/* Frees the chain. */
static inline void order_install(struct peer *p, const char *name, char *chain, uint64_t generation)
{
    peer_ask(p, IPC_INSTALLED, IPC_INSTALL, name, chain);
    assert_int_equal(p->m.field[0].u, generation);
    free(chain);
}

#endif
