/* SPDX-License-Identifier: MIT */
#include "daemon/keeper/account_parts.h"

#include "daemon/log.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/jws.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASIDE_MAX  1000
#define RECORD_MAX 16384

struct accounts *accounts_new(const struct store *store, const struct config *config)
{
    struct accounts *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->store = store;
    a->config = config;
    a->n = config->n_cas;
    a->v = calloc(a->n + 1, sizeof *a->v);
    if (a->v == NULL) {
        free(a);
        return NULL;
    }
    for (size_t i = 0; i < a->n; i++)
        a->v[i].ca = &config->cas[i];
    return a;
}

static void forget(struct account *account)
{
    key_free(account->key);
    key_free(account->next);
    free(account->url);
    free(account->contact);
    free(account->thumbprint);
    account->key = NULL;
    account->next = NULL;
    account->deactivated = false;
    account->url = NULL;
    account->contact = NULL;
    account->thumbprint = NULL;
}

void accounts_free(struct accounts *a)
{
    if (a == NULL)
        return;
    keygen_cancel(&a->keygen);
    for (size_t i = 0; i < a->n; i++) {
        key_free(a->v[i].made);
        forget(&a->v[i]);
    }
    free(a->v);
    free(a);
}

struct account *accounts_find(struct accounts *a, const struct config_ca *ca)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].ca == ca)
            return &a->v[i];
    return NULL;
}

/* The caller frees. NULL: out of memory. */
static char *record_text(const struct account_record *record)
{
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s*}", "directory", record->directory, "url", record->url, "status",
                  record->deactivated ? "deactivated" : "valid", "contact", record->contact);
    char *text = j != NULL ? json_dumps(j, JSON_INDENT(1)) : NULL;

    json_decref(j);
    return text;
}

/* The record written beside; see file_replace_begin(). */
static int begin_record(const struct dir *d, const struct account_record *record, struct err *e)
{
    char *text = record_text(record);
    int fd;

    if (text == NULL) {
        (void)err_nomem(e, "writing the account's record");
        return -1;
    }
    fd = file_replace_begin(d, &(struct file_content){RECORD_FILE, text, strlen(text), FILE_PRIVATE}, e);
    free(text);
    return fd;
}

bool account_write_record(const struct dir *d, const struct account_record *record, struct err *e)
{
    int fd = begin_record(d, record, e);

    return fd >= 0 && file_replace_finish(d, RECORD_FILE, fd, e) && dir_sync(d, e);
}

/* The old account is never used again, and never removed either: it may still hold certificates to revoke.
 * The form of the name is GNU's for numbered backups; no CA of the configuration can be called that. */
static bool set_aside(struct accounts *a, const char *ca, struct err *e)
{
    char name[CONFIG_NAME_MAX + 16];
    struct stat st;

    for (unsigned i = 1; i <= ASIDE_MAX; i++) {
        (void)snprintf(name, sizeof name, "%s.~%u~", ca, i);
        if (fstatat(a->store->accounts.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        return dir_rename(&a->store->accounts, ca, name, e) && dir_sync(&a->store->accounts, e);
    }
    return err_set(e, ERR_CLASS_INTERNAL, "%s holds too many old accounts %s.~N~: remove some",
                   a->store->accounts.path, ca);
}

static bool fill_new(const struct dir *d, const struct config_ca *ca, const struct key *key, struct err *e)
{
    char *record = record_text(&(struct account_record){.directory = ca->directory, .url = ""});
    struct buf pem;
    bool ok;

    if (record == NULL)
        return err_nomem(e, "making an account");
    buf_init_secret(&pem, FILE_MAX);
    ok = key_to_pem(key, &pem, e);
    if (ok) {
        const struct file_content files[] = {
            {KEY_FILE, pem.data, pem.len, FILE_PRIVATE},
            {RECORD_FILE, record, strlen(record), FILE_PRIVATE},
        };

        ok = file_write_all(d, files, 2, e) && dir_sync(d, e);
    }
    buf_clear(&pem);
    free(record);
    return ok;
}

/* Key and record appear together, by one rename: a key without its directory's URL could meet the wrong CA.
 */
static bool make(struct accounts *a, struct account *account, struct err *e)
{
    const struct dir *parent = &a->store->accounts;
    char temporary[CONFIG_NAME_MAX + 16];
    struct dir d;
    bool ok;

    (void)snprintf(temporary, sizeof temporary, ".new-%s", account->ca->name);
    account->key = account_new_key(account, e);
    account->url = strdup("");
    if (account->key == NULL || account->url == NULL)
        return account->key == NULL ? false : err_nomem(e, "making an account");
    if (!dir_remove(parent, temporary, e) || !dir_make(&d, parent, temporary, 0700, e))
        return false;
    ok = fill_new(&d, account->ca, account->key, e) && dir_rename(parent, temporary, account->ca->name, e);
    dir_close(&d);
    if (!ok)
        (void)dir_remove(parent, temporary, NULL);
    ok = ok && dir_sync(parent, e);
    if (ok)
        log_notice(NULL, "made a new account key for the CA %s, in %s/%s", account->ca->name, parent->path,
                   account->ca->name);
    return ok;
}

/* Directory and URL are the caller's. False: account.json is missing or damaged. */
static bool read_record(const struct dir *d, struct account *account, char **directory, char **url,
                        struct err *e)
{
    struct buf text;
    json_t *record = NULL;
    const char *directory_text = NULL;
    const char *url_text = NULL;
    const char *status = NULL;
    const char *contact = NULL;

    buf_init(&text, FILE_MAX + 8192);
    if (file_read(d, RECORD_FILE, &text, NULL, NULL, e))
        record = json_read_object(text.len > 0 ? text.data : "", text.len, RECORD_MAX, e);
    buf_clear(&text);
    if (record != NULL && json_need_string(record, "directory", &directory_text, e) &&
        json_need_string(record, "url", &url_text, e) && json_member_string(record, "status", &status, e) &&
        json_member_string(record, "contact", &contact, e)) {
        account->deactivated = status != NULL && strcmp(status, "deactivated") == 0;
        account->contact = contact != NULL ? strdup(contact) : NULL; /* or it is sent once more */
        *directory = strdup(directory_text);
        *url = strdup(url_text);
    }
    json_decref(record);
    return *directory != NULL && *url != NULL;
}

enum found { FOUND_GOOD, FOUND_OTHER_DIRECTORY, FOUND_NO_KEY, FOUND_ERROR };

static enum found load_key(const struct dir *d, struct account *account, struct err *e)
{
    struct buf pem;
    bool missing;

    buf_init_secret(&pem, FILE_MAX + 8192);
    if (!file_read_secret(d, KEY_FILE, &pem, &missing, e)) {
        buf_clear(&pem);
        return missing ? FOUND_NO_KEY : FOUND_ERROR;
    }
    account->key = key_from_pem(pem.len > 0 ? pem.data : "", pem.len, e);
    buf_clear(&pem);
    if (account->key != NULL)
        return FOUND_GOOD;
    return e->class == ERR_CLASS_CONFIG ? FOUND_NO_KEY : FOUND_ERROR; /* its text is bad, or memory is out */
}

static enum found load_from(const struct dir *d, struct account *account, struct err *e)
{
    char *directory = NULL;
    char *url = NULL;
    enum found found = load_key(d, account, e);

    if (found != FOUND_GOOD)
        return found;
    if (!read_record(d, account, &directory, &url, e)) {
        /* The key alone is enough: newAccount with a known key finds the account (RFC 8555 section 7.3.1). */
        log_warning(
            NULL,
            "the record of the account with the CA %s is damaged (%s); the account is looked up at the CA",
            account->ca->name, e->text);
        free(directory);
        free(url);
        account->url = strdup("");
        if (account->url == NULL)
            (void)err_nomem(e, "reading an account");
        return account->url != NULL &&
                       account_write_record(
                           d, &(struct account_record){.directory = account->ca->directory, .url = ""}, e)
                   ? FOUND_GOOD
                   : FOUND_ERROR;
    }
    if (strcmp(directory, account->ca->directory) != 0)
        found = FOUND_OTHER_DIRECTORY;
    free(directory);
    /* A URL of another origin would be refused by each handler, so it counts as none. */
    if (found == FOUND_GOOD && *url != '\0' && !http_same_origin(url, account->ca->directory))
        *url = '\0';
    account->url = url;
    if (found == FOUND_GOOD && !account_load_next(d, account, e))
        found = FOUND_ERROR;
    return found;
}

static bool load(struct accounts *a, struct account *account, struct err *e)
{
    const char *name = account->ca->name;
    struct dir d;
    bool missing;
    enum found found;

    if (!dir_open(&d, &a->store->accounts, name, &missing, e))
        return missing && make(a, account, e);
    found = load_from(&d, account, e);
    dir_close(&d);
    switch (found) {
    case FOUND_GOOD:
        return true;
    case FOUND_ERROR:
        return false;
    case FOUND_OTHER_DIRECTORY:
        log_notice(
            NULL,
            "the directory of the CA %s is now %s: its old account is kept as %s.~N~, a new one is made",
            name, account->ca->directory, name);
        break;
    case FOUND_NO_KEY:
        log_error(
            NULL,
            "the account with the CA %s has no usable key (%s): it is kept as %s.~N~, a new account is made",
            name, *e->text != '\0' ? e->text : "key.pem is missing", name);
        break;
    }
    forget(account);
    return set_aside(a, name, e) && make(a, account, e);
}

const struct account *accounts_get(struct accounts *a, const struct config_ca *ca, struct err *e)
{
    struct account *account = accounts_find(a, ca);
    struct err own;

    if (e == NULL)
        e = &own;
    err_clear(e);
    if (account == NULL) {
        (void)err_set(e, ERR_CLASS_INTERNAL, "no such CA");
        return NULL;
    }
    if (account->key != NULL)
        return account;
    account->wants_key = false;
    if (load(a, account, e))
        account->thumbprint = jws_thumbprint(account->key, e);
    if (account->thumbprint != NULL)
        return account;
    forget(account);
    (void)err_wrap(e, "the account with the CA %s", ca->name);
    return NULL;
}

struct save {
    struct account *account;
    struct dir dir;
    int fd; /* of the record, not in its place yet; -1: it is */
    char *url;
    accounts_done *on_done;
    void *arg;
};

static bool publish_record(void *write, struct err *e)
{
    struct save *s = write;
    int fd = s->fd;

    s->fd = -1;
    return file_replace_finish(&s->dir, RECORD_FILE, fd, e);
}

static bool sync_record(void *write, struct err *e)
{
    const struct save *s = write;

    return dir_sync(&s->dir, e);
}

static void save_free(struct save *s)
{
    if (s->fd >= 0)
        file_replace_abandon(&s->dir, RECORD_FILE, s->fd);
    dir_close(&s->dir);
    free(s->url);
    free(s);
}

static void finish_record(void *write, const struct err *failure)
{
    struct save *s = write;
    struct err why;

    if (failure == NULL) {
        free(s->account->url);
        s->account->url = s->url;
        s->url = NULL;
        s->on_done(s->arg, NULL);
    } else {
        why = *failure;
        (void)err_wrap(&why, "saving the URL of the account with the CA %s", s->account->ca->name);
        s->on_done(s->arg, &why);
    }
    save_free(s);
}

static const struct batch_steps save_steps = {
    .publish = publish_record, .sync = sync_record, .finish = finish_record};

static struct save *save_new(struct accounts *a, struct account *account, const char *url, struct err *e)
{
    struct save *s = calloc(1, sizeof *s);

    if (s == NULL) {
        (void)err_nomem(e, "saving the account's URL");
        return NULL;
    }
    s->account = account;
    s->dir = (struct dir)DIR_CLOSED;
    s->fd = -1;
    s->url = strdup(url);
    if (s->url == NULL)
        (void)err_nomem(e, "saving the account's URL");
    else if (dir_open(&s->dir, &a->store->accounts, account->ca->name, NULL, e))
        s->fd =
            begin_record(&s->dir,
                         &(struct account_record){
                             .directory = account->ca->directory, .url = url, .contact = account->contact},
                         e);
    if (s->fd >= 0)
        return s;
    save_free(s);
    return NULL;
}

bool accounts_save_url(struct accounts *a, struct batch *batch, const struct config_ca *ca, const char *url,
                       accounts_done *on_done, void *arg, struct err *e)
{
    struct account *account;
    struct save *s;

    if (accounts_get(a, ca, e) == NULL)
        return false;
    account = accounts_find(a, ca);
    if (strcmp(account->url, url) == 0) {
        on_done(arg, NULL);
        return true;
    }
    s = save_new(a, account, url, e);
    if (s == NULL)
        return err_wrap(e, "saving the URL of the account with the CA %s", ca->name);
    s->on_done = on_done;
    s->arg = arg;
    batch_add(batch, &save_steps, s, ca);
    batch_want(batch);
    return true;
}
