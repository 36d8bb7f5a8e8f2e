/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/account_parts.h"

#include "daemon/log.h"
#include "lib/jws.h"

#include <stdlib.h>
#include <string.h>

#define NEXT_FILE     "next.pem"
#define OLD_FILE      "key.old.pem"
#define NEXT_OLD_FILE "next.old.pem"
#define NEXT_BAD_FILE "next.bad.pem"

static bool same_key(const struct account *account)
{
    char *ours = jws_thumbprint(account->key, NULL);
    char *theirs = jws_thumbprint(account->next, NULL);
    bool same = ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0;

    free(ours);
    free(theirs);
    return same;
}

/* If the CA has it as the account's already, it will say that it does not know the other one. */
static bool put_aside(const struct dir *d, const struct err *why, struct err *e)
{
    if (!dir_rename(d, NEXT_FILE, NEXT_BAD_FILE, e) || !dir_sync(d, e))
        return false;
    log_error(NULL,
              "%s/" NEXT_FILE " is damaged: %s; it is kept as " NEXT_BAD_FILE ", and the key in " KEY_FILE
              " stays the account's",
              d->path, why->text);
    return true;
}

bool account_load_next(const struct dir *d, struct account *account, struct err *e)
{
    bool missing = false;
    struct err why;
    struct buf pem;
    bool ok;

    buf_init_secret(&pem, FILE_MAX + 8192);
    ok = file_read_secret(d, NEXT_FILE, &pem, &missing, e);
    if (ok)
        account->next = key_from_pem(pem.len > 0 ? pem.data : "", pem.len, &why);
    buf_clear(&pem);
    if (missing)
        return true;
    if (ok && account->next == NULL && why.class == ERR_CLASS_CONFIG) /* its text is bad */
        return put_aside(d, &why, e);
    if (ok && account->next == NULL)
        *e = why;
    if (account->next == NULL)
        return err_wrap(e, "%s/" NEXT_FILE, d->path);
    if (!same_key(account))
        return true;
    /* It is in its place already: only its first name was not removed yet. */
    key_free(account->next);
    account->next = NULL;
    return dir_remove(d, NEXT_FILE, e) && dir_sync(d, e);
}

static bool write_key(const struct dir *d, const char *name, const struct key *key, struct err *e)
{
    struct buf pem;
    bool ok;

    buf_init_secret(&pem, FILE_MAX);
    ok = key_to_pem(key, &pem, e) &&
         file_replace(d, &(struct file_content){name, pem.data, pem.len, FILE_PRIVATE}, e);
    buf_clear(&pem);
    return ok;
}

/* The account, read, and its directory, for the caller to close. NULL with e. */
static struct account *begin(struct accounts *a, const struct config_ca *ca, struct dir *d, struct err *e)
{
    if (accounts_get(a, ca, e) == NULL || !dir_open(d, &a->store->accounts, ca->name, NULL, e))
        return NULL;
    return accounts_find(a, ca);
}

bool accounts_next(struct accounts *a, const struct config_ca *ca, struct err *e)
{
    struct dir d;
    struct account *account = begin(a, ca, &d, e);
    struct key *next = NULL;
    bool ok;

    if (account == NULL)
        return false;
    ok = account->next != NULL;
    if (!ok) {
        account->wants_key = false;
        next = account_new_key(account, e);
        ok = next != NULL && write_key(&d, NEXT_FILE, next, e);
        if (ok)
            account->next = next;
        else
            key_free(next);
    }
    dir_close(&d);
    return ok || err_wrap(e, "making the next key of the account with the CA %s", ca->name);
}

/* At every moment key.pem is whole, and each of both keys is in some file. */
static bool take_next(const struct dir *d, struct account *account, struct err *e)
{
    char *thumbprint = jws_thumbprint(account->next, e);

    if (thumbprint == NULL || !write_key(d, OLD_FILE, account->key, e) ||
        !write_key(d, KEY_FILE, account->next, e)) {
        free(thumbprint);
        return false;
    }
    key_free(account->key);
    free(account->thumbprint);
    account->key = account->next;
    account->next = NULL;
    account->thumbprint = thumbprint;
    return dir_remove(d, NEXT_FILE, e) && dir_sync(d, e);
}

static bool drop_next(const struct dir *d, struct account *account, struct err *e)
{
    if (!dir_rename(d, NEXT_FILE, NEXT_OLD_FILE, e) || !dir_sync(d, e))
        return false;
    key_free(account->next);
    account->next = NULL;
    return true;
}

bool accounts_settle(struct accounts *a, const struct config_ca *ca, bool next, struct err *e)
{
    struct dir d;
    struct account *account = begin(a, ca, &d, e);
    bool ok;

    if (account == NULL)
        return false;
    if (account->next == NULL)
        ok = err_set(e, ERR_CLASS_INTERNAL, "refused: no change of the account's key is under way");
    else
        ok = next ? take_next(&d, account, e) : drop_next(&d, account, e);
    if (ok && next)
        log_notice(NULL, "the account with the CA %s has a new key; the old one is kept as %s/" OLD_FILE,
                   ca->name, d.path);
    dir_close(&d);
    return ok;
}

bool accounts_close(struct accounts *a, const struct config_ca *ca, struct err *e)
{
    struct dir d;
    struct account *account = begin(a, ca, &d, e);
    bool ok;

    if (account == NULL)
        return false;
    ok = account_write_record(&d,
                              &(struct account_record){.directory = ca->directory,
                                                       .url = account->url,
                                                       .contact = account->contact,
                                                       .deactivated = true},
                              e);
    dir_close(&d);
    account->deactivated = account->deactivated || ok;
    return ok;
}

/* "": none. */
static const char *configured_contact(const struct accounts *a, const struct config_ca *ca)
{
    const char *contact = config_ca_contact(a->config, ca);

    return contact != NULL ? contact : "";
}

bool accounts_contact_is_due(const struct accounts *a, const struct account *account)
{
    return strcmp(account->contact != NULL ? account->contact : "", configured_contact(a, account->ca)) != 0;
}

bool accounts_note_contact(struct accounts *a, const struct config_ca *ca, struct err *e)
{
    struct dir d;
    struct account *account = begin(a, ca, &d, e);
    struct account_record record = {.directory = ca->directory, .contact = configured_contact(a, ca)};
    char *contact = strdup(record.contact);
    bool ok = account != NULL;

    if (ok) {
        record.url = account->url;
        record.deactivated = account->deactivated;
        ok = contact != NULL ? account_write_record(&d, &record, e)
                             : err_nomem(e, "noting the contact of an account");
        dir_close(&d);
    }
    if (!ok) {
        free(contact);
        return false;
    }
    free(account->contact);
    account->contact = contact;
    return true;
}
