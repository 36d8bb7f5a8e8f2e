/* SPDX-License-Identifier: MIT */
#ifndef ACMED_KEEPER_ACCOUNT_H
#define ACMED_KEEPER_ACCOUNT_H

/* Accounts with the CAs: accounts/CA/key.pem and account.json {"directory", "url", "status", "contact"}, RFC
 * 8555 section 7.3. While the key is being changed (section 7.3.5) next.pem is there, too: which of both is
 * the account's the CA alone knows, and until it has said so neither is given up. A key that lost is kept as
 * key.old.pem or next.old.pem. */

#include "daemon/keeper/batch.h"
#include "daemon/keeper/store.h"
#include "lib/config.h"
#include "lib/err.h"
#include "lib/key.h"

#include <poll.h>

struct account {
    const struct config_ca *ca; /* borrowed */
    struct key *key;            /* owned */
    char *url;                  /* owned; "": not registered, as far as is known */
    char *contact;              /* owned; what the CA was given, "": none; NULL: not known */
    char *thumbprint;           /* owned, RFC 7638 */
    struct key *next;           /* owned; NULL: no change of the key is under way */
    struct key *made;           /* owned; made for it in a child, not used yet */
    bool wants_key;             /* nothing goes on before one is made; see accounts_wait() */
    bool deactivated;           /* by us, at the CA: it is of no use any more */
};

struct accounts;

/* One (not yet loaded) account for each configured CA; store and config are borrowed. NULL: out of memory. */
struct accounts *accounts_new(const struct store *store, const struct config *config);
void accounts_free(struct accounts *a);

/* The account with this configured CA, read or made (key durable) at the first call; borrowed. An account
 * made for another directory URL, or one whose key is unreadable, is set aside as accounts/CA.~N~ and a new
 * one made. NULL with e on failure; the next call tries again. A new RSA key takes its time: see
 * accounts_wait(). */
const struct account *accounts_get(struct accounts *a, const struct config_ca *ca, struct err *e);

/* The next key is made, of the configured type, durably, unless there is one. False with e: it is not. */
bool accounts_next(struct accounts *a, const struct config_ca *ca, struct err *e);

enum accounts_result { ACCOUNTS_WAIT, ACCOUNTS_FAILED };

/* accounts_get() or accounts_next() has just failed. WAIT: because a key is being made; call it again when
 * accounts_dispatch() returns true. FAILED: for another reason, or because no key can be made (then e says
 * so).
 */
enum accounts_result accounts_wait(struct accounts *a, const struct config_ca *ca, struct err *e);
/* What to poll for the child that makes one; returns 1, or 0 when there is none. */
size_t accounts_poll(const struct accounts *a, struct pollfd *fd);
/* It is readable. True: the child has ended. Another descriptor: nothing happens. */
bool accounts_dispatch(struct accounts *a, int fd);

/* The CA said which key is the account's: the next one, or the one before. Durable. */
bool accounts_settle(struct accounts *a, const struct config_ca *ca, bool next, struct err *e);

/* The CA deactivated it, as a person asked: noted durably. */
bool accounts_close(struct accounts *a, const struct config_ca *ca, struct err *e);

/* The contact that the CA has is not the configured one, as far as is known. account: of this struct. */
bool accounts_contact_is_due(const struct accounts *a, const struct account *account);
/* It has it now: noted durably. */
bool accounts_note_contact(struct accounts *a, const struct config_ca *ca, struct err *e);

/* How it ended: e NULL, then the URL is the account's, durably; else e is borrowed. */
typedef void accounts_done(void *arg, const struct err *e);

/* Records the account's URL: written, and made durable by the batch, which is wanted for it. False with e:
 * nothing was begun, on_done is not called. */
bool accounts_save_url(struct accounts *a, struct batch *batch, const struct config_ca *ca, const char *url,
                       accounts_done *on_done, void *arg, struct err *e);

#endif
